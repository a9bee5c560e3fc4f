"""The report of a run: what is on the page, and that it needs nothing but itself."""

import base64
import dataclasses
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import forks
import ganzfeld
from ganzfeld import report
from ganzfeld.config import Data, Part, from_dict, to_json
from ganzfeld.core import runfolder
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import CheckpointError
from ganzfeld.metrics import evaluate, manifolds
from ganzfeld.modalities.image import draw
from ganzfeld.models import model as generate
from ganzfeld.report import chart, embed, samples, sections
from ganzfeld.report.html import Html, tag
from pages import HOSTILE, SECTIONS, Page, assert_alone

EXAMPLES = Path(__file__).parents[1] / "examples"
TINY = ["networks.G.width=4", "networks.D.width=4"]


@pytest.fixture(scope="module")
def pack() -> Pack:
    return open_pack("avatars:64", PackOptions(size=(16, 16)))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, pack: Pack) -> Path:
    path = tmp_path_factory.mktemp("runs") / "faces"
    settings = [*TINY, "run.sample_every=160"]  # five grids are enough for a page
    run = ganzfeld.train(
        "avatars:64", out=path, size=16, images=640, batch=32, settings=settings, quiet=True
    )
    result = ganzfeld.evaluate(run, pack, extractor="random", count=48)
    (path / "evaluation.json").write_text(json.dumps(result))
    return path


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "faces"))


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def with_config(run: Path, **data: object) -> None:
    config = runfolder.read_config(run)
    config.data = dataclasses.replace(config.data, **data)  # type: ignore[arg-type]
    (run / "config.json").write_text(to_json(config))


def test_a_whole_run_has_every_part_and_needs_no_other_file(run: Path, pack: Pack) -> None:
    path = report.write(run, pack)
    assert path == run / "report.html"
    assert path.stat().st_size < 3e6
    assert not list(run.glob(".tmp-*"))
    page = assert_alone(path)
    assert page.headings() == set(SECTIONS)
    assert "avatars:64 · default" in page.text
    assert "640" in page.text and "fewer than 5,000 images on a side" in page.text
    result = json.loads((run / "evaluation.json").read_text())
    assert result["protocol"]["id"] in page.text
    assert f"ganzfeld resume {run} --images 1280" in page.text
    assert "ganzfeld.load(" in page.text and "ganzfeld sample" in page.text
    assert all(svg.get("aria-label") or svg.get("aria-hidden") for svg in page.all("svg"))
    for table in page.raw.split("<table")[1:]:
        assert "<caption" in table and 'scope="row"' in table


def test_the_same_folder_gives_the_same_page(run: Path, pack: Pack) -> None:
    first = report.write(run, pack).read_bytes()
    assert report.write(run, pack).read_bytes() == first


def test_the_grid_on_the_page_is_the_newest_one(run: Path) -> None:
    page = Page(report.write(run))
    newest = sorted((run / "samples").glob("*.png"))[-1]
    source = page.all("img")[0]["src"]
    assert source is not None
    with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as shown:
        assert np.array_equal(np.asarray(shown), np.asarray(Image.open(newest)))


def test_closest_pictures_are_those_that_were_measured(run: Path, pack: Pack) -> None:
    """The sample is drawn again as the evaluation drew it, with the class it was asked for."""
    result = json.loads((run / "evaluation.json").read_text())
    model = generate.load(run)
    whole = evaluate.draw(model, pack, 48, 0, next(model.generator.parameters()).device)
    pixels = np.concatenate(list(whole.chunks))
    for number, _, _ in result["memorisation_pairs"][:5]:
        again = samples.redrawn(model, pack, result["protocol"], number)
        assert np.array_equal(again, pixels[number - whole.numbers[0]])
    page = Page(report.write(run, pack))
    alts = [image["alt"] for image in page.all("img")]
    number, row, distance = result["memorisation_pairs"][0]
    place = alts.index(f"sample {number}")
    assert alts[place + 1] == f"image {row} of the data, the nearest to it"
    assert f"{distance:.3g} apart" in page.text
    source = page.all("img")[place + 1]["src"]
    assert source is not None
    with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as shown:
        expected = draw.to_image(pack.images[row])
        assert np.array_equal(np.asarray(shown), np.asarray(expected))


def test_without_the_data_or_with_other_data_it_says_so(run: Path, tmp_path: Path) -> None:
    assert "the data could not be opened" in Page(report.write(run)).text
    other = open_pack("avatars:70", PackOptions(size=(16, 16)))
    page = Page(report.write(run, other))
    assert "the data have changed" in page.text
    assert not any((i["alt"] or "").startswith("sample ") for i in page.all("img"))


def test_hostile_names_are_text(run: Path, pack: Pack) -> None:
    names = [HOSTILE, *pack.classes[1:]]
    with_config(run, source=f"/somewhere/{HOSTILE.replace('/', '')}", classes=names)
    change(run / "model" / "config.json", classes=names)
    result = json.loads((run / "evaluation.json").read_text())
    result["class_shares"] = dict.fromkeys(names, 0.1)
    result["intra_class_frechet_by_class"] = {HOSTILE: 3.5}
    result["real"]["intra_class_frechet"] = 1.25
    result["extractor_note"] = result["protocol"]["id"] = HOSTILE
    (run / "evaluation.json").write_text(json.dumps(result))
    with open(run / "metrics.jsonl", "a") as file:
        row = {"kind": "evaluation", "images": 640, "kernel": 1.0, "protocol": HOSTILE}
        file.write(json.dumps(row) + "\n")
        file.write(json.dumps({"kind": "train", "images": 640, "losses": {HOSTILE: 1.0}}) + "\n")
    page = assert_alone(report.write(run, pack))
    assert len(page.all("script")) == 1
    assert page.text.count(HOSTILE) >= 4
    assert "Real images have a distance of 1.25 within a class on average" in page.text
    assert "/somewhere" not in page.raw, "where the data lie is private"


def test_attributes_and_text_are_escaped() -> None:
    made = tag("p", "<b>", Html("<i></i>"), title='"><script>', hidden=True, id=None)
    assert made == ('<p title="&quot;&gt;&lt;script&gt;" hidden>&lt;b&gt;<i></i></p>')


@pytest.mark.parametrize(
    ("gone", "lost"),
    [
        (["evaluation.json"], {"Closest training images"}),
        (["metrics.jsonl", "model"], {"Curves"}),
        (["samples"], {"Through time"}),
        (
            ["evaluation.json", "metrics.jsonl", "samples", "model", "checkpoints"],
            {"Closest training images", "Curves", "Through time", "Class by class"},
        ),
    ],
)
def test_missing_parts_are_left_out(run: Path, pack: Pack, gone: list[str], lost: set[str]) -> None:
    for name in gone:
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    page = assert_alone(report.write(run, pack))
    assert page.headings() == set(SECTIONS) - lost
    if "evaluation.json" in gone:
        assert "has not been measured yet" in page.text
    if len(gone) > 3:
        assert "nothing has been learned yet" in page.text


def test_damage_is_named_and_the_rest_is_there(run: Path, pack: Pack) -> None:
    (run / "evaluation.json").write_text('{"kernel": 1')
    with open(run / "metrics.jsonl", "ab") as file:
        file.write(b'{"kind": "train", "ima')
    newest = sorted((run / "samples").glob("*.png"))[-1]
    newest.write_bytes(newest.read_bytes()[:100])
    weights = run / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-3])
    page = assert_alone(report.write(run, pack))
    assert "evaluation.json is left out" in page.text
    assert {"Curves", "Through time", "What next"} <= page.headings()
    (run / "evaluation.json").write_text("[1, 2]")
    assert "evaluation.json is left out" in Page(report.write(run, pack)).text


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not a run"):
        report.write(tmp_path)
    (tmp_path / "model").mkdir()
    for name in ("config.json", "model/config.json", "model/model.safetensors"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(CheckpointError, match="model is a model, not a run") as caught:
        report.write(tmp_path / "model")
    assert caught.value.fix == f"give the run that it is of: {tmp_path}"
    with pytest.raises(CheckpointError, match="is a folder of runs") as caught:
        report.write(tmp_path.parent)
    assert tmp_path.name in caught.value.what and str(tmp_path.parent) in caught.value.fix


def test_stopped_early_is_said_with_the_command(run: Path) -> None:
    config = runfolder.read_config(run)
    config.run.images = 5000
    (run / "config.json").write_text(to_json(config))
    page = Page(report.write(run))
    assert "Stopped early: 640 of 5,000 images" in page.text
    assert f"ganzfeld resume {run}" in page.text and "--images" not in page.text


def test_the_chosen_checkpoint_is_in_the_sentence_and_marked(run: Path) -> None:
    candidates = [
        {"images": n, "average": a, "frechet": f, "kernel": f / 100}
        for n, a, f in ((320, "short", 9.0), (320, "long", 7.25), (640, "short", 8.0))
    ]
    best = {"images": 320, "average": "long", "by": "frechet", "candidates": candidates}
    change(run / "model" / "config.json", chosen=best)
    page = Page(report.write(run))
    assert "the long average at image 320, the best of 3 candidates" in page.text
    assert "(7.25)" in page.text and "Candidates by Frechet distance" in page.text
    assert "Best: 7.25 at 320 (long average)" in page.text


def test_evaluations_of_other_protocols_make_other_curves(run: Path) -> None:
    with open(run / "metrics.jsonl", "w") as file:
        for images, value, protocol in ((100, 5.0, "A"), (200, 4.0, "A"), (300, 1.5, "B")):
            row = {"kind": "evaluation", "images": images, "frechet": value, "protocol": protocol}
            file.write(json.dumps(row) + "\n")
    page = Page(report.write(run))
    labels = [label for svg in page.all("svg") if (label := svg.get("aria-label"))]
    assert [label for label in labels if "goes from 5 to 4" in label]
    assert not [label for label in labels if "to 1.5" in label and "from 5" in label]
    assert "Protocol: A" in page.text and "Protocol: B" in page.text


def test_collapse_and_copying_are_said(run: Path) -> None:
    copied = {"memorisation_copies": 0.25, "memorisation_found": True}
    change(run / "evaluation.json", diversity=0.1, memorisation=0.2, **copied)
    page = Page(report.write(run))
    assert "it has learned little yet, or has collapsed" in page.text
    assert "25.0% of the images are copies or near copies of training images" in page.text
    assert "they lie 20% as far from the data as fresh images do" in page.text


def test_results_of_an_older_version_warn_as_they_did(run: Path) -> None:
    path = run / "evaluation.json"
    change(path, diversity=0.1, memorisation=0.2)
    result = json.loads(path.read_text())
    for name in [n for n in result if n.startswith("real") or n == "warnings"]:
        del result[name]
    path.write_text(json.dumps(result))
    page = Page(report.write(run))
    assert "learned little yet, or has collapsed" in page.text and "memorised some" in page.text


@pytest.mark.parametrize(
    ("source", "name"),
    [("data/dataset.npz", "words · default"), ("/home/me/data/faces.npz", "faces.npz · default")],
)
def test_a_run_from_arrays_is_called_by_its_folder(
    source: str, name: str, run: Path, tmp_path: Path
) -> None:
    config = json.loads((run / "config.json").read_text())
    config["data"]["source"] = source
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "config.json").write_text(json.dumps(config))
    assert report.read(tmp_path / "words").name == name


def test_another_game_and_samples_that_are_no_pictures(tmp_path: Path) -> None:
    run = tmp_path / "words"
    (run / "samples").mkdir(parents=True)
    config = from_dict(
        ganzfeld.Config,
        {
            "recipe": "mine.py:words",
            "game": {"name": "mine:Words"},
            "networks": {"W": dataclasses.asdict(Part(name="mine:Net"))},
            "optimisers": {"writer": {"name": "adam"}},
            "data": dataclasses.asdict(Data(source="poems.txt")),
            "run": {"images": 100},
        },
    )
    (run / "config.json").write_text(to_json(config))
    (run / "samples" / "000000000100.txt").write_text("a <b> rose\nis a rose")
    row = {"kind": "train", "images": 100, "images_per_second": 50.0, "losses": {"loss": None}}
    (run / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    page = assert_alone(report.write(run))
    assert "poems.txt · mine.py:words" in page.text and "a <b> rose" in page.text
    assert "mine:Words" in page.text and "writer" in page.text and "2 s of training" in page.text


@pytest.mark.long
def test_ones_own_network_is_drawn_only_when_trusted(tmp_path: Path) -> None:
    recipe = f"{EXAMPLES / 'own_network.py'}:tall"
    run = ganzfeld.train(
        "avatars:64", recipe=recipe, out=tmp_path / "r", size=16, images=64, batch=32, quiet=True
    )
    page = Page(report.write(run.path))
    assert not any("samples of the class" in (i["alt"] or "") for i in page.all("img"))
    assert "--out images --trust-code" in page.raw and ", trust_code=True)" in page.raw
    page = Page(report.write(run.path, trust_code=True))
    assert any("samples of the class" in (i["alt"] or "") for i in page.all("img"))


def test_large_pictures_are_made_smaller() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 1400, 4), np.uint8)
    image = Image.fromarray(noise)
    made = embed.picture(image, "noise", side=700, most=50_000)
    assert 'width="' in made and made.startswith('<img src="data:image/jpeg')
    assert len(base64.b64decode(made.partition("base64,")[2].partition('"')[0])) <= 50_000
    small = Image.new("L", (8, 8))
    assert "image/png" in embed.picture(small, "grey", side=700, most=50_000)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 30_016, [0, 10_000, 20_000, 30_000]),
        (0.0, 1.0, [0, 0.5, 1]),
        (-3, 5, [-2, 0, 2, 4]),
        (2, 2, [2]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert chart.ticks(low, high, 4) == expected


def test_a_chart_marks_the_best_and_survives_odd_numbers() -> None:
    line = chart.Line("a", [(0, 5.0), (10, 2.0), (20, 3.0)])
    assert "Best: 2 at 10" in chart.chart("t", [line], best=chart.Best("min"))
    assert "Best: 5 at 0" in chart.chart("t", [line], best=chart.Best("max"))
    near = chart.Line("b", [(0, 0.5), (10, 1.25)])
    assert "Best: 1.25 at 10" in chart.chart("t", [near], best=chart.Best("one"))
    for points in ([(0, 0.0)], [(5, 1e-12), (6, 1e9)], [(1, -4.0), (2, -4.0)], [(0, 7.0)] * 3):
        assert "NaN" not in (made := chart.chart("t", [chart.Line("c", points)]))
        assert "nan" not in made and "<svg" in made
    assert chart.chart("t", [chart.Line("d", [])]) == ""


@pytest.mark.long
def test_the_command_writes_it_again_and_does_without_data(run: Path, tmp_path: Path) -> None:
    with_config(run, source=str(tmp_path / "moved"))
    done = forks.run("report", run)
    assert done.returncode == 0, done.stderr
    assert "the closest training images are left out" in done.stdout
    assert str(run / "report.html") in done.stdout
    assert "Left out: the data could not be opened" in Page(run / "report.html").text


@pytest.mark.long
def test_a_translation_shows_its_errors_and_how_to_use_it(tmp_path: Path) -> None:
    settings = ["networks.*.width=8"]
    options = {"recipe": "pix2pix", "size": 16, "batch": 4, "images": 32, "settings": settings}
    run = ganzfeld.train("avatars-lines:32", out=tmp_path / "lines", quiet=True, **options)  # type: ignore[arg-type]
    page = assert_alone(report.write(run.path))
    assert page.headings() == {"The plan", "Through time", "Curves", "What next"}
    assert "ganzfeld translate" in page.text and "model.translate(" in page.text
    assert "ganzfeld sample" not in page.text
    labels = [svg.get("aria-label") or "" for svg in page.all("svg")]
    assert any(
        "error from a to b goes" in text and "error of the mean of b goes" in text
        for text in labels
    )


def test_a_model_that_was_not_chosen_by_a_number(run: Path) -> None:
    chosen = {"images": 640, "average": "medium", "candidates": []}
    change(run / "model" / "config.json", chosen=chosen)
    page = Page(report.write(run))
    assert "the model that it ships is the medium average at image 640" in page.text
    assert "None" not in page.text.partition("The plan")[0]


def test_the_top_says_how_good_it_is_and_tiles_say_what_real_data_have(run: Path) -> None:
    real = {"frechet": 0.09, "precision": 0.84, "recall": 0.83, "coverage": 0.97}
    change(run / "evaluation.json", real=real, frechet=0.36, precision=0.83, recall=0.7)
    rows = [
        {"kind": "evaluation", "images": n, "frechet": f, "count": 64, "protocol": "p"}
        for n, f in ((80, 9.0), (160, 5.0), (240, 3.0))
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = Page(report.write(run))
    top = page.text.partition("The plan")[0]
    assert "Frechet 0.36 where real images have 0.090: clearly worse than real images" in top
    assert "precision 0.83 (real 0.84)" in top and "still improving when it ended" in top
    assert "real data: 0.09" in top and "real data: 0.83" in top
    assert "0 is best" not in top


def test_numbers_of_unequal_counts_are_not_left_side_by_side(run: Path) -> None:
    candidates = [{"images": 640, "average": "long", "frechet": 1.033}]
    best = {"images": 640, "average": "long", "by": "frechet", "candidates": candidates}
    change(run / "model" / "config.json", chosen=best | {"count": 66})
    text = Page(report.write(run)).text
    assert "from 66 samples: do not compare it with the figures below" in text
    change(run / "model" / "config.json", chosen=best | {"count": 30})
    assert "from 30 samples, and few samples make it larger: do not" in Page(report.write(run)).text
    curve = {"images": 640, "average": "medium", "frechet": 1.1}  # which is of the first average
    change(run / "model" / "config.json", chosen=best | {"candidates": [curve, *candidates]})
    words = "Points are of the medium average: the long average, which ships, has 1.033."
    assert Page(report.write(run)).text.count(words) == 1
    change(run / "model" / "config.json", chosen=best | {"count": 48})
    text = Page(report.write(run)).text
    assert "do not compare it" not in text and "below are of other samples" in text


def test_losses_are_explained_and_penalties_have_a_chart_of_their_own(run: Path) -> None:
    page = Page(report.write(run))
    labels = [svg.get("aria-label") or "" for svg in page.all("svg")]
    losses = next(text for text in labels if text.startswith("Losses of the discriminator"))
    assert "a draw: 1.386" in losses and "r1" not in losses
    penalties = next(text for text in labels if text.startswith("Penalties of the discriminator"))
    assert "r1 goes" in penalties and "r2 goes" in penalties
    assert "At 1.386 the discriminator cannot tell real from generated" in page.text
    assert "At 0.693 it is a draw" in page.text
    assert "r1 punishes the discriminator's slope at real images" in page.text
    many = [(float(n), 1.0) for n in range(100)]
    made = chart.chart("t", [chart.Line("r1", many), chart.Line("r2", many, dashed=True)])
    assert made.count("stroke-dasharray") == 2, "of the line and of its key"


def test_shares_are_drawn_on_their_whole_axis_with_what_chance_does(run: Path) -> None:
    rows = [
        {"kind": "evaluation", "images": n, "precision": p, "count": 66, "real": {"precision": 0.8}}
        for n, p in ((320, 0.84), (640, 0.9))
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = Page(report.write(run))
    assert "66 samples a point: bars are 95 % intervals" in page.text
    assert "Best: 0.9 at 640" in page.text and "at the end" not in page.text
    change(run / "evaluation.json", count=2000, precision=0.31, real={"precision": 0.8})
    words = "Few samples can make it larger: of 2,000 at the end it is 0.31 (real 0.8)."
    assert words in Page(report.write(run)).text
    change(run / "evaluation.json", count=66)
    assert "Of other samples at the end it is 0.31 (real 0.8)." in Page(report.write(run)).text
    assert 'class="bars s0"' in page.raw and "real data: 0.8" in page.text
    plot = chart.Plot([0, 1], [0.84, 0.9], within=(0.0, 1.0))
    assert plot.y(0.0) > plot.y(0.84) > plot.y(1.0) and plot.low <= 0 < 1 <= plot.high


def test_curves_have_the_intervals_that_were_measured(run: Path) -> None:
    """A kernel distance of 64 samples may be a fifth off, which is no few per cent."""
    common = {"kind": "evaluation", "count": 64, "frechet": 9.0, "diversity": 1.0}
    rows = [
        common
        | {"images": n, "kernel": k, "kernel_interval": [k - 0.1, k + 0.3]}
        | {"density": k, "density_interval": [0.0, 0.9]}
        for n, k in ((320, 0.5), (640, 0.4))
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = Page(report.write(run))
    assert page.raw.count('class="bars s0"') == 2, "kernel distance and density"
    assert page.text.count("64 samples a point: bars are 95 % intervals") == 2
    assert page.text.count("64 samples a point: a few per cent") == 2, (
        "Frechet of before, diversity"
    )


def test_a_bar_of_a_curve_is_as_wide_as_the_same_share_s_at_the_end() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.standard_normal((2, 64, 4))
    found = manifolds(one, other * 1.5)
    [ends] = sections.chance("recall", [(1.0, found.recall.value)], 64, {})
    assert ends == pytest.approx(found.recall.interval)


def test_no_point_of_equal_ones_is_called_the_best() -> None:
    lines = [chart.Line("recall", [(288.0, 0.0), (576.0, 0.0)])]
    assert "Best" not in chart.chart("recall", lines, best=chart.Best("max"))
    lines = [chart.Line("recall", [(288.0, 0.0), (576.0, 0.1)])]
    assert "Best: 0.1 at 576" in chart.chart("recall", lines, best=chart.Best("max"))


def test_a_number_on_a_tile_is_never_broken() -> None:
    style = (Path(report.__file__).parent / "page.css").read_text()
    rule = style.partition(".tiles dd {")[2].partition("}")[0]
    assert "white-space: nowrap" in rule and "overflow-wrap" not in rule
