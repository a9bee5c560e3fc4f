"""One image in, one array out, or the right reason."""

import corpus
import numpy as np
import pytest
from PIL import Image

from ganzfeld.modalities.image.bad import BadPicture
from ganzfeld.modalities.image.codec import EXIF_ORIENTATION, Target, decode, probe


def target(height=32, width=32, channels=3, **options):
    return Target(height=height, width=width, channels=channels, **options)


@pytest.mark.parametrize("case", corpus.bad_cases(), ids=lambda case: case.name)
def test_a_bad_picture_is_named_with_its_reason(case):
    with pytest.raises(BadPicture) as caught:
        decode(case.data, target(), case.name)
    assert case.expected in str(caught.value)


@pytest.mark.parametrize("case", corpus.odd_cases(), ids=lambda case: ascii(case.name)[:40])
def test_an_odd_picture_is_decoded_and_counted(case):
    done = decode(case.data, target(), case.name)
    assert done.pixels.shape == (3, 32, 32)
    assert case.expected in " ".join(done.facts)
    assert np.ptp(done.pixels) > 5  # neither all black nor all white
    assert probe(case.data).height >= 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind, orientation):
    upright = Image.fromarray(corpus.scene(48, 64))
    turn = Image.Transpose
    backwards = {
        2: turn.FLIP_LEFT_RIGHT, 3: turn.ROTATE_180, 4: turn.FLIP_TOP_BOTTOM, 5: turn.TRANSPOSE,
        6: turn.ROTATE_90, 7: turn.TRANSVERSE, 8: turn.ROTATE_270,
    }  # fmt: skip
    stored = upright.transpose(backwards[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    lossy = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    data = corpus.encoded(stored, kind, exif=exif, **lossy)
    done = decode(data, target(48, 64))
    difference = done.pixels.astype(int) - corpus.scene(48, 64).transpose(2, 0, 1)
    assert np.abs(difference).mean() < 4
    assert ("turned as EXIF says" in done.facts) == (orientation > 1)
    header = probe(data)
    assert (header.height, header.width) == (48, 64)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_16_bit_ramp_keeps_its_levels(kind):
    data = corpus.encoded(Image.fromarray(corpus.ramp16()), kind)
    pixels = decode(data, target(64, 64, 1)).pixels
    assert len(np.unique(pixels)) > 200
    assert np.array_equal(pixels[0], corpus.ramp16() >> 8)


def test_16_bit_colour_takes_the_high_byte():
    header = corpus.struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0)
    row = b"\0" + np.full((16, 3), 0x80FF, ">u2").tobytes()
    chunks = [(b"IHDR", header), (b"IDAT", corpus.zlib.compress(row * 16)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(corpus.chunk(*c) for c in chunks)
    assert set(np.unique(decode(data, target(16, 16)).pixels)) <= {0x80, 0x81}


@pytest.mark.parametrize(("alpha", "level"), [("white", 255), ("black", 0)])
@pytest.mark.parametrize("kind", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_its_ground(kind, alpha, level):
    data = (
        corpus.palette_with_transparency()
        if kind == "P"
        else corpus.encoded(corpus.with_alpha(kind), "PNG")
    )
    side = corpus.SIDE
    pixels = decode(data, target(side, side, alpha=alpha)).pixels
    assert (pixels[:, :, : side // 2] == level).all()  # no trace of the red under alpha 0
    assert (pixels[2, :, side // 2 :] >= 20).all()


def test_alpha_can_be_kept():
    side = corpus.SIDE
    rgba = corpus.encoded(corpus.with_alpha("RGBA"), "PNG")
    pixels = decode(rgba, target(side, side, 4, alpha="keep")).pixels
    assert (pixels[3, :, : side // 2] == 0).all() and (pixels[3, :, side // 2 :] == 255).all()
    opaque = decode(corpus.png(), target(side, side, 4, alpha="keep")).pixels
    assert (opaque[3] == 255).all()
    grey = corpus.encoded(corpus.with_alpha("LA"), "PNG")
    assert decode(grey, target(side, side, 2, alpha="keep")).pixels.shape == (2, side, side)


def test_a_float_picture_keeps_its_levels():
    values = np.linspace(0, 1, 64 * 64).reshape(64, 64)
    pixels = decode(corpus.floats(values), target(64, 64, 1)).pixels
    assert np.array_equal(pixels[0], np.rint(values.astype(np.float32) * 255))


def test_cmyk_comes_out_in_its_colours():
    data = corpus.encoded(corpus.rgb().convert("CMYK"), "JPEG", quality=95)
    pixels = decode(data, target(corpus.SIDE, corpus.SIDE)).pixels
    assert np.abs(pixels.astype(int) - corpus.scene().transpose(2, 0, 1)).mean() < 6


def test_an_embedded_profile_is_applied_and_a_broken_one_is_not():
    # sRGB's red and green columns exchanged: a profile that visibly changes colours.
    srgb = bytearray(corpus.other_profile())
    at = {srgb[132 + 12 * i : 136 + 12 * i].decode(): 132 + 12 * i for i in range(srgb[131])}
    for name, other in (("rXYZ", b"gXYZ"), ("gXYZ", b"rXYZ")):
        srgb[at[name] : at[name] + 4] = other
    start = bytes(srgb).find(b"s\0R\0G\0B\0")  # the description, or it counts as sRGB
    srgb[start : start + 8] = b"o\0t\0h\0e\0"
    start = bytes(srgb).find(b"\0s\0R\0G\0B")
    if start >= 0:
        srgb[start : start + 8] = b"\0o\0t\0h\0e"
    plain = decode(corpus.png(), target(48, 48)).pixels
    done = decode(corpus.png(icc_profile=bytes(srgb)), target(48, 48))
    assert "colour profile to sRGB" in done.facts
    assert np.abs(done.pixels.astype(int) - plain).mean() > 10
    broken = decode(corpus.png(icc_profile=b"junk" * 64), target(48, 48))
    assert np.array_equal(broken.pixels, plain)


def test_the_first_frame_is_taken():
    frames = [corpus.rgb(seed=k).quantize(64) for k in range(3)]
    data = corpus.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    pixels = decode(data, target(48, 48)).pixels
    assert np.abs(pixels.astype(int) - corpus.scene().transpose(2, 0, 1)).mean() < 12


@pytest.mark.parametrize("size", [(28, 28), (64, 64), (96, 96), (128, 192), (17, 5)])
def test_any_size_covers_and_cuts_the_centre(size):
    x = np.linspace(0, 255, 300).astype(np.uint8)
    wide = Image.fromarray(np.broadcast_to(x, (100, 300)).copy())
    pixels = decode(corpus.encoded(wide, "PNG"), target(*size, channels=1)).pixels
    assert pixels.shape == (1, *size)
    middle = (int(pixels[0, 0, 0]) + int(pixels[0, 0, -1])) / 2
    assert abs(middle - 127.5) < 2  # as much was cut on the left as on the right
    assert np.ptp(pixels[0], axis=0).max() == 0


def test_reduced_decoding_of_large_jpegs_looks_the_same():
    large = Image.fromarray(corpus.scene(900, 1200))
    data = corpus.encoded(large, "JPEG", quality=95)
    reduced = decode(data, target(64, 64)).pixels
    full = decode(corpus.encoded(large, "PNG"), target(64, 64)).pixels
    assert np.abs(reduced.astype(int) - full).mean() < 2


def test_the_size_limit_is_checked_before_decoding():
    data = corpus.encoded(Image.new("L", (1200, 1000)), "PNG")
    decode(data, target())
    with pytest.raises(BadPicture, match="too large: 1 megapixels, the limit is 1"):
        decode(data, target(max_megapixels=1.0))


def test_a_small_picture_is_fine_when_it_need_not_grow():
    data = corpus.encoded(Image.new("L", (6, 6), 9), "PNG")
    assert decode(data, target(6, 6, 1)).pixels.shape == (1, 6, 6)
    with pytest.raises(BadPicture, match="too small: 6 x 6"):
        decode(data, target(8, 8, 1))


def survivors(count, seed=0):
    """How many of the mutated images decode; all others must be named bad."""
    decoded = 0
    for name, data in corpus.mutations(count, seed):
        try:
            pixels = decode(data, target(), name).pixels
        except BadPicture as error:
            assert str(error)
            continue
        assert pixels.shape == (3, 32, 32)
        decoded += 1
    return decoded


def test_mutated_pictures_decode_or_are_named():
    assert 10 < survivors(300) < 290


@pytest.mark.slow
def test_2000_mutated_pictures_decode_or_are_named():
    assert 50 < survivors(2000, seed=1) < 1950


def test_every_damaged_png_is_noticed():
    data = corpus.png()
    for at in range(33, len(data) - 12, 97):  # behind the header
        with pytest.raises(BadPicture):
            decode(corpus.flipped(data, at), target())


CUTTABLE = {
    "PNG": {},
    "JPEG": {},
    "progressive": {"progressive": True},
    "WEBP": {},
    "GIF": {},
    "BMP": {},
    "TIFF": {},
    "lzw": {"compression": "tiff_lzw"},
}


@pytest.mark.parametrize("kind", CUTTABLE)
def test_a_file_cut_anywhere_is_noticed(kind):
    names = {"progressive": "JPEG", "lzw": "TIFF"}
    data = corpus.encoded(corpus.rgb(), names.get(kind, kind), **CUTTABLE[kind])
    places = {*range(0, len(data), max(1, len(data) // 40)), *range(len(data) - 4, len(data))}
    whole = decode(data, target()).pixels
    for place in sorted(places):
        try:
            pixels = decode(data[:place], target()).pixels
        except BadPicture:
            continue
        # A GIF may lack its last two bytes, which hold nothing of the image.
        assert kind == "GIF" and place >= len(data) - 2 and np.array_equal(pixels, whole)


def test_reading_leaves_pillow_as_it_was():
    from PIL import ImageFile

    decode(corpus.png(), target())
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert Image.MAX_IMAGE_PIXELS == 89478485
