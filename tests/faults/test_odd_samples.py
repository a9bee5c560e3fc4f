"""Odd data and models of the kinds that are no images end in one clear screen."""

from __future__ import annotations

import copy
import json
import random
import re
import resource
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_foreign
import torch
from odd_samples import MAKERS, odd_data, odd_spec
from test_foreign import GIGABYTE, Hung, code_of

import ganzfeld
from ganzfeld.core.reader import parse
from ganzfeld.data.check import check_data
from ganzfeld.data.npz import read_npz
from ganzfeld.errors import CheckpointError, DataError
from ganzfeld.modalities import Spec, modality_of, spec_of
from ganzfeld.modalities.audio.modality import SPECTROGRAM, example, seen_as
from ganzfeld.modalities.symbols import Vocabulary
from ganzfeld.modalities.text import text_spec

FEW = ("--images", "16", "--batch", "8", "--quiet", "--set", "run.threads=1")
SMALL = ("run.evaluate_count=16",)


def problem(words: list[str], capsys: pytest.CaptureFixture[str], codes: tuple[int, ...]) -> str:
    """What is wrong with how a command ends; "" for nothing."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        code: Any = code_of(words)
    except Hung:
        code = "hung"
    said = capsys.readouterr()
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    text = said.out + said.err
    clear = code in codes and (not code or "error[" in said.err or words[0] == "data")
    if clear and more < GIGABYTE and "\x1b" not in text and "Traceback" not in text:
        return ""
    return f"{' '.join(words[:2])}: {code}, {more >> 10} MB more: {said.err[:300]}"


def of_data(seed: int, home: Path, capsys: pytest.CaptureFixture[str], *, train: bool) -> list[str]:
    """What went wrong where data of a seed are looked at, and trained on."""
    home = home / f"data-{seed}"
    home.mkdir()
    path, what = odd_data(home, seed)
    found = [problem(["data", "check", f"{path}"], capsys, (0, 3))]
    if train:
        out = home.with_name(f"run-{seed}")
        words = ["train", f"{path}", "--out", f"{out}", *FEW, *SMALL]
        found.append(problem(words, capsys, (0, 3)))
        shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(home)
    return [f"{what}: {one}" for one in found if one]


@pytest.mark.parametrize("seed", range(len(MAKERS)))
def test_a_look_at_odd_data_ends_in_one_screen(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not of_data(seed, tmp_path, capsys, train=False)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time for trainings, also on a machine that does other things."""
    monkeypatch.setattr(test_foreign, "SECONDS", 120)


@pytest.mark.long
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("first", "count"),
    [(100, 12), *(pytest.param(n, 22, marks=pytest.mark.slow) for n in (112, 134, 156, 178))],
)
def test_training_on_odd_data_ends_in_one_screen(
    first: int, count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = range(first, first + count)
    found = [p for seed in seeds for p in of_data(seed, tmp_path, capsys, train=True)]
    assert not found, "\n".join(found)


# Data


@pytest.mark.parametrize(
    ("raw", "why", "fix"),
    [
        ("臺灣許功蓋\n餐廳\n".encode("big5"), "not UTF-8", "iconv -f"),
        (b"good\nba\0d\n", "line 2 holds the control character U+0000", "tr -d"),
        (b"\n  \n", "all its lines are empty", ""),
        ("emma,1\nava,2\n".encode("utf-16-le"), "U+0000", "iconv -f UTF-16LE"),
        ("牀前明月,1\n疑是,2\n".encode("utf-16-be"), "is not", "iconv -f UTF-16BE"),
    ],
)
def test_a_file_of_text_that_is_none_says_why(
    raw: bytes, why: str, fix: str, tmp_path: Path
) -> None:
    for name in ("a.txt", "a.csv"):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(DataError, match=re.escape(why)) as told:
            check_data(tmp_path / name)
        assert fix in told.value.fix


def test_a_member_of_an_npz_that_is_no_array_is_named_or_left_aside(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16), dtype=np.uint8)
    for name, others in (("x", {}), ("readme", {"x": images}), ("note", {"own": images})):
        np.savez(tmp_path / "a.npz", **others)
        with zipfile.ZipFile(tmp_path / "a.npz", "a") as file:
            file.writestr(f"{name}.npy", "no array")
        if others:
            assert read_npz(tmp_path / "a.npz").images.shape == images.shape
        else:
            with pytest.raises(DataError, match="x is not an array"):
                read_npz(tmp_path / "a.npz")


def test_columns_of_one_name_are_told_apart(tmp_path: Path) -> None:
    from ganzfeld.data.csv_files import read_csv

    (tmp_path / "a.csv").write_text("age,age,town\n1,2,Ulm\n3,4,Bonn\n")
    names, rows, _ = read_csv(tmp_path / "a.csv")
    assert names == ["age", "age (2)", "town"] and len(rows) == 2
    (tmp_path / "b.csv").write_text("p,x,x\np,y,x\ne,x,y\n")  # no head: a class is there twice
    assert read_csv(tmp_path / "b.csv")[0] == ["column_1", "column_2", "column_3"]


def test_a_table_too_wide_for_its_networks_says_how_much_fits() -> None:
    kind = modality_of(Spec("table", (1,)))
    stored = np.random.default_rng(0).integers(0, 15, (30, 1_500)).astype(np.float32)
    about = [{"name": f"c{i}", "whole": True} for i in range(1_500)]
    with pytest.raises(DataError, match=r"1,500 columns .* up to 16,384") as told:
        kind.fitted(Spec("table", (1_500,), "float32", {"columns": about}), stored)
    assert "keep about 1," in told.value.fix


# Models


def specs() -> dict[str, Spec]:
    """One of each kind, with all that is learned from data."""
    rng = np.random.default_rng(0)
    table = np.stack([rng.normal(size=200), rng.integers(0, 2, 200)], 1).astype(np.float32)
    about = [{"name": "age"}, {"name": "town", "names": ["Bonn", "Ulm"]}]
    found = {
        "text": text_spec(Vocabulary(("", "a", "b"), 8)),
        "audio": seen_as(example(8_000, 4_096), SPECTROGRAM),
    }
    tables, fields = Spec("table", (2,), "float32", {"columns": about}), Spec("field", (2, 4, 4))
    names = {"names": ["a", "b"], "step": "1 hour", "time": "t", "at": "step", "lasts": 12}
    series = Spec("series", (2, 12), "float32", names)
    positive = rng.exponential(size=(50, 2, 4, 4)) * (rng.random((50, 2, 4, 4)) > 0.5)
    return found | {
        "table": modality_of(tables).fitted(tables, table),
        "field": modality_of(fields).fitted(fields, rng.normal(size=(50, 2, 4, 4))),
        "log field": modality_of(fields).fitted(fields, positive),
        "series": modality_of(series).fitted(series, rng.normal(size=(50, 2, 12))),
    }


@pytest.mark.parametrize("kind", ["text", "audio", "table", "field", "log field", "series"])
def test_a_spec_that_is_damaged_is_refused_or_of_use(kind: str) -> None:
    """300 changes of one place: what is let through can be described, drawn and decoded."""
    good, refused = specs()[kind].to_json(), 0
    for seed in range(300):
        stored = copy.deepcopy(good)
        what = odd_spec(stored, seed)
        try:
            told = about_of(stored)
        except CheckpointError:
            refused += 1
            continue
        spec = spec_of(told)
        samples = torch.zeros(2, *spec.shape)
        try:
            assert modality_of(spec).describe(spec)
            modality_of(spec).to_store(samples, spec)
        except CheckpointError:  # it says that nothing was learned yet
            refused += 1
        except Exception as error:  # each kind may fail in its own way
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    assert refused > 100


def about_of(stored: dict[str, Any]) -> dict[str, Any]:
    """A spec as a model's config.json is read."""
    from ganzfeld.core import formats, reader

    with reader.refused(Path("config.json")):
        told: dict[str, Any] = parse(json.dumps(stored))
        formats.SPEC(told, "spec")
    spec_of(told)
    return told


def test_moments_that_are_no_numbers_are_refused() -> None:
    stored = specs()["audio"].to_json()
    stored["extra"]["codec"]["mean"][0] = float("nan")
    with pytest.raises(CheckpointError, match="NaN"):
        about_of(stored)
    stored["extra"]["codec"]["mean"] = [0.0] * 3
    with pytest.raises(CheckpointError, match=r"codec\.size"):
        spec_of(stored)


SETS = {
    "text": ("grammar:64", ["networks.*.hidden=8"]),
    "table": ("table-known:200", ["networks.*.widths=[8,8]", "networks.G.noise=8"]),
    "field": ("fields:64", ["networks.*.width=4", "networks.G.latent=8"]),
    "audio": ("vowels:48", ["networks.*.width=4"]),
    "series": ("var:64", ["networks.*.hidden=8", "networks.D.width=8"]),
}


DEAR = ("text", "audio", "field", "series")  # rows take the least time
ALL = [pytest.param(kind, marks=[pytest.mark.slow] * (kind in DEAR)) for kind in SETS]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of each kind, made when it is first asked for."""
    made: dict[str, Path] = {}

    def run(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind) / "run"
            data, settings = SETS[kind]
            ganzfeld.train(
                data, images=32, batch=8, out=made[kind], quiet=True,
                settings=["run.threads=1", "run.evaluate_count=16", *settings],
            )  # fmt: skip
        return made[kind]

    return run


@pytest.mark.long
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("kind", ALL)
def test_models_of_a_damaged_spec_end_in_one_screen(
    kind: str, trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, found = trained(kind), []
    for seed in range(500, 530):
        run = shutil.copytree(good, tmp_path / f"run-{seed}")
        folder = run / random.Random(seed).choice(["model", "model", "."])
        about = json.loads((folder / "config.json").read_bytes())
        what = odd_spec(about["spec"] if "spec" in about else about["data"]["spec"], seed)
        (folder / "config.json").write_text(json.dumps(about))
        out = tmp_path / f"out-{seed}"
        commands = [
            ["sample", f"{run}/model", "--count", "4", "--out", f"{out}"],
            ["sample", f"{run}", "--which", "last", "--count", "4", "--out", f"{out}"],
            ["report", f"{run}"],
            ["resume", f"{run}", "--quiet"],
            ["evaluate", f"{run}/model", SETS[kind][0], "--count", "16"],
        ]
        words = commands[seed % 5]
        found += [f"{what}: {p}" for p in [problem(words, capsys, (0, 2, 3, 4, 5))] if p]
        shutil.rmtree(run)
        shutil.rmtree(out, ignore_errors=True)
    assert not found, "\n".join(found)


@pytest.mark.long
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("kind", ALL)
def test_what_is_given_to_a_model_is_checked(
    kind: str, trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sample", f"{trained(kind)}", "--count", "2", "--out", f"{tmp_path / 'out'}"]
    odd = ["none=3", "slope=nan", "slope=red", "slope", "=1", "slope=1e400", "\x1b[31m=1", "a=b=c"]
    found = [problem([*words, "--given", one], capsys, (2,)) for one in odd]
    assert not [one for one in found if one], "\n".join(found)


@pytest.mark.long
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("kind", ALL)
def test_a_pack_that_is_cut_short_is_made_anew(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GANZFELD_CACHE", f"{tmp_path / 'cache'}")
    data, found = SETS[kind][0], []
    usual = ["train", data, *FEW, *SMALL, *SETS[kind][1], "--out"]
    assert not problem([*usual, f"{tmp_path / 'first'}"], capsys, (0,))
    packs = [p for p in (tmp_path / "cache").rglob(f"{data.split(':')[0]}-*") if p.is_file()]
    assert packs
    whole = packs[0].read_bytes()
    for seed in range(3):
        draw = random.Random(seed)
        cut = draw.choice([0, 7, 100, draw.randrange(len(whole)), len(whole) - 1])
        packs[0].write_bytes(whole[:cut])
        found.append(problem([*usual, f"{tmp_path / str(seed)}"], capsys, (0,)))
        assert abs(packs[0].stat().st_size - len(whole)) < 100  # its report holds times
    assert not [one for one in found if one], "\n".join(found)


# Many samples


@pytest.mark.parametrize("kind", ["text", "table"])
def test_many_samples_go_into_one_file_a_few_at_a_time(kind: str, tmp_path: Path) -> None:
    """As `sheet` writes them all at once; no more than a block of them is held."""
    spec = specs()[kind]
    draw = np.random.default_rng(0)
    stored = modality_of(spec).to_store(
        torch.from_numpy(draw.integers(0, 3, (64, *spec.shape)).astype(np.float32)), spec
    )
    held = []

    def blocks() -> Any:
        for low in range(0, 64, 16):
            held.append(low)
            yield stored[low : low + 16]

    modality_of(spec).sheet(stored, None, tmp_path / "whole", spec)
    modality_of(spec).write(blocks(), tmp_path / "pieces", spec)
    assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()
    pieces = modality_of(spec).pieces(blocks(), spec)
    held.clear()
    assert next(pieces) and held == [0]


def test_a_file_whose_making_fails_leaves_the_other_as_it_was(tmp_path: Path) -> None:
    def blocks() -> Any:
        yield np.zeros((2, 8), np.int16)
        raise RuntimeError("midway")

    spec = specs()["text"]
    (tmp_path / "lines.txt").write_text("before")
    with pytest.raises(RuntimeError, match="midway"):
        modality_of(spec).write(blocks(), tmp_path / "lines.txt", spec)
    assert [p.name for p in tmp_path.iterdir()] == ["lines.txt"]
    assert (tmp_path / "lines.txt").read_text() == "before"


@pytest.mark.long
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("kind", [pytest.param("text", marks=pytest.mark.slow), "table"])
def test_sampling_many_takes_no_more_memory(kind: str, trained: Any, tmp_path: Path) -> None:
    out = tmp_path / f"out.{'csv' if kind == 'table' else 'txt'}"
    words = ["sample", f"{trained(kind)}", "--out", f"{out}", "--count"]
    assert code_of([*words, "200"]) == 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert code_of([*words, "20000"]) == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10
    assert out.read_bytes().count(b"\n") >= 20_000
