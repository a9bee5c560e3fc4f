"""Runs as a user starts them from Python: what is in the folder, and what the model does."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganzfeld
from ganzfeld import report
from ganzfeld.cli.main import main
from ganzfeld.errors import (
    CheckpointError,
    DivergedError,
    ForeignCodeError,
    GanzfeldError,
    UsageError,
)
from ganzfeld.modalities.image import draw
from ganzfeld.report.progress import progress_of
from ganzfeld.training.verify import verify_run

TINY = ["networks.G.width=4", "networks.D.width=4"]
EXAMPLES = Path(__file__).parents[1] / "examples"


def tiny(out: Path, source: str = "avatars:64", **options: object) -> ganzfeld.Run:
    arguments = {"size": 16, "images": 640, "batch": 32, "settings": TINY, "quiet": True, **options}
    return ganzfeld.train(source, out=out, **arguments)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    return tiny(tmp_path_factory.mktemp("runs") / "faces")


def test_the_folder_holds_what_is_promised(run: ganzfeld.Run) -> None:
    config = json.loads((run.path / "config.json").read_text())
    assert config["networks"]["G"]["options"]["latent"] == 100, "defaults are written out"
    assert all(config["run"][f"{kind}_every"] for kind in ("save", "sample", "evaluate", "log"))
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert {row["kind"] for row in rows} == {"train", "evaluation"}
    assert rows[-1]["images"] == 640
    assert all(0 < row["diversity"] < 3 for row in rows if row["kind"] == "evaluation")
    assert len(list((run.path / "samples").glob("*.png"))) > 3
    scores = {row["images"]: row["frechet"] for row in rows if row["kind"] == "evaluation"}
    kept = sorted(int(p.name.removeprefix("images-")) for p in (run.path / "checkpoints").iterdir())
    best = min(scores, key=scores.__getitem__)
    assert best in kept and kept[-1] == 640 and len(kept) >= 3
    assert kept[:-3] in ([], [best]), "the newest three, and the best if it is none of them"
    assert {p.name for p in (run.path / "model").iterdir()} == {
        "model.safetensors",
        "discriminator.safetensors",
        "config.json",
        "README.md",
    }


def test_grids_come_often_at_first(run: ganzfeld.Run) -> None:
    marks = sorted(int(p.stem) for p in (run.path / "samples").glob("*.png"))
    gaps = np.diff(marks)
    assert gaps[0] < gaps[-2]


def test_a_picture_depends_on_seed_and_number_alone(run: ganzfeld.Run) -> None:
    model = run.model
    whole = model.sample(70, seed=3)
    assert whole.shape == (70, 3, 16, 16) and whole.dtype == torch.float32
    assert whole.min() >= -1 and whole.max() <= 1
    assert torch.equal(whole[:5], model.sample(5, seed=3))
    assert torch.equal(whole[41:60], model.sample(19, seed=3, start=41))
    assert not torch.equal(whole[:5], model.sample(5, seed=4))
    again = ganzfeld.load(run.path / "model")
    assert torch.equal(whole, again.sample(70, seed=3))


def test_labels_by_name_and_number(run: ganzfeld.Run) -> None:
    model = run.model
    assert len(model.classes) == 10
    by_name = model.sample(4, labels=[model.classes[2], model.classes[5]])
    assert torch.equal(by_name, model.sample(4, labels=[2, 5, 2, 5]))
    assert not torch.equal(by_name, model.sample(4, labels=3))
    with pytest.raises(UsageError, match="no class 'wizrd'"):
        model.sample(1, labels="wizrd")
    with pytest.raises(UsageError, match=r"no class 11\. Known: ") as caught:
        model.sample(1, labels=11)
    assert all(name in caught.value.what for name in model.classes)
    draw = model.images(2)
    assert draw[0].size == (16, 16) and draw[0].mode == "RGB"


def test_the_same_call_again_finds_it_complete(run: ganzfeld.Run) -> None:
    before = (run.path / "model" / "model.safetensors").stat().st_mtime_ns
    tiny(run.path)
    assert (run.path / "model" / "model.safetensors").stat().st_mtime_ns == before


def test_another_setting_is_refused_with_a_table(run: ganzfeld.Run) -> None:
    with pytest.raises(CheckpointError) as caught:
        tiny(run.path, seed=1, batch=16)
    for words in ("run.seed", "run.batch_size", "32", "16", "nothing was changed"):
        assert words in str(caught.value)
    with pytest.raises(CheckpointError, match="other settings") as caught:
        tiny(run.path, images=1280)
    assert f"ganzfeld resume {run.path} --images 1280" in str(caught.value)
    with pytest.raises(CheckpointError, match="other settings") as caught:
        tiny(run.path, size=8)  # the data are the same, whatever their fingerprint at that size
    assert "bring the data back" not in str(caught.value)
    assert "another folder with --out" in str(caught.value)
    assert not re.search("[0-9a-f]{40}", str(caught.value)), "hashes are cut"


@pytest.mark.long
def test_going_beyond_the_end(tmp_path: Path) -> None:
    first = tiny(tmp_path / "run")
    before = ganzfeld.load(first.path, which="last").sample(2)
    ganzfeld.resume(first.path, images=960, quiet=True)
    assert ganzfeld.load(first.path).about["run_images"] == 960
    assert not torch.equal(before, ganzfeld.load(first.path, which="last").sample(2))


def test_an_end_behind_what_was_seen_is_refused(run: ganzfeld.Run) -> None:
    before = (run.path / "config.json").read_bytes()
    with pytest.raises(UsageError, match="has seen 640 images"):
        ganzfeld.resume(run.path, images=256, quiet=True)
    assert (run.path / "config.json").read_bytes() == before


@pytest.mark.parametrize("harm", ["no checkpoints", "other networks"])
def test_a_run_that_cannot_go_on_stays_as_it_was(
    run: ganzfeld.Run, tmp_path: Path, harm: str
) -> None:
    """What was asked for anew is noted only when there is something to go on from."""
    out = tmp_path / "run"
    shutil.copytree(run.path, out)
    if harm == "no checkpoints":
        shutil.rmtree(out / "checkpoints")
    else:
        config = json.loads((out / "config.json").read_text())
        config["networks"]["G"]["options"]["width"] += 4
        (out / "config.json").write_text(json.dumps(config))

    def files() -> dict[Path, bytes]:
        found = (path for path in out.rglob("*") if path.is_file() and path.name != "lock")
        return {path: path.read_bytes() for path in found}

    before = files()
    with pytest.raises(CheckpointError):
        ganzfeld.resume(out, images=1280, quiet=True)
    assert files() == before


@pytest.mark.long
def test_minutes_become_images_once(tmp_path: Path) -> None:
    tiny(tmp_path / "run", images=None, minutes=0.02)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["run"]["minutes"] == 0.02 and config["run"]["images"] >= 32
    tiny(tmp_path / "run", images=None, minutes=0.02)  # measured again, but not asked to be equal
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == config


@pytest.mark.parametrize(
    "channels",
    [pytest.param(n, marks=[] if n in (1, 4) else [pytest.mark.long]) for n in range(1, 5)],
)
def test_any_channels_and_no_labels(tmp_path: Path, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 12, 10, channels), np.uint8)
    np.save(tmp_path / "x.npy", pixels)
    run = tiny(tmp_path / "run", str(tmp_path / "x.npy"), size=None, images=64)
    assert run.model.sample(3).shape == (3, channels, 12, 10)
    assert run.model.classes == []
    with pytest.raises(UsageError, match="without labels"):
        run.model.sample(3, labels=0)


def test_labels_none_is_unconditional(tmp_path: Path) -> None:
    run = tiny(tmp_path / "run", labels="none", images=64)
    assert run.model.classes == []


@pytest.mark.parametrize("recipe", ["own_network.py:tall", "own_game.py:matching"])
def test_ones_own_network_and_game(tmp_path: Path, recipe: str) -> None:
    run = tiny(tmp_path / "run", recipe=f"{EXAMPLES / recipe}", images=64)
    if "network" in recipe:
        with pytest.raises(ForeignCodeError, match="code by its author"):
            ganzfeld.load(run.path)
    assert ganzfeld.load(run.path, trust_code=True).sample(1).shape == (1, 3, 16, 16)


@pytest.mark.long
def test_commands_run_ones_own_network_only_when_trusted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tiny(
        tmp_path / "run", recipe=f"{EXAMPLES / 'own_network.py'}:tall", images=64, quiet=False
    )
    said = capsys.readouterr().out
    command = re.search(r"more +ganzfeld (sample .*)", said)
    assert command and command[1].endswith("--trust-code")
    out = tmp_path / "pictures"
    words = ["sample", str(run.path), "--count", "2", "--out", str(out)]
    with pytest.raises(SystemExit, match="4"):
        main(words)
    assert "add --trust-code" in capsys.readouterr().err and not out.exists()
    main([*words, "--trust-code"])
    assert len(list(out.iterdir())) == 2
    way = ["interpolate", str(run.path), "--seeds", "1,2", "--out", str(out / "way.png")]
    main([*way, "--trust-code"])
    main(["evaluate", str(run.path), "avatars:64", "--count", "16", "--trust-code"])
    main(["augment", str(run.path), "--count", "10", "--out", str(out / "set"), "--trust-code"])


@pytest.mark.parametrize("recipe", ["own_network.py:tall", "own_game.py:matching"])
@pytest.mark.long
def test_opening_a_checkpoint_runs_no_code_of_the_run(recipe: str, tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    name, _, function = recipe.partition(":")
    shutil.copy(EXAMPLES / name, source)
    run = tiny(tmp_path / "run", recipe=f"{source}:{function}", images=64)
    shutil.rmtree(run.path / "model")
    source.write_text("raise SystemExit('it was run')")
    with pytest.raises(ForeignCodeError):
        ganzfeld.load(run.path)
    report.write(run.path)


def test_verifying_runs_no_code_of_the_run(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    shutil.copy(EXAMPLES / "own_network.py", source)
    run = tiny(tmp_path / "run", recipe=f"{source}:tall", images=64)
    source.write_text("raise SystemExit('it was run')")
    assert [row for row in verify_run(run.path) if row[1]] == []
    weights = run.path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    assert [what for what, problem in verify_run(run.path) if problem] == ["model"]


@pytest.mark.parametrize("setting", ["run.images=Infinity", "ema.spans={}", "run.evaluate_count=5"])
def test_settings_that_cannot_be_meant(setting: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        tiny(tmp_path / "run", settings=[*TINY, setting])
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_cut_log_and_strange_pictures_do_not_stop_the_use_of_a_run(
    run: ganzfeld.Run, tmp_path: Path
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy)
    shutil.rmtree(copy / "model")
    with open(copy / "metrics.jsonl", "ab") as log:
        log.write(b'{"kind": "eval')
    shutil.copy(next((copy / "samples").iterdir()), copy / "samples" / "1-000001.png")
    assert ganzfeld.load(copy).sample(1).shape == (1, 3, 16, 16)
    assert progress_of(copy, tmp_path / "strip.png") == 8  # moments in a strip


def test_pictures_with_alpha_fit_into_formats_without(tmp_path: Path) -> None:
    for name, expected in (("a.jpg", (255, 255)), ("a.bmp", (255, 255)), ("a.png", (255, 0))):
        draw.save_image(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), tmp_path / name)
        with Image.open(tmp_path / name) as image:
            assert image.convert("RGBA").getpixel((4, 4))[:2] == expected


def test_a_damaged_model_is_refused(run: ganzfeld.Run, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "model"
    shutil.copytree(run.path / "model", copy)
    data = bytearray((copy / "model.safetensors").read_bytes())
    data[-5] ^= 1
    (copy / "model.safetensors").write_bytes(data)
    with pytest.raises(CheckpointError, match="SHA-256"):
        ganzfeld.load(copy)
    with pytest.raises(CheckpointError, match="no run or model"):
        ganzfeld.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("options", "code", "hint"),
    [
        ({"recipe": "dcgam"}, 2, "'dcgan'"),
        ({"device": "cuda:9"}, 2, "no device"),
        ({"images": 5, "minutes": 1.0}, 2, "exclude"),
        ({"settings": ["networks.G.widht=3"]}, 2, "'width'"),
        ({"settings": ["game.loss=hing"]}, 2, "'hinge'"),
        ({"settings": ["run.imagez=3"]}, 2, "'run.images'"),
        ({"batch": 0}, 2, "--batch"),
        ({"source": "nowhere"}, 3, "nowhere"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, options: dict[str, object], code: int, hint: str
) -> None:
    with pytest.raises(GanzfeldError) as caught:
        tiny(tmp_path / "run", **options)
    assert caught.value.code == code
    assert hint in str(caught.value)
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize("images", [32, 96])
def test_a_run_too_short_to_notice_still_ships_nothing_that_is_not_finite(
    tmp_path: Path, images: int
) -> None:
    """One huge step leaves finite weights, whose samples are not."""
    with pytest.raises(DivergedError):
        tiny(
            tmp_path / "run",
            images=images,
            settings=[*TINY, "optimisers.generator.lr=1e20"],
        )
    assert not (tmp_path / "run" / "model").exists()
