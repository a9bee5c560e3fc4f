"""A table goes all the way: from a CSV file through training to a CSV file of samples."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.core.runfolder import read_config
from ganzfeld.data.pack import open_pack
from ganzfeld.errors import DataError, UsageError
from ganzfeld.metrics.summary import summary

pytestmark = pytest.mark.long

SMALL = ["networks.*.widths=[16,16]", "networks.G.noise=8", "run.evaluate_count=64",
         "run.evaluate_every=4096", "run.sample_every=4096"]  # fmt: skip


def write(path: Path, rows: int, seed: int = 0) -> Path:
    """Customers: whole numbers with gaps, decimals, a category, a boolean, dates."""
    rng = np.random.default_rng(seed)
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["age", "spent", "town", "member", "since"])
        for _ in range(rows):
            town = rng.choice(["Ulm", "Bonn", "Köln"], p=[0.6, 0.3, 0.1])
            age = "" if rng.random() < 0.1 else str(rng.integers(18, 90))
            day = np.datetime64("2020-01-01") + int(rng.integers(0, 900))
            out.writerow([age, f"{rng.normal(50, 9):.2f}", town,
                          str(rng.random() < 0.4).lower(), day])  # fmt: skip
    return path


def read(path: Path) -> tuple[list[str], list[list[str]]]:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return rows[0], rows[1:]


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ganzfeld.Run]:
    folder = tmp_path_factory.mktemp("customers")
    source = write(folder / "customers.csv", 600)
    run = ganzfeld.train(
        source, recipe="table-gan", images=4_096, batch=128, out=folder / "run", quiet=True,
        settings=SMALL,
    )  # fmt: skip
    return source, run


def test_a_csv_file_finds_its_schema(customers: tuple[Path, ganzfeld.Run]) -> None:
    _, run = customers
    config = read_config(run.path)
    spec: Any = config.data.spec
    assert spec["modality"] == "table" and spec["shape"] == [config_width(spec)]
    kinds = {c["name"]: c for c in spec["extra"]["schema"]["columns"]}
    assert kinds["town"]["names"] == ["Bonn", "Köln", "Ulm"] and kinds["age"]["missing"]
    assert spec["extra"]["schema"]["rows"] == 570, "30 rows are held out"


def config_width(spec: dict[str, Any]) -> int:
    from ganzfeld.modalities.table.schema import Schema

    return Schema.from_json(spec["extra"]["schema"]).layout.width


def check_rows(names: list[str], rows: list[list[str]], count: int) -> None:
    assert names == ["age", "spent", "town", "member", "since"] and len(rows) == count
    for age, spent, town, member, since in rows:
        assert age == "" or 18 <= int(age) < 90
        assert spent == f"{float(spent):.2f}"
        assert town in ("Ulm", "Bonn", "Köln") and member in ("true", "false")
        assert "2020-01-01" <= since < "2022-06-19" and np.datetime64(since)


def test_samples_are_a_table_with_the_same_columns_and_types(
    customers: tuple[Path, ganzfeld.Run], tmp_path: Path
) -> None:
    _, run = customers
    out = tmp_path / "rows.csv"
    main(["sample", str(run.path), "--count", "150", "--out", str(out)])
    names, rows = read(out)
    check_rows(names, rows, 150)
    few = tmp_path / "few"
    main(["sample", str(run.path), "--count", "7", "--out", str(few)])
    assert read(next(few.glob("*.csv")))[1] == rows[:7], "row i is the same whatever the count"


def test_sheets_and_report_show_rows(customers: tuple[Path, ganzfeld.Run]) -> None:
    _, run = customers
    sheets = sorted((run.path / "samples").glob("*.csv"))
    assert sheets
    check_rows(*read(sheets[-1]), 64)
    page = (run.path / "report.html").read_text("utf-8")
    assert "<th" in page and "Köln" in page and "5 columns" in page
    assert "Columns one by one" in page


def test_an_evaluation_has_the_metrics_of_tables(customers: tuple[Path, ganzfeld.Run]) -> None:
    source, run = customers
    found = ganzfeld.evaluate(str(run.path), str(source), count=500)
    assert 0 <= found["marginals_floor"] <= found["marginals"] <= 1
    assert found["target"] == "member" and 0 < found["synthetic_trees"] <= 1
    assert set(found["marginals_by_column"]) == {"age", "spent", "town", "member", "since"}
    assert found["record_copies"] == 0
    assert 0.5 <= found["real_commonest"] < 1, "true or false"
    told = "\n".join(summary(found))
    assert "they predict member" in told and "always naming the commonest value" in told


def test_another_table_is_read_by_the_names_of_its_levels(
    customers: tuple[Path, ganzfeld.Run], tmp_path: Path
) -> None:
    _, run = customers
    model = ganzfeld.load(run.path)
    other = tmp_path / "other.csv"
    other.write_text("town,age,spent,member,since\nUlm,44,1.5,true,2020-02-02\n" * 30)
    lines = "town,age,spent,member,since\n" + "Ulm,44,1.5,true,2020-02-02\n" * 30
    other.write_text(lines + "Trier,45,2.5,false,2020-02-03\n" * 2, "utf-8")
    pack = open_pack(other)
    pack.see_as(model.spec)
    stored = pack.rows(np.arange(len(pack)))["x"]
    assert stored[0].tolist() == [44, 1.5, 2, 1, 18_294], "Ulm is 2 here and was 1 there"
    assert np.isnan(stored[-1, 2]), "a town that the model does not know"
    lacking = tmp_path / "lacking.csv"
    lacking.write_text("town,age\n" + "Ulm,44\nBonn,45\n" * 30, "utf-8")
    with pytest.raises(DataError, match="spent"):
        open_pack(lacking).see_as(model.spec)


@pytest.mark.long
@pytest.mark.parametrize("recipe", ["table-gan", "table-vae"])
def test_a_generation_can_be_conditioned_on_a_column(recipe: str, tmp_path: Path) -> None:
    source = write(tmp_path / "customers.csv", 600)
    run = ganzfeld.train(
        source, recipe=recipe, images=8_192, batch=128, condition="town",
        out=tmp_path / "run", quiet=True,
        settings=[*SMALL, "run.evaluate_final=false", "run.evaluate_every=8192"],
    )  # fmt: skip
    model = ganzfeld.load(run.path)
    assert model.classes == ["Bonn", "Köln", "Ulm"]
    stored = model.store(model.sample(300, labels=["Köln"]))
    free = model.store(model.sample(300, labels=["Ulm"]))
    assert (stored[:, 2] == 1).mean() > (free[:, 2] == 1).mean() + 0.2
    if recipe == "table-vae":
        assert (stored[:, 2] == 1).all() and (free[:, 2] == 2).all()


@pytest.mark.long
@pytest.mark.parametrize("recipe", [pytest.param("table-gan", marks=pytest.mark.slow), "table-vae"])
def test_rows_follow_numbers_and_several_classes_at_once(recipe: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = ["age,spent,tags,town"]
    for k in range(2_000):
        age, tags = rng.integers(20, 80), ["red", "small", "red|small"][k % 3]
        spent = 10 * age + (500 if "red" in tags else 0) + rng.normal(0, 20)
        rows.append(f"{age},{spent:.2f},{tags},{['Bonn', 'Ulm'][k % 2]}")
    (tmp_path / "rows.csv").write_text("\n".join(rows), "utf-8")
    run = ganzfeld.train(
        tmp_path / "rows.csv", recipe=recipe, images=100_000, batch=256,
        condition="age,tags,town", out=tmp_path / "run", quiet=True,
        settings=["networks.*.widths=[64,64]", "run.evaluate_final=false",
                  "run.evaluate_count=16", "run.doctor=off"],
    )  # fmt: skip
    model = run.model
    assert model.conditions["names"] == ["age", "tags=red", "tags=small"]
    assert model.classes == ["Bonn", "Ulm"]

    def spent(age: int, tags: str) -> float:
        asked = model.given({"age": age, "tags": tags}, 300)
        stored = model.store(model.sample(300, labels="Ulm", numbers=asked))
        assert (stored[:, -1] == 1).mean() > 0.9
        return float(stored[:, 1].mean())

    assert 250 < spent(70, "small") - spent(30, "small") < 550  # 400 in the data
    assert 300 < spent(50, "red") - spent(50, "small") < 700  # 500


def test_a_csv_file_finds_its_recipe(tmp_path: Path) -> None:
    source = write(tmp_path / "customers.csv", 200)
    run = ganzfeld.train(
        source,
        images=512,
        batch=64,
        out=tmp_path / "run",
        quiet=True,
        settings=[SMALL[0], "run.evaluate_final=false"],
    )
    assert read_config(run.path).recipe == "table-vae"


def test_a_recipe_for_images_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "customers.csv", 100)
    with pytest.raises(UsageError, match="dcgan is not for rows"):
        ganzfeld.train(source, recipe="dcgan", images=100, out=tmp_path / "run", quiet=True)


@pytest.mark.long
def test_anybodys_rows_can_be_measured(
    customers: tuple[Path, ganzfeld.Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another program's CSV, whose levels lie in another order and of which one is lacking."""
    source, run = customers
    model = ganzfeld.load(run.path)
    [path] = model.save(200, tmp_path / "made")
    check_rows(*read(path), 200)
    names, rows = read(path)
    rows = [row for row in rows if row[2] != "Bonn"] * 2
    with open(tmp_path / "theirs.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])
    found = ganzfeld.evaluate(str(tmp_path / "theirs.csv"), str(source), count=150)
    lost = found["marginals_by_column"]["town"]
    assert lost > 0.2, "no Bonn"
    assert main(["data", "check", str(source)]) in (None, 0)
    assert "table" in capsys.readouterr().out


@pytest.mark.long
def test_a_run_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    source = write(tmp_path / "customers.csv", 300)
    short = [SMALL[0], "run.evaluate_final=false", "run.evaluate_count=16"]
    given: dict[str, Any] = {"batch": 64, "quiet": True, "settings": short}
    whole = ganzfeld.train(source, images=2_048, out=tmp_path / "whole", **given)
    first = ganzfeld.train(source, images=1_024, out=tmp_path / "part", **given)
    ganzfeld.resume(first.path, images=2_048, quiet=True)
    seen = [row["images"] for row in first.metrics() if row.get("kind") == "train"]
    assert seen[-1] == 2_048
    one, two = (ganzfeld.load(path, which="last") for path in (whole.path, first.path))
    assert one.spec == two.spec
