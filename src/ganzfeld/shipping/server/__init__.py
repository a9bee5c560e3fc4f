"""`ganzfeld serve`: samples of models over HTTP. Needs uvicorn (`pip install 'ganzfeld[serve]'`).

An ASGI application of its own on uvicorn: no framework, no forms, no templates. What each address
takes is one table (`table.py`), which validates requests and makes /openapi.json.

    GET  /                                the app (`page_html.app`)
    GET  /v1/models                       the models (below)
    GET  /v1/models/NAME/sample           ?seed=1&index=0&label=bob&std=0.7&format=png&revision=...
    POST /v1/models/NAME/samples          {"seed": 1, "start": 0, "count": 16, "format": "zip"}
    POST /v1/models/NAME/interpolation    {"seeds": [1, 2], "frames": 24, "format": "webp"}
    POST /v1/models/NAME/score            an image as the body; ?label=bob
    POST /v1/models/NAME/translation      an image as the body; ?to=b
    POST /v1/models/NAME/captions         an image as the body; ?count=5
    POST /v1/models/NAME/projection       an image as the body; ?steps=100&label=bob
    POST /v1/models/NAME/edited           {"latent": "...", "directions": {"0": "1.5"}}
    GET  /health /ready /metrics /openapi.json /docs

GET /v1/models answers (`served.py` makes it; null or [] where something is not there)::

    {"software": "ganzfeld 0.1.0",
     "limits": {"count": 64, "pixels": 4000000, "body": 8388608, "queue": 256, "seconds": 30},
     "models": [
       {"name": "faces",                  # in addresses
        "task": "generation",             # or "translation", "captioning"
        "modality": "audio",              # the kind of its samples
        "noun": "sounds", "one": "sound",
        "recipe": "hinge",
        "shape": [3, 32, 32],             # of a sample as the network sees it
        "classes": ["bald", "bob"],       # names for `label`
        "conditions": ["age"],            # names for `numbers`
        "text": false,                    # whether it draws captions: `text`
        "extra": {},                      # of series: names, mean and deviation of the channels
        "latent": 100,
        "latents": "threefry4x32-20/box-muller-1",
        "weights": "9f2c...",             # SHA-256
        "revision": "9f2c0a1b2c3d4e5f",   # for ?revision=: the answer then may be cached for ever
        "license": null,
        "engine": "torch",                # or "onnx"
        "media_type": "image/png",        # of one sample
        "formats": {"sample": ["png", "webp", "json"],
                    "samples": ["grid", "zip", "json"],
                    "interpolation": ["webp", "gif", "png"]},
        "score": true,                    # whether there is a discriminator
        "captions": false,                # whether it writes captions of images
        "projection": true,               # whether it finds images in its latent space
        "directions": [],                 # of a translation: [{"from": "a", "to": "b"}]
        "size": null}]}                   # and [height, width] that it was trained on

"samples" as "json" answers {"media_type": "image/png", "samples": [{"seed": "1", "index": "0",
"label": "bob", "score": 1.2, "data": "BASE64 of the file"}]}; kinds that are text, numbers or
rows have "value" instead of "data". Seeds and indices reach 2^64 - 1: as JSON they may be strings
of digits, and in answers they are. Errors are RFC 9457 problem+json: {"type", "title", "status",
"detail", "field", "fix", "id"}.
"""
