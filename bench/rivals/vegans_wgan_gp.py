"""vegans: WassersteinGANGP, as `vegans_gan.py` has VanillaGAN."""

from vegans_gan import main

if __name__ == "__main__":
    main(penalty=True)
