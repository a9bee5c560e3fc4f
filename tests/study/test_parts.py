"""What studies are made of: splits, intervals, the classifier, the ledger, the page."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganzfeld.cli.options import parse_names, parse_seeds
from ganzfeld.config import with_settings
from ganzfeld.core.randomness import torch_generator
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.errors import CheckpointError, Interrupted, UsageError
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.studies.budget import Job, configured
from ganzfeld.studies.cells import Study
from ganzfeld.studies.classifier import accuracy_of, moved
from ganzfeld.studies.findings import how, notes, spread, unequal_time, unsteady, verdict
from ganzfeld.studies.ledger import Cell, Ledger, opened
from ganzfeld.studies.mirror import mirror_safe
from ganzfeld.studies.page import Page
from ganzfeld.studies.side_by_side import results
from ganzfeld.studies.split import real_rows, split, stratified
from ganzfeld.studies.statistics import T95, beyond, holm, ranged_interval, t_interval, t_test
from ganzfeld.studies.tuning import FIRST, Trial, best, settings_of, trials
from ganzfeld.training.build import complete

FACTS = Facts(count=100, channels=1, height=28, width=28, classes=0)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    draw = np.random.default_rng(0)
    x = draw.integers(0, 256, (400, 8, 8), np.uint8)
    x[399] = x[398] = x[397] = x[396] = x[0]
    y = draw.choice(3, 400, p=[0.6, 0.3, 0.1])
    path = tmp_path_factory.mktemp("data") / "x.npz"
    np.savez(path, x=x, y=y)
    return open_pack(path, workers=0)


def test_every_beginning_of_a_stratified_shuffle_has_the_proportions(pack: Pack) -> None:
    assert pack.labels is not None
    order = stratified(pack.labels, 1)
    assert sorted(order) == list(range(400))
    shares = np.bincount(pack.labels) / 400
    for n in (20, 50, 200):
        own = np.bincount(pack.labels[order[:n]], minlength=3)
        assert np.abs(own - n * shares).max() < 2
    assert not np.array_equal(order, stratified(pack.labels, 2))


def test_held_out_pictures_and_their_doubles_are_never_learned_from(pack: Pack) -> None:
    found = split(pack, None)
    assert len(found.test_pixels) == 100
    secret = {x.tobytes() for x in found.test_pixels}
    assert not secret & {pack.images[row].tobytes() for row in found.pool}
    assert len(found.pool) + found.dropped == 300
    every = split(pack, pack)
    assert len(every.pool) == 0 and every.dropped == 400


def test_real_pictures_are_nested_and_differ_by_seed(pack: Pack) -> None:
    pool = split(pack, None).pool
    few, many = real_rows(pack, pool, 20, 0), real_rows(pack, pool, 60, 0)
    assert set(few) <= set(many) <= set(pool)
    assert set(few) != set(real_rows(pack, pool, 20, 1))
    with pytest.raises(UsageError, match="not held out"):
        real_rows(pack, pool, 5_000, 0)
    with pytest.raises(UsageError, match="no image of"):
        real_rows(pack, pool, 2, 0)


def test_students_quantiles() -> None:
    """By Simpson's rule over Student's density."""
    for freedom, t in enumerate(T95, 1):
        x = np.linspace(-t, t, 20_001)
        y = (1 + x**2 / freedom) ** (-(freedom + 1) / 2)
        half = np.linspace(-np.pi / 2, np.pi / 2, 20_001)  # the whole, with x = sqrt(n) tan(u)
        whole = np.sqrt(freedom) * np.trapezoid(np.cos(half) ** (freedom - 1), half)
        assert np.trapezoid(y, x) / whole == pytest.approx(0.95, abs=1e-4)


def test_an_interval_of_known_numbers() -> None:
    found = t_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.mean, found.n) == (3.0, 5)
    assert found.high - 3 == pytest.approx(1.9632, abs=1e-3)
    assert t_interval([1, 1.1, 0.9]).verdict == "gain"
    assert t_interval([-1, -1.1, -0.9]).verdict == "loss"
    assert t_interval([-1, 1, 0.5]).verdict == "no gain"
    assert "nothing" in t_interval([5.0]).verdict


def test_the_chance_beyond_students_quantiles() -> None:
    for freedom, t in enumerate(T95, 1):
        assert beyond(t, freedom) == pytest.approx(0.05, abs=2e-4)
        assert beyond(0.0, freedom) == 1
    assert t_test([1.0]) == t_test([0.0, 0.0]) == 1 and t_test([1.0, 1.0]) == 0.5
    assert t_test([2.0, -1.0, 0.5]) == t_test([-2.0, 1.0, -0.5])


def test_holm_corrects_the_least_for_all() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1, 1] and holm([]) == []


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.458, 0.9], 0, 1),
        ([0.0, 0.074], 0, 1),
        ([0.0, 0.0, 0.0, 0.0], 0, 1),
        ([1.0, 0.99, 1.0], 0, 1),
        ([18.5, 10.1], 0, float("inf")),
        ([0.0, 3.0, 0.0], 0, float("inf")),
    ],
)
def test_intervals_stay_in_the_range_of_what_they_are_of(
    values: list[float], low: float, high: float
) -> None:
    found = ranged_interval(values, low, high)
    assert low <= found.low <= found.mean <= found.high <= high
    assert min(values) - 0.01 <= found.mean <= max(values) + 0.01


def test_a_ranged_interval_is_students_where_the_scale_is_flat() -> None:
    values = [0.50, 0.51, 0.49, 0.505]
    plain, ranged = t_interval(values), ranged_interval(values, 0, 1)
    assert (ranged.low, ranged.high) == pytest.approx((plain.low, plain.high), abs=1e-4)
    assert ranged_interval(values) == plain


def test_few_seeds_are_shown_one_by_one() -> None:
    assert spread([0.4], "precision") == "0.4"
    assert spread([0.4, 0.2, 0.3], "precision") == "0.3 (0.4, 0.2, 0.3)"
    assert spread([0.0] * 5, "recall") == "0 (0, 0, 0, 0, 0)", "no interval of no width"
    low, _, high = spread([0.4, 0.2, 0.3, 0.0], "precision").partition("(")[2].split()
    assert 0 <= float(low) < float(high.rstrip(")")) <= 1


def test_one_seed_is_no_median() -> None:
    study: Any = None
    assert how(study, {}, [7]).startswith("Of seed 7 alone. Protocol: none.")
    assert "in brackets each seed" in how(study, {}, [0, 1])


def test_what_wins_is_said_only_where_seeds_do_not_overlap() -> None:
    def cells(*found: float) -> list[dict[str, float]]:
        return [{"frechet": value} for value in found]

    clear = verdict({"a": cells(1, 2, 3), "b": cells(4, 5, 6)})
    assert clear.startswith("a has the lowest") and "every seed" in clear
    assert "Of recipes that are equal one would be so in 10 % of studies like this" in clear
    two = verdict({"a": cells(1, 2), "b": cells(4, 5)})
    assert "in 33 % of studies" in two, "two seeds of two recipes prove nothing"
    close = verdict({"a": cells(1, 2, 4), "b": cells(3, 5, 6), "c": cells(7, 8, 9)})
    assert "not been told apart from b," in close
    assert "nothing is told apart" in verdict({"a": cells(1), "b": cells(2)})


def test_real_images_stand_beside_the_recipes(tmp_path: Path) -> None:
    """With what the evaluation says of real images; without it there is no such row."""
    cells: dict[str, list[dict[str, Any]]] = {"a": [{"frechet": 2.0, "coverage": 0.5}]}
    for real, rows in ((None, 0), ({"frechet": 0.125, "coverage": 0.875}, 2)):
        if real:
            cells["a"][0]["real"] = real
        page = Page("t")
        results(page, cells)
        text = page.write(tmp_path).with_suffix(".md").read_text()
        assert text.count("| real images |") == rows
        assert ("| real images | 0.125 | 0.875 |" in text) == bool(real)


def test_a_machine_that_is_not_steady_is_named() -> None:
    def run(images: int, width: float = 1.0) -> dict[str, Any]:
        return {"recipe": "a", "width": width, "images": images, "seconds": 10.0}

    steady = {"a": [run(1_000), run(1_100), run(300, width=1.5)]}
    assert unsteady(steady) == pytest.approx(1.1) and unsteady({"a": [{}]}) == 1
    assert unsteady(steady, {"a": [run(500)]}) == pytest.approx(2.2)
    assert not any("steady" in note for note in notes(steady, {}, [0, 1, 2], [FIRST]))
    busy = notes(steady, {"a": [run(500)]}, [0, 1, 2], [FIRST])
    assert "2.20 times the CPU" in busy[0]


def test_images_follow_what_the_trial_took(tmp_path: Path, pack: Pack) -> None:
    ledger = Ledger(tmp_path)
    key = {"recipe": "mlp", **FIRST._asdict()}
    ledger.cells += [{"kind": "plan", **key, "images": 1_000}]
    study = Study(ledger, tmp_path, pack, "x.npz", {"minutes": 1.0, "settings": []}, device="cpu")
    job = Job("x.npz", "mlp", 0, 60.0)
    assert study.images(job, FIRST) == 1_000
    ledger.cells += [{"kind": "run", "seed": 100, **key, "images": 1_000, "seconds": 75.0}]
    assert study.images(job, FIRST) == 800


def test_a_job_is_sized_once(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def affordable(config: object, data: object, device: object, seconds: float, clock: Any) -> int:
        asked.append(seconds)
        return 200_000

    monkeypatch.setattr("ganzfeld.studies.budget.affordable", affordable)
    job = Job("x.npz", "default", 0, 60.0)
    wide = configured(job, pack)
    assert wide.networks["G"].options["width"] == 32 and asked == [60.0]
    known = configured(dataclasses.replace(job, afford=5_000), pack)
    assert known.networks["G"].options["width"] == 16 and len(asked) == 1


def test_a_trial_multiplies_rates_and_widths_of_every_network() -> None:
    config = RECIPES["r3gan"](dataclasses.replace(FACTS, afford=1_000))
    assert settings_of(config, FIRST) == ()
    found = complete(with_settings(config, settings_of(config, Trial(2.0, 1.5))))
    options = found.networks["G"].options
    assert (options["width"], options["most"], options["group"]) == (24, 96, 8)
    assert {o.lr for o in found.optimisers.values()} == {4e-3}  # a width of 16 has 2e-3
    config = complete(RECIPES["mlp"](FACTS))
    found = with_settings(config, settings_of(config, Trial(1.0, 1.5)))
    assert found.networks["D"].options["widths"] == [768, 384]
    assert best({FIRST: 3.0, Trial(2, 1): 1.0, Trial(4, 1): None}) == Trial(2, 1)
    assert best({FIRST: None}) == FIRST
    assert trials(3) == (FIRST, Trial(2, 1), Trial(0.5, 1))


def test_seeds_are_a_number_or_a_list() -> None:
    assert parse_seeds([], default=3) == parse_seeds(["3"], default=1) == [0, 1, 2]
    assert parse_seeds(["0,3", "7"], default=1) == [0, 3, 7]
    assert parse_seeds(["7,"], default=1) == [7]
    for wrong in (["0"], ["a"], ["-1"]):
        with pytest.raises(UsageError):
            parse_seeds(wrong, default=1)
    assert parse_names(["default,hinge", "mlp"]) == ["default", "hinge", "mlp"]


@pytest.mark.long
def test_flips_are_for_data_that_keep_their_class_in_the_mirror(tmp_path: Path) -> None:
    """Left and right bars change their class, upper and lower ones do not."""
    draw = np.random.default_rng(0)
    y = np.arange(400) % 2
    noise = draw.integers(0, 120, (400, 12, 12), np.uint8)
    sided, high = noise.copy(), noise.copy()
    for row, label in enumerate(y):
        sided[row, :, 7 * label : 7 * label + 5] += 120
        high[row, 7 * label : 7 * label + 5] += 120
    answers = {}
    kinds = {"sided": sided, "high": high, "few": high[:100]}
    for name, pixels in kinds.items():
        np.savez(tmp_path / f"{name}.npz", x=pixels, y=y[: len(pixels)])
        answers[name] = mirror_safe(open_pack(tmp_path / f"{name}.npz", workers=0))
    assert not answers["sided"].safe and str(answers["sided"]).startswith("no flips: a class")
    assert answers["high"].safe and str(answers["high"]).startswith("flips: a class")
    assert not answers["few"].safe and "too few" in str(answers["few"])


@pytest.mark.long
def test_without_labels_mirror_images_must_look_like_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzfeld.studies.mirror.IMAGES", 1_600)
    draw = np.random.default_rng(0)
    slanted = draw.integers(0, 60, (400, 16, 16), np.uint8)
    for image in slanted:
        image[np.arange(3, 13), np.arange(3, 13)] += 190
    np.save(tmp_path / "x.npy", slanted)
    found = mirror_safe(open_pack(tmp_path / "x.npy", workers=0))
    assert not found.safe and "from their mirror images" in found.why
    # where nothing can be learned, as of words in many colours, nothing is known
    np.save(tmp_path / "noise.npy", draw.integers(0, 255, (400, 12, 12), np.uint8))
    found = mirror_safe(open_pack(tmp_path / "noise.npy", workers=0))
    assert not found.safe and ("too little" in found.why or "not decide" in found.why)
    upright = draw.integers(0, 60, (400, 12, 12), np.uint8)
    upright[:, :5] += 120
    np.save(tmp_path / "upright.npy", upright)
    assert mirror_safe(open_pack(tmp_path / "upright.npy", workers=0)).safe


def test_moves_shift_whole_pictures() -> None:
    x = torch.zeros(64, 1, 24, 24)
    x[:, :, 10:13, 8:10] = 1
    found = moved(x, torch_generator(0), shifts=True, flips=False)
    assert found.shape == x.shape and torch.equal(found.sum((1, 2, 3)), x.sum((1, 2, 3)))
    places = {tuple(p.nonzero()[0].tolist()) for p in found}
    rows, columns = {p[1] for p in places}, {p[2] for p in places}
    assert rows == set(range(8, 13)) and columns == set(range(6, 11))
    flipped = moved(x, torch_generator(0), shifts=False, flips=True)
    kinds = [bool(torch.equal(p, x[0])) for p in flipped]
    assert 16 < sum(kinds) < 48
    assert all(torch.equal(p, x[0]) or torch.equal(p, x[0].flip(2)) for p in flipped)
    assert moved(x, torch_generator(0), shifts=False, flips=False) is not None


def test_the_classifier_learns_and_repeats_itself() -> None:
    draw = np.random.default_rng(0)
    y = draw.integers(0, 2, 200)
    x = draw.integers(0, 200, (200, 1, 8, 8), np.uint8)
    x[y == 1, :, :4] += 55

    def run(seed: int, labels: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> float:
        return accuracy_of(x[:150], labels, x[150:], y[150:], classes=2, images=1920, seed=seed)

    assert run(0, y[:150]) > 0.9
    assert run(0, y[:150]) == run(0, y[:150])
    assert run(0, draw.permutation(y[:150])) < 0.8, "wrong labels teach nothing"


CELL = {"real": 100, "arm": "real"}


def test_a_cell_is_computed_once_and_a_cut_line_again(tmp_path: Path) -> None:
    calls: list[int] = []

    def compute() -> dict[str, float]:
        calls.append(1)
        return {"accuracy": len(calls) / 4}

    with opened(tmp_path, {"a": 1}) as ledger:
        assert ledger.cell(compute, **CELL, seed=0)["accuracy"] == 0.25
        assert ledger.cell(compute, **CELL, seed=0)["accuracy"] == 0.25
        ledger.cell(compute, **CELL, seed=1)
    path = tmp_path / "cells.jsonl"
    path.write_bytes(path.read_bytes()[:-4])
    assert Ledger(tmp_path).find(seed=1) is None
    with opened(tmp_path, {"a": 1}) as ledger:
        assert ledger.cell(compute, **CELL, seed=1)["accuracy"] == 0.75
    assert len(path.read_text().splitlines()) == 2
    with pytest.raises(CheckpointError, match="other settings"), opened(tmp_path, {"a": 2}):
        pass


def test_a_stopped_run_within_is_a_stopped_study(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as caught, opened(tmp_path, {}):
        raise Interrupted(15, "stopped at image 3", fix="ganzfeld resume ...")
    assert caught.value.code == 143 and caught.value.fix == "run the same command again"


def test_a_page_stands_alone_and_escapes(tmp_path: Path) -> None:
    page = Page("<b> & more")
    page.table(("a", "b|c"), [("1", "<script>")])
    page.pictures([('"x"', Image.new("L", (4, 4)))])
    text = page.write(tmp_path).read_text()
    assert "<script>&" not in text and "&lt;script&gt;" in text and "data:image/" in text
    assert "http:" not in text and "https:" not in text
    assert "| a | b\\|c |" in (tmp_path / "report.md").read_text()


def test_unequal_time_is_told() -> None:
    """`default` had 23 CPU seconds where `hinge` had 18, and the page said nothing of it."""

    def took(*seconds: float | None) -> list[Cell]:
        return [{"recipe": "x", "width": 1.0, "images": 1_000, "seconds": s} for s in seconds]

    cells = {"default": took(22.8, 23.7, 23.5), "hinge": took(17.6, 17.9, 18.4), "vae": took(None)}
    said = unequal_time(cells)
    assert "default 23.5 CPU seconds, hinge 17.9 (medians)" in said
    assert said in notes(cells, {}, (0, 1, 2), [Trial(1.0, 1.0)])
    assert unequal_time({"default": took(20.0, 21.0), "hinge": took(19.0, 19.5)}) == ""
    assert unequal_time({"default": took(20.0)}) == ""
