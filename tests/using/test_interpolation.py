"""Slerp's mathematics, and frames that do not depend on their number."""

import math
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from PIL import Image

import ganzfeld
from ganzfeld.cli import options
from ganzfeld.cli.main import main
from ganzfeld.errors import UsageError
from ganzfeld.models import interpolate
from ganzfeld.models.interpolate import path, slerp
from ganzfeld.models.model import Model, latent

pytestmark = pytest.mark.long

A, B = latent(100, 1, 0), latent(100, 2, 0)


def test_the_ends_are_the_latents_to_the_bit() -> None:
    assert torch.equal(slerp(A, B, 0), A) and torch.equal(slerp(A, B, 1), B)


def test_known_points_of_a_quarter_circle() -> None:
    x, y = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    third = torch.tensor([2 * math.cos(math.pi / 6), 2 * math.sin(math.pi / 6)])
    torch.testing.assert_close(slerp(x, y, 1 / 3), third)
    torch.testing.assert_close(slerp(x, 2 * y, 0.5).norm(), torch.tensor(3.0))


def test_equal_speed_and_lengths_between_those_of_the_ends() -> None:
    way = [slerp(A, B, i / 10).double() for i in range(11)]
    angles = [float(torch.acos((p @ q) / p.norm() / q.norm())) for p, q in pairwise(way)]
    assert max(angles) - min(angles) < 1e-5
    lengths = [float(p.norm()) for p in way]
    assert lengths == sorted(lengths, reverse=bool(A.norm() > B.norm()))
    straight = torch.lerp(A, B, 0.5).norm()
    assert lengths[5] > 1.2 * straight, "a straight line leaves the shell where latents lie"


def test_symmetric() -> None:
    for t in (0.1, 0.5, 0.77):
        torch.testing.assert_close(slerp(A, B, t), slerp(B, A, 1 - t))


@pytest.mark.parametrize("scale", [1.0, -1.0, -1.5, 1.0 + 1e-7])
def test_parallel_and_antipodal_stay_finite_and_on_the_sphere(scale: float) -> None:
    for t in (0.0, 0.25, 0.5, 1.0):
        point = slerp(A, scale * A, t)
        expected = (1 - t + t * abs(scale)) * A.norm()
        torch.testing.assert_close(point.norm(), expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(slerp(A, -A, 0.3), slerp(-A, A, 0.7))
    cosine = slerp(A, -A, 0.25) @ A / A.norm() ** 2
    torch.testing.assert_close(cosine, torch.tensor(math.sqrt(0.5)))


def test_almost_antipodal_is_accurate() -> None:
    other = -A + 1e-3 * B
    way = slerp(A, other, 0.5)
    assert abs(float(way @ A) / float(A.norm() ** 2)) < 1e-3
    torch.testing.assert_close(way.norm(), (A.norm() + other.norm()) / 2, rtol=1e-5, atol=0)


def test_loops_come_back_without_a_double() -> None:
    assert len(list(path([A, B], per_leg=4, loop=False))) == 5
    way = list(path([A, B, A + B], per_leg=4, loop=True))
    assert len(way) == 12 and not torch.equal(way[-1], way[0])


def test_frames_do_not_depend_on_their_number(make_model: Callable[..., Model]) -> None:
    model = make_model(("a", "b"))
    few = model.interpolate([1, 2, 3], frames=5, label="b")
    many = model.interpolate([1, 2, 3], frames=20, label="b")
    assert len(few) == 11 and len(many) == 41
    assert torch.equal(few, many[::4])
    assert torch.equal(few[0], model.sample(1, seed=1, labels="b")[0])
    assert torch.equal(few[-1], model.sample(1, seed=3, labels="b")[0])
    assert not torch.equal(few, model.interpolate([1, 2, 3], frames=5, label="a"))
    own = model.interpolate([1, 2], frames=2)
    assert torch.equal(own[0], model.sample(1, seed=1)[0]), "the first image's own class"


def test_what_cannot_be(make_model: Callable[..., Model]) -> None:
    with pytest.raises(UsageError, match="two seeds"):
        make_model().interpolate([1])
    with pytest.raises(UsageError, match="without labels"):
        make_model().interpolate([1, 2], label="a")


def test_files_by_their_ending(run: ganzfeld.Run, tmp_path: Path) -> None:
    command = ["interpolate", str(run.path), "--seeds", "1,2", "--frames", "5"]
    for name, frames in (("x.gif", 6), ("x.webp", 6)):
        main_ok([*command, "--out", str(tmp_path / name)])
        with Image.open(tmp_path / name) as image:
            assert getattr(image, "n_frames", 1) == frames and image.size == (192, 192)
    main_ok([*command, "--loop", "--out", str(tmp_path / "loop.gif")])
    with Image.open(tmp_path / "loop.gif") as image:
        assert getattr(image, "n_frames", 1) == 10
    main_ok([*command, "--out", str(tmp_path / "x.png")])
    with Image.open(tmp_path / "x.png") as image:
        assert image.size == (6 * 66 + 2, 66 + 2), "one row with both ends"


def test_mp4_says_how_to_get_it(
    run: ganzfeld.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.mp4"
    try:
        import av
    except ImportError:
        with pytest.raises(SystemExit) as caught:
            main(["interpolate", str(run.path), "--seeds", "1,2", "--out", str(out)])
        assert caught.value.code == 2 and not out.exists()
        assert "ganzfeld[video]" in capsys.readouterr().err
        return
    main_ok(["interpolate", str(run.path), "--seeds", "1,2", "--frames", "5", "--out", str(out)])
    with av.open(str(out)) as file:
        assert sum(1 for _ in file.decode(video=0)) == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds", "1,x", "--out", "a.gif"], "whole numbers"),
        (["--seeds", "1,2", "--out", "a.jpg"], "should end in"),
        (
            ["--seeds", "1,2", "--frames", "0", "--out", "a.gif"],
            "whole number from 1",
        ),
        (["--seeds", "1,2", "--frames", "2000000", "--out", "a.gif"], "fit"),
        pytest.param(
            ["--seeds", "1,2", "--frames", "1000000000000", "--out", "a.mp4"],
            "to hold at once",
            marks=pytest.mark.skipif(find_spec("av") is None, reason="needs PyAV"),
        ),
        (["--seeds", "1,2", "--frames", "900000", "--out", "a.png"], "to hold at once"),
        (["--seeds", "1,2", "--seconds", "-1", "--out", "a.gif"], "--seconds is a number above 0"),
        (["--seeds", "1,2", "--frames", "2", "--seconds", "9999", "--out", "a.gif"], "600 s"),
        (["--seeds", "1,2", "--seconds", "nan", "--out", "a.gif"], "--seconds is a number above 0"),
        (["--seeds", "1,2", "--seconds", "0", "--out", "a.gif"], "--seconds is a number above 0"),
        (["--out", "a.gif"], "No seeds are given"),
    ],
)
def test_what_is_wrong_is_said(
    run: ganzfeld.Run, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["interpolate", str(run.path), *arguments])
    assert caught.value.code == 2 and words in capsys.readouterr().err


def test_as_many_frames_as_are_said_to_fit_do(
    run: ganzfeld.Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganzfeld.cli import using

    monkeypatch.setattr(using, "MOVING_PIXELS", 10 * 192 * 192)
    monkeypatch.setattr(options, "GRID_PIXELS", 10 * 66 * 66)
    for name, legs, fit in (("a.gif", 1, 10), ("a.gif", 2, 5), ("a.png", 1, 9), ("a.png", 2, 4)):
        seeds = ",".join(str(seed) for seed in range(legs + 1))
        using.check_frames(fit, legs, (3, 16, 16), name == "a.png")
        words = ["--seeds", seeds, "--frames", str(fit + 1), "--out", name]
        with pytest.raises(SystemExit) as caught:
            main(["interpolate", str(run.path), *words])
        assert caught.value.code == 2 and f"--frames {fit}\n" in capsys.readouterr().err
    with pytest.raises(ganzfeld.GanzfeldError, match="0 fit") as refused:
        using.check_frames(1, 11, (3, 16, 16), False)
    assert refused.value.fix == "fewer --seeds"


def test_frames_come_as_they_are_asked_for(make_model: Callable[..., Model]) -> None:
    chunk = next(interpolate.frames(make_model(), [1, 2], per_leg=10**11))
    assert len(chunk) == 32


def main_ok(arguments: list[str]) -> None:
    try:
        main(arguments)
    except SystemExit as done:
        assert done.code in (0, None)
