"""The DCGAN of `torch_dcgan.py` at the size of the data: the last layer is left out at 28 or 32."""

from torch_dcgan import main

if __name__ == "__main__":
    main(None)
