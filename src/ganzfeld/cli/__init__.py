"""What each command takes. Nothing here imports torch before it runs, so that help is quick."""
