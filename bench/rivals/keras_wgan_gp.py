"""Keras on PyTorch: the WGAN-GP of `keras_gan.py`."""

from keras_gan import main

if __name__ == "__main__":
    main(penalty=True)
