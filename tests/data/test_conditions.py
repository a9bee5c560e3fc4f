"""Conditions: what tables say of images becomes labels and scaled numbers of a generation."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

import ganzfeld
from ganzfeld.cli.options import parse_given
from ganzfeld.cli.words import prepared
from ganzfeld.data.columns import text_of
from ganzfeld.data.conditions import Conditioned, again, beyond, conditioned, resolve, row_of
from ganzfeld.data.held import held_rows, training
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.errors import CheckpointError, DataError, UsageError
from ganzfeld.games.adversarial import Adversarial
from ganzfeld.networks import NETWORKS

COUNT = 120


@pytest.fixture
def faces(tmp_path):
    """Grey images as bright as the age of metadata.csv says, of two breeds, with tags."""
    root = tmp_path / "faces"
    root.mkdir()
    rows = ["file_name,age,breed,tags,about"]
    for k in range(COUNT):
        Image.new("L", (16, 16), 2 * (k % 100) + k // 100).save(root / f"{k}.png")
        tags = ["red|small", "small", "red"][k % 3]
        rows.append(f"{k}.png,{k % 100 + 0.5},{['tabby', 'siam'][k % 2]},{tags},cat number {k}")
    (root / "metadata.csv").write_text("\n".join(rows))
    return root


@pytest.fixture
def pack(tmp_path):
    def make(source, **options):
        return open_pack(source, PackOptions(**options), cache=tmp_path / "cache", workers=0)

    return make


def test_columns_of_a_table_lie_beside_the_images_and_change_no_fingerprint(faces, pack):
    found = pack(faces)
    kinds = {name: column.spec.modality for name, column in found.columns.items()}
    assert kinds == {"age": "number", "breed": "class", "tags": "several", "about": "text"}
    order = [int(name.partition(".")[0]) for name in sorted(
        (path.name for path in faces.glob("*.png")), key=lambda n: int(n[:-4]))]  # fmt: skip
    ages = found.columns["age"].rows(np.arange(COUNT))
    assert np.array_equal(ages, [k % 100 + 0.5 for k in order])
    assert np.array_equal(found.images[:, 0, 0, 0], [2 * (k % 100) + k // 100 for k in order])
    bare = faces.with_name("bare")
    bare.mkdir()
    for path in faces.glob("*.png"):
        (bare / path.name).write_bytes(path.read_bytes())
    assert pack(bare).fingerprint == pack(faces, labels="none").fingerprint
    assert any("age (numbers 0.5 to 99.5)" in text for text in found.report["columns"])


def test_bad_images_leave_the_other_rows_in_place(faces, pack):
    (faces / "7.png").write_bytes(b"broken")
    found = pack(faces)
    assert len(found) == COUNT - 1
    ages = found.columns["age"].rows(np.array([6, 7]))
    assert ages.tolist() == [6.5, 8.5] and found.images[7, 0, 0, 0] == 16


def test_hugging_face_stylegan_and_listed_labels_are_understood(tmp_path, pack):
    for name in ("jsonl", "stylegan", "lists"):
        (tmp_path / name).mkdir()
        for k in range(20):
            Image.new("L", (8, 8), 10 * k).save(tmp_path / name / f"{k:02}.png")
    lines = [{"file_name": f"{k:02}.png", "mass": k / 2, "tags": ["a", "b"][: k % 3]}
             for k in range(20)]  # fmt: skip
    (tmp_path / "jsonl" / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pairs = [[f"{k:02}.png", [k / 4, -k]] for k in range(20)]
    (tmp_path / "stylegan" / "dataset.json").write_text(json.dumps({"labels": pairs}))
    pairs = [[f"{k:02}.png", [k % 2, 1, 0]] for k in range(20)]
    (tmp_path / "lists" / "dataset.json").write_text(json.dumps({"labels": pairs}))
    first, second, third = (pack(tmp_path / n) for n in ("jsonl", "stylegan", "lists"))
    assert first.columns["mass"].rows(np.array([5]))[0] == 2.5
    assert first.columns["tags"].rows(np.array([5])).tolist() == [[1, 1]]
    assert second.columns["label_0"].rows(np.array([5]))[0] == 1.25
    assert second.columns["label_1"].rows(np.array([5]))[0] == -5
    assert third.columns["label"].rows(np.array([5])).tolist() == [[1, 1, 0]]


def test_a_table_that_names_images_is_a_source(faces, pack):
    found = pack(faces / "metadata.csv")
    assert found.spec.modality == "image" and len(found) == COUNT
    assert "names" in found.report["taken"]["modality"] and found.classes == ("siam", "tabby")


@pytest.mark.parametrize(
    ("names", "labels", "numbers"),
    [
        (["age"], "none", ["age"]),
        (["breed"], "column:breed", []),
        (["age", "breed"], "column:breed", ["age"]),
        (["tags", "age"], "none", ["tags", "age"]),
    ],
)
def test_one_column_of_classes_becomes_the_labels(faces, names, labels, numbers):
    assert resolve(faces, PackOptions(), names) == (labels, numbers)


def test_what_cannot_be_a_condition_is_said(faces, pack):
    with pytest.raises(DataError, match="no column weight") as caught:
        resolve(faces, PackOptions(), ["weight"])
    assert "age" in str(caught.value)
    with pytest.raises(DataError, match="holds text"):
        conditioned(pack(faces), ["about", "age"], None)
    with pytest.raises(UsageError, match="both choose"):
        resolve(faces, PackOptions(labels="none"), ["age"])
    table = faces / "metadata.csv"
    table.write_text(table.read_text().replace("7.png,7.5", "7.png,"))
    with pytest.raises(DataError, match=r"2 of 120 samples have no age"):
        conditioned(pack(faces), ["age"], None)
    table.write_text("file_name,age\n" + "\n".join(f"{k}.png,3" for k in range(COUNT)))
    with pytest.raises(DataError, match="is 3 for all"):
        conditioned(pack(faces), ["age"], None)


def test_numbers_are_scaled_by_the_training_part(faces, pack):
    found = conditioned(pack(faces), ["age", "tags", "breed"], 20)
    assert isinstance(found, Conditioned)
    assert found.condition_names == [
        "age", "tags=red", "tags=small", "breed=siam", "breed=tabby"]  # fmt: skip
    rows = training(found, 20).rows(np.arange(100))
    assert rows["c"].dtype == np.float32 and rows["c"].shape == (100, 5)
    assert abs(rows["c"][:, 0].mean()) < 1e-5 and abs(rows["c"][:, 0].std() - 1) < 1e-5
    assert set(np.unique(rows["c"][:, 1:])) == {-1.0, 1.0}
    kept = np.setdiff1d(np.arange(COUNT), held_rows(found, 20))
    ages = found.columns["age"].rows(kept)
    about = found.condition_columns[0]
    assert np.allclose(rows["c"][:, 0] * about["spread"] + about["mean"], ages, atol=1e-3)
    assert found.fingerprint == found.whole.fingerprint


def test_a_run_finds_its_conditions_again_or_says_that_they_changed(faces, pack):
    first = conditioned(pack(faces), ["age"], 20)
    stored = {"columns": first.condition_columns}
    rows = again(pack(faces), stored).rows(np.arange(5))
    assert np.array_equal(rows["c"], first.rows(np.arange(5))["c"])
    table = faces / "metadata.csv"
    table.write_text(table.read_text().replace("9.png,9.5", "9.png,77"))
    with pytest.raises(CheckpointError, match="holds other values"):
        again(pack(faces), stored)
    table.unlink()
    with pytest.raises(CheckpointError, match="is gone"):
        again(pack(faces), stored)


def test_given_takes_the_units_of_the_data(faces, pack):
    found = conditioned(pack(faces), ["age", "tags"], 0)
    model = {"columns": found.condition_columns}
    about = found.condition_columns[0]
    places = row_of(model, {"age": "30"})
    assert places == {0: pytest.approx((30 - about["mean"]) / about["spread"])}
    assert row_of(model, {"tags": "red"}) == {1: 1.0, 2: -1.0}
    assert beyond(model, {"age": "300"}) and not beyond(model, {"age": "30"})
    for given, told in (
        ({"weight": "3"}, "not conditioned on weight"),
        ({"age": "old"}, "a number was expected"),
        ({"age": "nan"}, "a number was expected"),
        ({"tags": "blue"}, "not one of red, small"),
    ):
        with pytest.raises(UsageError, match=told):
            row_of(model, given)
    with pytest.raises(UsageError, match="takes no conditions, so not age"):
        row_of({}, {"age": "3"})
    with pytest.raises(UsageError, match="NAME=VALUE"):
        parse_given(["age"])
    assert parse_given(["tags="]) == {"tags": ""}
    assert parse_given(["age=30", "tags=red|small"]) == {"age": "30", "tags": "red|small"}


def test_given_is_a_list_that_leaves_the_model_alone():
    from ganzfeld.cli.sample import sample

    words = ["--out", "o", "--given", "age=30", "tags=red", "runs/faces"]
    found = prepared("ganzfeld sample", sample, words)
    assert found == ["--out", "o", "--given", "age=30", "--given", "tags=red", "runs/faces"]


SIZES = {"dcgan": {"width": 8, "most": 16}, "residual": {"width": 16, "most": 32, "blocks": 1}}


@pytest.mark.parametrize("family", SIZES)
@pytest.mark.parametrize("classes", [0, 3])
def test_networks_take_numbers_and_without_them_are_those_of_before(family, classes):
    def made(**more):
        torch.manual_seed(0)
        shape = {"shape": (1, 16, 16), "classes": classes, **SIZES[family], **more}
        return NETWORKS[f"{family}-generator"](**shape), NETWORKS[f"{family}-discriminator"](
            **shape
        )

    z, y, c = torch.randn(6, 100), torch.arange(6) % 3, torch.randn(6, 2)
    (G, D), (bare, judge) = made(conditions=2), made()
    z = z[:, : G.latent]
    assert [n for n, _ in bare.named_parameters()] == [
        n for n, _ in G.named_parameters() if not n.startswith("numbers.")
    ]
    assert not any("numbers" in n for n in [*bare.state_dict(), *judge.state_dict()])
    x = G.eval()(z, y, c=c)
    assert x.shape == (6, 1, 16, 16) and D(x, y, c=c).shape == (6,)
    assert not torch.equal(x, G(z, y, c=c + 1)) and not torch.equal(D(x, y, c=c), D(x, y, c=-c))
    with pytest.raises(ValueError, match="2 numbers as conditions"):
        G(z, y)


@pytest.mark.parametrize("options", [{}, {"one_stage": True, "loss": "non-saturating"}])
def test_the_game_gives_the_numbers_to_both_networks(options):
    torch.manual_seed(0)
    shape = {"shape": (1, 16, 16), "conditions": 1, **SIZES["dcgan"]}
    G, D = NETWORKS["dcgan-generator"](**shape), NETWORKS["dcgan-discriminator"](**shape)
    game = Adversarial(G, D, r1=1.0, **options)
    batch = {"x": torch.randn(8, 1, 16, 16), "c": torch.randn(8, 1)}
    for player in dict.fromkeys(game.moves(0)):
        game.zero_grad()
        sum(game.loss(player, batch).values()).backward()
        movers = game.movers(player)
        if "generator" in movers:
            assert any(p.grad.abs().sum() > 0 for p in G.numbers.parameters())
        if "discriminator" in movers:
            assert any(p.grad.abs().sum() > 0 for p in D.numbers.parameters())


def test_a_recipe_without_numbers_refuses_them(faces, tmp_path):
    with pytest.raises(UsageError, match="takes no numbers as conditions"):
        ganzfeld.train(
            faces, condition="age", recipe="vae", images=64, out=tmp_path / "run", quiet=True
        )
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.slow
def test_a_generation_learns_the_number_it_is_given(faces, tmp_path, monkeypatch):
    """End to end: brightness follows the age that is asked for, and a resumed run is the same."""
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path / "cache"))
    settings = ("run.inception_count=0", "run.evaluate_every=4000", "ema.half_life_images=200")
    small = ("networks.*.width=8", "run.precision=float32")
    run = ganzfeld.train(
        faces, condition="age", images=4000, batch=16, out=tmp_path / "run", quiet=True,
        settings=[*settings, *small],
    )  # fmt: skip
    model = run.model
    assert model.conditions["names"] == ["age"] and not model.classes
    young, old = (
        model.sample(32, numbers=model.given({"age": age}, 32)).mean().item() for age in (10, 90)
    )
    assert old - young > 0.4  # 80 years are 160 of 255 grey levels, 1.25 of the range of 2
    assert torch.equal(model.sample(40)[:8], model.sample(8))
    picked = model.sample(4, of=8, rank="discriminator", numbers=model.given({"age": 50}, 4))
    assert picked.shape == (4, 1, 16, 16)
    again_ = ganzfeld.train(
        faces, condition="age", images=4000, batch=16, out=tmp_path / "run", quiet=True,
        settings=[*settings, *small],
    )  # fmt: skip
    assert torch.equal(again_.model.sample(4), model.sample(4))


def test_a_part_of_a_pack_has_that_part_of_its_columns(faces, pack):
    found = pack(faces)
    some = training(found, 20)
    kept = np.setdiff1d(np.arange(COUNT), held_rows(found, 20))
    ages = some.columns["age"]
    assert len(ages) == 100 and np.array_equal(
        ages.rows(np.arange(100)), found.columns["age"].rows(kept)
    )
    captions = some.columns["about"]
    assert text_of(captions.sample(3)) == f"cat number {kept[3]}"
    assert captions.lengths(np.array([3]))[0] == len(f"cat number {kept[3]}")


def test_a_config_file_names_the_conditions_of_its_run():
    from ganzfeld.config import Data
    from ganzfeld.training.config_file import conditions_of

    columns = {"names": ["age"], "rows": [[0.0]], "columns": [{"name": "age"}]}
    assert conditions_of(Data(labels="column:breed", conditions=columns)) == ["breed", "age"]
    assert conditions_of(Data()) == []


def test_parquet_images_have_their_other_columns(tmp_path, pack):
    pa = pytest.importorskip("pyarrow")
    import io

    import pyarrow.parquet as pq

    images = []
    for k in range(12):
        out = io.BytesIO()
        Image.new("L", (8, 8), 20 * k).save(out, "PNG")
        images.append({"bytes": out.getvalue(), "path": None})
    cells = {
        "image": images,
        "label": [k % 2 for k in range(12)],
        "mass": [k / 2 for k in range(12)],
    }
    pq.write_table(pa.table(cells), tmp_path / "t.parquet")
    found = pack(tmp_path / "t.parquet")
    assert found.classes == ("0", "1") and set(found.columns) == {"mass"}
    assert found.columns["mass"].rows(np.array([5]))[0] == 2.5


def test_sounds_have_columns_of_a_table(tmp_path, pack):
    import wave

    rows = ["file_name,pitch,speaker"]
    for k in range(12):
        with wave.open(str(tmp_path / f"{k}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            tone = 8000 * np.sin(np.arange(400 + 20 * k) * 0.3)
            file.writeframes(tone.astype("<i2").tobytes())
        rows.append(f"{k}.wav,{100 + k / 2},{'ab'[k % 2]}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows))
    for source in (tmp_path, tmp_path / "metadata.csv"):
        found = conditioned(pack(source, labels="column:speaker"), ["pitch"], 0)
        batch = found.rows(np.arange(12))
        assert found.spec.modality == "audio" and batch["y"].sum() == 6
        about = found.condition_columns[0]
        pitch = batch["c"][:, 0] * about["spread"] + about["mean"]
        numbers = np.round(2 * (pitch - 100)).astype(int)
        assert sorted(numbers) == list(range(12)) and (numbers % 2 == batch["y"]).all()


def test_a_run_from_before_conditions_is_continued_by_the_same_command(tmp_path):
    import copy

    from ganzfeld.recipes import RECIPES, Facts
    from ganzfeld.training.build import complete
    from ganzfeld.training.resume import adopt

    wanted = complete(RECIPES["dcgan"](Facts(count=200, channels=1, height=16, width=16)))
    wanted.data.modality = "auto"
    stored = copy.deepcopy(wanted)
    stored.data.modality = "image"
    for part in stored.networks.values():
        assert part.options.pop("conditions") == 0
    assert adopt(copy.deepcopy(wanted), stored, tmp_path).data.modality == "image"
    wanted.networks["G"].options["conditions"] = 1
    with pytest.raises(CheckpointError, match="other settings"):
        adopt(wanted, copy.deepcopy(stored), tmp_path)
