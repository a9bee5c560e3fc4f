"""Sound: files to waves, waves to spectrograms and back, players and images of them."""
