"""Publishing: the same folder to the byte, nothing private in it, and a hub over real HTTP."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_hub import Hub, fake_hub
from shipping_runs import tiny

import forks
import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core import marks
from ganzfeld.core.files import as_json
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.models import embedded
from ganzfeld.models import hub as models_hub
from ganzfeld.shipping.card import card
from ganzfeld.shipping.hub import publish

LICENSE = "apache-2.0"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = ["networks.*.width=4", "run.evaluate_final=true"]
    return tiny("hinge", tmp_path_factory.mktemp("runs") / "faces", settings=settings)


EVALUATION = {
    "frechet": 12.5,
    "frechet_interval": [12.0, 13.0],
    "kernel": 0.01,
    "precision": None,
    "frechet_biased": True,
    "real": {"frechet": 1.75, "kernel": 0.0002},
    "real_count": [2000, 2000],
    "real_from": "data",
    "protocol": {
        "id": "learned / d3e1414f / native / n2000",
        "extractor": "learned",
        "generated": 2000,
        "reference": 2000,
    },
}


def test_a_folder_is_the_same_to_the_byte_and_loads(run: Path, tmp_path: Path) -> None:
    for name in ("a/faces", "b/faces"):
        main(["publish", str(run), "--to", str(tmp_path / name), "--license", LICENSE])
    one, two = tmp_path / "a/faces", tmp_path / "b/faces"
    names = sorted(p.name for p in one.iterdir())
    assert names == sorted(
        [".gitattributes", "README.md", "SHA256SUMS", "config.json", "evaluation.json",
         "model.safetensors", "discriminator.safetensors", "preview.png"]
    )  # fmt: skip
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    for line in (one / "SHA256SUMS").read_text().splitlines():
        digest, _, name = line.partition("  ")
        assert hashlib.sha256((one / name).read_bytes()).hexdigest() == digest
    assert len((one / "SHA256SUMS").read_text().splitlines()) == len(names) - 1
    model, before = ganzfeld.load(one), ganzfeld.load(run)
    assert (model.sample(3, seed=2) == before.sample(3, seed=2)).all()
    assert model.about["license"] == LICENSE
    said = marks.read(one / "preview.png")
    assert said is not None and said["model"] == before.about["weights"]["sha256"]
    first = (one / "README.md").read_bytes()
    publish(run, one, license="mit")  # what this command made is replaced
    assert (one / "README.md").read_bytes() != first


def front(text: str) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    return dict(yaml.safe_load(text.split("---\n")[1]))


def test_the_card_has_what_a_hub_reads(run: Path) -> None:
    about = json.loads((run / "model" / "config.json").read_text())
    text = card(
        about,
        EVALUATION,
        license="cc-by-4.0",
        name="me/faces",
        where="hub:me/faces",
        data_license="drawn by this library",
    )
    said = front(text)
    assert said["license"] == "cc-by-4.0" and said["library_name"] == "ganzfeld"
    assert said["pipeline_tag"] == "unconditional-image-generation"
    assert {"ganzfeld", "gan", "hinge"} <= set(said["tags"])
    (model,) = said["model-index"]
    (result,) = model["results"]
    assert result["dataset"]["name"] == about["training"]["data"]["source"]
    found = {one["type"]: one["value"] for one in result["metrics"]}
    assert found == {"ganzfeld-frechet": 12.5, "ganzfeld-kernel": 0.01}
    assert "learned / d3e1414f / native / n2000" in text and "12 to 13" in text
    assert "| Frechet distance (`frechet`) | 12.5 | 12 to 13 | 1.75 |" in text
    assert "Real data: 2,000 of them against 2,000 others." in text
    assert not re.search(r"\bFID\b", text), "another extractor's number has another name"
    for words in ('ganzfeld.load("hub:me/faces")', "drawn by this library", "digitalsourcetype",
                  "## Limits", "--from FILE"):  # fmt: skip
        assert words in text
    bare = card(about, None, license="mit", name="x", where="y")
    assert "model-index" not in front(bare) and "was not evaluated" in bare
    assert "not stated by whoever published" in bare


def test_front_matter_survives_odd_names() -> None:
    from ganzfeld.shipping.card import as_yaml, index

    yaml = pytest.importorskip("yaml")
    odd = ["no", 'a: "b" # c', "- x", "中文", "1e3", "", "~", "[x]", "true", "a\nb: c", "cats 😺"]
    lines = index("me/x", "other", 'data: "x" # y\n- z', [("frechet", 'a: "b"', 1.0, None)])
    found = yaml.safe_load("\n".join(lines))["model-index"][0]["results"][0]
    assert found["dataset"]["name"] == 'data: "x" # y\n- z'
    assert found["metrics"][0]["name"] == 'a: "b"'
    assert yaml.safe_load(f"x: {as_yaml(odd)}")["x"] == odd


@pytest.mark.parametrize(
    "recipe",
    [
        "text-gan",
        "pix2pix",
        *(pytest.param(name, marks=pytest.mark.long) for name in ("table-vae", "audio", "fields")),
    ],
)
def test_every_kind_is_published(recipe: str, tmp_path: Path) -> None:
    run = tiny(recipe, tmp_path / "run")
    out, other = tmp_path / "a/model", tmp_path / "b/model"
    done = publish(run, out, license=LICENSE)
    previews = sorted(name for name in done.files if name.startswith("preview"))
    assert bool(previews) == (recipe != "pix2pix")
    for name in previews:
        if not name.endswith(".json"):
            assert marks.read(out / name)
    again = publish(run, other, license=LICENSE)
    for name in again.files:
        assert (out / name).read_bytes() == (other / name).read_bytes(), name
    ganzfeld.load(out)


# Refusals


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    """A copy of the run's model, to spoil."""
    place = tmp_path / "model"
    place.mkdir()
    for file in (run / "model").iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    return place


def test_a_licence_is_asked_for(run: Path, tmp_path: Path) -> None:
    for license, words in ((None, "which licence"), ("apache", "Did you mean 'apache-2.0'")):
        with pytest.raises(UsageError, match=words):
            publish(run, tmp_path / "out", license=license)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "value, what",
    [
        ("/home/ann/photos", "an absolute path"),
        ("see /srv/data/x", "an absolute path"),
        (r"C:\Users\ann\photos", "an absolute path"),
        (r"\\server\share\x", "an absolute path"),
        ("hf_" + "a" * 34, "a token"),
        ("ghp_" + "A1" * 18, "a token"),
        ("AKIA" + "B" * 16, "a token"),
        ("ann@example.org", "an e-mail address"),
        ("data/USER/photos", "the name of this user"),
    ],
)
def test_nothing_private_goes_out(copied: Path, tmp_path: Path, value: str, what: str) -> None:
    from ganzfeld.shipping.hub import user_name

    about = json.loads((copied / "config.json").read_text())
    about["training"]["data"]["source"] = value.replace("USER", user_name())
    (copied / "config.json").write_bytes(as_json(about))
    with pytest.raises(UsageError, match=what) as error:
        publish(copied, tmp_path / "out", license=LICENSE)
    assert not (tmp_path / "out").exists()
    if what == "a token":
        assert value not in str(error.value), "a screen is no place for it either"


def test_strange_files_damage_and_code_are_refused(copied: Path, tmp_path: Path) -> None:
    (copied / "weights.pkl").write_bytes(b"\x80\x04")
    with pytest.raises(UsageError, match=r"weights\.pkl"):
        publish(copied, tmp_path / "out", license=LICENSE)
    (copied / "weights.pkl").unlink()
    weights = copied / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="SHA-256") as error:
        publish(copied, tmp_path / "out", license=LICENSE)
    assert "copy the model folder again" in error.value.fix
    weights.write_bytes(whole)
    about = json.loads((copied / "config.json").read_text())
    about["generator"]["name"] = "mine.py:Mine"
    (copied / "config.json").write_bytes(as_json(about))
    with pytest.raises(UsageError, match="Python code"):
        publish(copied, tmp_path / "out", license=LICENSE)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_model_is_called_what_it_is(run: Path, tmp_path: Path) -> None:
    """As by the other commands; a run that has not come to its end is no damaged model."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    shutil.copytree(run, tmp_path / "going on")
    shutil.rmtree(tmp_path / "going on" / "model")
    for name, words in (
        ("empty", "holds no model"),
        ("file", "holds no model"),
        ("x", "no run"),
        ("", "is a folder of runs: going on"),
    ):
        with pytest.raises(CheckpointError, match=words):
            publish(tmp_path / name, tmp_path / "out", license=LICENSE)
    with pytest.raises(UsageError, match="no finished model") as error:
        publish(tmp_path / "going on", tmp_path / "out", license=LICENSE)
    assert error.value.fix.startswith("ganzfeld resume ")


def test_others_folders_are_left_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        publish(run, tmp_path / "mine", license=LICENSE)
    with pytest.raises(UsageError, match="README"):
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "README.md").write_text("mine")
        publish(run, tmp_path / "other", license=LICENSE)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_dry_run_writes_nothing(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["publish", str(run), "--to", str(tmp_path / "x"), "--license", "mit", "--dry-run"])
    said = capsys.readouterr().out
    assert "model.safetensors" in said and "license: mit" in said and "nothing was written" in said
    assert not (tmp_path / "x").exists() and list(tmp_path.iterdir()) == []


# The hub


@pytest.mark.parametrize(
    "name, found",
    [
        ("hub:me/faces", ("me/faces", None)),
        ("hub:me/faces@v1.0", ("me/faces", "v1.0")),
        ("hub:me/faces@refs/pr/1", ("me/faces", "refs/pr/1")),
        ("hub:me", None),
        ("hub:me/../x", None),
        ("hub:me/x/y", None),
        ("hub:../me/x", None),
        ("hub:me/x@../y", None),
        ("hub:me/x?y", None),
        ("hub:http://evil/x", None),
    ],
)
def test_names(name: str, found: Any) -> None:
    if found is None:
        with pytest.raises(UsageError):
            models_hub.parsed(name)
    else:
        assert models_hub.parsed(name) == found


def test_without_the_extra_a_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match="huggingface_hub") as error:
        ganzfeld.load("hub:me/faces")
    assert "ganzfeld[hub]" in error.value.fix


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    pytest.importorskip("huggingface_hub")
    with fake_hub() as own:
        for name, value in {
            "HF_ENDPOINT": own.address,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_TOKEN": "hf_of_a_test",
            "HF_HUB_DOWNLOAD_TIMEOUT": "5",
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        yield own


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the library reads its address when it is imported."""
    return forks.run(*words)


def test_a_model_goes_to_the_hub_and_comes_back(hub: Hub, run: Path, tmp_path: Path) -> None:
    done = command("publish", str(run), "--to", "hub:me/faces", "--license", LICENSE)
    assert done.returncode == 0, done.stderr
    (files,) = hub.repos["me/faces"]
    publish(run, tmp_path / "local", license=LICENSE)
    for name in ("config.json", "model.safetensors", "preview.png"):
        assert files[name] == (tmp_path / "local" / name).read_bytes()
    assert b'ganzfeld.load("hub:me/faces")' in files["README.md"]
    hub.repos["me/faces"].append(files | {"evil.pkl": b"\x80", "mine.py": b"1/0"})
    main(["sample", str(run), "--count", "2", "--out", str(tmp_path / "here")])
    commit = hub.commit_id("me/faces", 1)
    drawn = command("sample", "hub:me/faces", "--count", "2", "--out", str(tmp_path / "there"))
    assert drawn.returncode == 0, drawn.stderr
    assert f"hub:me/faces@{commit} pins it" in drawn.stderr
    for file in (tmp_path / "here").iterdir():
        assert (tmp_path / "there" / file.name).read_bytes() == file.read_bytes()
    assert not any("evil" in one or "mine" in one or "README" in one for one in hub.asked)
    first = hub.commit_id("me/faces", 0)
    pinned = command(
        "sample", f"hub:me/faces@{first}", "--count", "1", "--out", str(tmp_path / "p")
    )
    assert pinned.returncode == 0 and "pins it" not in pinned.stderr


def test_what_the_hub_refuses_is_told(hub: Hub, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = command("sample", "hub:me/nothing", "--count", "1", "--out", "x")
    assert gone.returncode == 4 and "the hub has no model" in gone.stderr
    assert "Traceback" not in gone.stderr
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    done = command("publish", str(run), "--to", "hub:me/faces", "--license", LICENSE)
    assert done.returncode == 2 and "HF_TOKEN with write access" in done.stderr
    assert "hf_wrong" not in done.stderr + done.stdout


def test_a_damaged_download_is_refused(hub: Hub, run: Path) -> None:
    files = {file.name: file.read_bytes() for file in (run / "model").iterdir()}
    files["model.safetensors"] = files["model.safetensors"][:-1] + b"x"
    hub.repos["me/faces"] = [files]
    found = command("sample", "hub:me/faces", "--count", "1", "--out", "x")
    assert found.returncode == 4 and "SHA-256" in found.stderr


def one_screen(done: subprocess.CompletedProcess[str], *says: str) -> None:
    """A refusal in a few lines, with what to do; nothing of the library's own."""
    assert done.returncode == 4 and not done.stdout, done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 8, done.stderr
    assert all(text in done.stderr for text in says), done.stderr


def test_what_cannot_be_downloaded_is_one_screen(
    hub: Hub, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such model, no such revision, a connection that breaks, and no hub at all."""
    out = str(tmp_path / "out")
    files = {file.name: file.read_bytes() for file in (run / "model").iterdir()}
    hub.repos["me/faces"] = [files]
    asked = ("sample", "--count", "1", "--out", out)
    one_screen(command(*asked, "hub:me/nothing"), "the hub has no model me/nothing", "HF_TOKEN")
    one_screen(command(*asked, "hub:me/faces@v9"), "me/faces on the hub has no revision v9")
    hub.cut = {"model.safetensors"}
    one_screen(command(*asked, "hub:me/faces"), "cannot be downloaded", "goes on where it stopped")
    hub.cut = set()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "other"))
    one_screen(command(*asked, "hub:me/faces"), "cannot be downloaded")
    assert not Path(out).exists()
    done = command("publish", str(run), "--to", "hub:me/faces", "--license", LICENSE)
    assert done.returncode == 2 and "once the hub can be reached" in done.stderr, done.stderr
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    done = command(*asked, "hub:me/faces")  # what broke off before is completed
    assert done.returncode == 0 and len(list(Path(out).iterdir())) == 1, done.stderr


def test_a_dry_run_for_the_hub_sends_nothing(hub: Hub, run: Path) -> None:
    done = command("publish", str(run), "--to", "hub:me/faces", "--license", LICENSE, "--dry-run")
    assert done.returncode == 0 and 'load("hub:me/faces")' in done.stdout, done.stderr
    assert "nothing was written to hub:me/faces" in done.stdout
    assert not hub.asked and not hub.repos


def test_the_model_of_the_package_is_published_by_its_name(tmp_path: Path) -> None:
    done = publish(embedded.USUAL, tmp_path / "out", license=LICENSE)
    assert "model.safetensors" in done.files and "page.json" not in done.files
    assert "evaluation.json" in done.files and "not evaluated" not in done.card
    assert ganzfeld.load(tmp_path / "out").about["license"] == LICENSE
