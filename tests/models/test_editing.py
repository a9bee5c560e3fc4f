"""Directions, projection and mixtures, on generators whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core import marks
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.models import latent_file
from ganzfeld.models.directions import along, directions_of, effect, parse
from ganzfeld.models.latent_layers import entries_of
from ganzfeld.models.mix import mix
from ganzfeld.models.mix import parse as parse_sample
from ganzfeld.models.model import Model
from ganzfeld.models.project import own_error, project
from ganzfeld.networks.dcgan import DCGANGenerator
from ganzfeld.networks.residual import ResidualGenerator

pytestmark = pytest.mark.long


def model_of(generator: nn.Module, latent: int, shape: tuple[int, ...], **more: Any) -> Model:
    about = {"shape": list(shape), "latent": latent, "classes": [], "recipe": "test"}
    return Model(about | {"latents": "threefry4x32-20/box-muller-1"} | more, generator)


class LinearGenerator(nn.Module):
    """x = W z + b, with the singular values 4, 2, 1, 0.5 and known right singular vectors."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        left, _ = torch.linalg.qr(torch.randn(48, 4, dtype=torch.float64))
        right, _ = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))
        self.right = right
        self.layer = nn.Linear(4, 48)
        weight = left @ torch.diag(torch.tensor([4.0, 2.0, 1.0, 0.5]).double()) @ right.T
        self.layer.weight.data = weight.float()

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        out: Tensor = 0.05 * self.layer(z)
        return out.view(-1, 3, 4, 4)


def test_directions_of_a_linear_generator_are_its_singular_vectors() -> None:
    generator = LinearGenerator()
    model = model_of(generator, 4, (3, 4, 4))
    found = directions_of(model)
    assert found.layers == ("layer",)
    torch.testing.assert_close(found.strengths, torch.tensor([4.0, 2.0, 1.0, 0.5]))
    torch.testing.assert_close(found.share, torch.tensor([16.0, 4.0, 1.0, 0.25]) / 21.25)
    for own, known in zip(found.vectors, generator.right.T, strict=True):
        assert abs(float(own.double() @ known)) > 1 - 1e-6
        assert own[own.abs().argmax()] > 0, "the sign is fixed"
    # a step of 2 along the second moves the sample by 2 * 2 along the left singular vector
    moved = model.sample(2, shift=found.shift({1: 2.0})) - model.sample(2)
    torch.testing.assert_close(moved.flatten(1).norm(dim=1), torch.full((2,), 0.05 * 4.0))
    effects = [effect(model, number) for number in range(4)]
    assert effects == sorted(effects, reverse=True)
    assert effects[0] / effects[3] == pytest.approx(8, rel=1e-3)


def test_classes_and_planes_of_noise_have_no_part_in_directions() -> None:
    torch.manual_seed(0)
    generator = DCGANGenerator((1, 8, 8), latent=6, classes=3, width=4, noise=1).eval()
    model = model_of(generator, generator.latent, (1, 8, 8), classes=["a", "b", "c"])
    found = directions_of(model)
    assert found.vectors.shape == (6, generator.latent) and generator.latent > 6
    assert not found.vectors[:, 6:].any()
    weight = generator.linear.weight[:, :6].double()
    torch.testing.assert_close(found.strengths, torch.linalg.svdvals(weight).float())
    names = [entry.name for entry in entries_of(model)]
    assert names == ["linear", "ups.0"], "the planes of noise join later layers"


def test_a_residual_generator_has_directions() -> None:
    torch.manual_seed(0)
    model = model_of(ResidualGenerator((3, 8, 8), latent=5, width=4, group=4), 5, (3, 8, 8))
    assert directions_of(model).layers == ("scale",)


class Styled(nn.Module):
    """Two layers that take the latent: the first is coarse, the second adds to its result."""

    def __init__(self, normalised: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.normalised = normalised
        self.coarse, self.fine = nn.Linear(4, 16), nn.Linear(4, 16)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if self.normalised:
            z = z / z.norm(dim=1, keepdim=True)
        return (self.coarse(z).tanh() + 0.1 * self.fine(z)).view(-1, 1, 4, 4)


def test_layers_that_take_the_latent_count_together_and_are_mixed() -> None:
    generator = Styled()
    model = model_of(generator, 4, (1, 4, 4))
    found = directions_of(model)
    stacked = torch.cat([generator.coarse.weight, generator.fine.weight]).double()
    torch.testing.assert_close(found.strengths, torch.linalg.svdvals(stacked).float())
    mixed = mix(model, (3, 0), (4, 2), columns=5)
    a, b = model.sample(1, seed=3)[0], model.sample(1, seed=4, start=2)[0]
    assert torch.equal(mixed.between[0], a) and torch.equal(mixed.between[-1], b)
    assert mixed.layers == ("coarse", "fine") and mixed.crossed is not None
    assert torch.equal(mixed.crossed[0], b) and torch.equal(mixed.crossed[2], a)
    za, zb = model.latents_of([0], 3), model.latents_of([2], 4)
    with torch.no_grad():
        expected = generator.coarse(za).tanh() + 0.1 * generator.fine(zb)
    torch.testing.assert_close(mixed.crossed[1].flatten(), expected[0])
    assert torch.equal(model.sample(1, seed=3)[0], a), "no hook is left behind"


def test_one_layer_gives_no_mixture_and_none_gives_one_sentence() -> None:
    assert mix(model_of(LinearGenerator(), 4, (3, 4, 4)), (1, 0), (2, 0)).crossed is None
    with pytest.raises(UsageError, match="no layer of its generator takes the latent as it is"):
        directions_of(model_of(Styled(normalised=True), 4, (1, 4, 4)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    return ganzfeld.train(
        "avatars:64",
        out=tmp_path_factory.mktemp("editing") / "run",
        size=16,
        images=320,
        batch=32,
        settings=["networks.*.width=4", "networks.G.latent=8", "run.evaluate_final=false"],
        quiet=True,
    )


@pytest.fixture(scope="module")
def model(run: ganzfeld.Run) -> Model:
    loaded = ganzfeld.load(run.path)
    assert isinstance(loaded, Model)
    return loaded


def test_a_step_of_zero_is_the_sample_itself(model: Model) -> None:
    plain = model.sample(40, seed=3)
    way = directions_of(model)
    assert torch.equal(model.sample(40, seed=3, shift=way.shift({0: 0.0})), plain)
    moved = model.sample(5, seed=3, start=30, shift=way.shift({0: 2.5, 1: -1}))
    z = model.latents_of(range(30, 35), 3) + 2.5 * way.vectors[0] - way.vectors[1]
    expected = model.draw(z, model.labels_of(range(30, 35), 3, []))
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-5)
    assert not torch.allclose(moved, plain[30:35], atol=1e-3)
    sheet = along(model, 1, (-3.0, 0.0, 3.0), count=2, seed=3)
    assert torch.equal(sheet[1::3], plain[:2]), "the middle of a sheet is the sample"
    best = model.sample(3, of=9, rank="discriminator", shift=way.shift({0: 2.0}))
    assert not torch.equal(best, model.sample(3, of=9, rank="discriminator"))


def test_an_own_sample_is_found_again(model: Model) -> None:
    names = [model.classes[label] for label in model.labels_of([0, 1], 9, []) or []]
    x = model.sample(2, seed=9)
    found = project(model, x, steps=200, candidates=64, labels=names)
    assert max(found.errors) < 0.004, "of pixels in [0, 1]"
    assert all(e < 0.1 * s for e, s in zip(found.errors, found.starts, strict=True))
    alone = project(model, x[1:], steps=200, candidates=64, labels=names[1:])
    assert torch.equal(alone.latents.z[0], found.latents.z[1]), "an image by itself, to the bit"
    assert torch.equal(latent_file.draw(model, found.latents), found.samples)


def test_steps_never_make_it_worse_and_classes_are_tried(model: Model) -> None:
    noise = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    start = project(model, noise, steps=0, candidates=64)
    assert start.errors[0] == pytest.approx(start.starts[0], abs=1e-6)
    assert project(model, noise, steps=20, candidates=64).errors[0] <= start.errors[0] + 1e-6
    assert own_error(model, 1, steps=5, candidates=32) > 0, "none of its own candidates"
    with pytest.raises(UsageError, match="images must be"):
        project(model, noise[:, :, :8])


def test_files_of_latents(model: Model, tmp_path: Path) -> None:
    z = model.latents_of([0, 1, 2], 5)
    y = torch.tensor(model.labels_of([0, 1, 2], 5, []))
    path = tmp_path / "z.safetensors"
    latent_file.save(path, latent_file.Latents(z, y), model)
    again = latent_file.read(path, model)
    assert torch.equal(latent_file.draw(model, again), model.sample(3, seed=5))
    assert latent_file.read(path, model, model.classes[2]).y.tolist() == [2, 2, 2]  # type: ignore[union-attr]
    np.save(tmp_path / "z.npy", z.numpy())
    assert torch.equal(latent_file.read(tmp_path / "z.npy", model).z, z)
    other = model_of(LinearGenerator(), 4, (3, 4, 4))
    with pytest.raises(UsageError, match="of another model"):
        latent_file.read(path, other)
    with pytest.raises(UsageError, match="this model takes 4"):
        latent_file.read(tmp_path / "z.npy", other)
    latent_file.save(path, latent_file.Latents(z / 0, y), model)
    with pytest.raises(CheckpointError, match="not finite"):
        latent_file.read(path, model)
    latent_file.save(path, latent_file.Latents(z, y + 100), model)
    with pytest.raises(CheckpointError, match="does not name its classes"):
        latent_file.read(path, model)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(CheckpointError):
        latent_file.read(path, model)


@pytest.mark.parametrize("text", ["0", "x=1", "0=x", "-1=2", "0=1 0=2", "=1"])
def test_what_is_no_direction(text: str) -> None:
    with pytest.raises(UsageError, match="NUMBER=STEP"):
        parse(text.split())


@pytest.mark.parametrize("text", ["", "a", "1:", "1:b", "-1", ":3"])
def test_what_is_no_sample(text: str) -> None:
    with pytest.raises(UsageError, match="SEED:NUMBER"):
        parse_sample(text)


def test_steps_that_cannot_be_taken(model: Model) -> None:
    with pytest.raises(UsageError, match="there is no direction 9"):
        directions_of(model).shift({9: 1.0})
    for step in (float("nan"), float("inf"), 1e9):
        with pytest.raises(UsageError, match="direction 0 is a number"):
            directions_of(model).shift({0: step})


def test_the_commands(
    run: ganzfeld.Run, model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = str(run.path)
    main(["directions", where, "--out", str(tmp_path / "d"), "--count", "2", "--samples", "2"])
    for name in ("directions.png", "direction-0.png", "direction-1.png"):
        said = marks.read(tmp_path / "d" / name)
        assert said is not None and "0" in (said["directions"] | {"0": None})
    told = json.loads((tmp_path / "d" / "directions.json").read_text())
    assert [row["direction"] for row in told["directions"]] == [0, 1]
    words = ["--count", "2", "--seed", "4", "--direction", "0=2.5", "1=-1"]
    main(["sample", where, *words, "--out", str(tmp_path / "moved")])
    files = sorted((tmp_path / "moved").iterdir())
    said = marks.read(files[1])
    assert said is not None and said["directions"] == {"0": 2.5, "1": -1.0}
    capsys.readouterr()
    main(["sample", where, "--from", str(files[1])])
    assert "equal to the bit" in capsys.readouterr().out
    words = ["--steps", "5", "--candidates", "32", "--compare", "1"]
    main(["project", where, str(files[0]), *words, "--out", str(tmp_path / "p")])
    out = capsys.readouterr().out
    assert "samples of the model itself" in out and "images of the data" in out
    latents = tmp_path / "p" / "latents.safetensors"
    main(["sample", where, "--latent", str(latents), "--out", str(tmp_path / "again")])
    again = next((tmp_path / "again").iterdir())
    errors = json.loads((tmp_path / "p" / "projected.json").read_text())["images"]
    read = latent_file.read(latents, model)
    assert len(errors) == len(read.z) == 1
    from PIL import Image

    with Image.open(again) as image:
        pixels = np.asarray(image).transpose(2, 0, 1)
    assert np.array_equal(pixels, model.store(latent_file.draw(model, read))[0])
    main(["mix", where, "1", "2:3", "--out", str(tmp_path / "mixed.png")])
    assert "layers are not mixed" in capsys.readouterr().out
    assert marks.read(tmp_path / "mixed.png") is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sample", "--from", "again"], "file of latents"),
        (["sample", "RUN", "--latent", "none", "--out", "o"], "none"),
        (["sample", "RUN", "--latent", "F", "--seed", "3", "--out", "o"], "takes no --seed"),
        (["sample", "RUN", "--direction", "99=1", "--out", "o"], "there is no direction 99"),
        (["project", "RUN", "none.png", "--out", "o"], "there is no image at none.png"),
        (["project", "RUN", "F.png", "--out", "o"], "F.png cannot be read"),
        (["mix", "RUN", "1", "b", "--out", "o.png"], "SEED:NUMBER"),
    ],
)
def test_one_clear_screen(
    words: list[str],
    said: str,
    run: ganzfeld.Run,
    model: Model,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("F", "F.png"):
        (tmp_path / name).write_bytes(b"neither latents nor an image")
    if words[1] == "--from":
        latent_file.save("z.safetensors", latent_file.Latents(model.latents_of([0], 0)), model)
        main(["sample", str(run.path), "--latent", "z.safetensors", "--out", "drawn"])
        words = ["sample", "--from", str(next((tmp_path / "drawn").iterdir()))]
    with pytest.raises(SystemExit) as stopped:
        main([str(run.path) if word == "RUN" else word for word in words])
    err = capsys.readouterr().err
    assert stopped.value.code in (2, 3, 4, 5), err
    assert said in err and "fix:" in err and "bug" not in err and not Path("o").exists()
