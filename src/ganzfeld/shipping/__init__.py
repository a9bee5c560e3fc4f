"""What a model becomes: ONNX, one HTML page, a server with an app, a folder for a hub."""
