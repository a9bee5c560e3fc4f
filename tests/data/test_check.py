"""Looking at a data set: the corpus of bad and odd images, quarantine, one screen of text."""

import corpus
import pytest

from ganzfeld.data.check import check_data, describe
from ganzfeld.data.pack import PackOptions, open_pack


@pytest.fixture
def folder(tmp_path):
    """The whole corpus, and 20 good images."""
    root = tmp_path / "set"
    root.mkdir()
    for case in corpus.bad_cases():
        (root / f"bad-{case.name}").write_bytes(case.data)
    for case in corpus.odd_cases():
        (root / f"odd-{case.name}").write_bytes(case.data)
    for number in range(20):
        (root / f"good-{number}.png").write_bytes(corpus.png(seed=100 + number))
    return root


@pytest.mark.parametrize("workers", [0, 2])
def test_the_whole_corpus_is_reported_by_name_and_reason(folder, workers):
    files = corpus.bad_files(folder)
    expected = {f"bad-{case.name}": case.expected for case in corpus.bad_cases()} | files
    report = check_data(folder, PackOptions(size=(32, 32), channels=3), workers=workers)
    found = dict(report["skipped"])
    assert len(expected) >= 40 and set(found) == set(expected)
    for name, reason in expected.items():
        assert reason in found[name], name
    assert report["count"] == len(corpus.odd_cases()) + 20
    for case in corpus.odd_cases():
        assert not case.expected or any(case.expected in fact for fact in report["converted"])
    assert len(describe(report).splitlines()) < 60


def test_quarantine_moves_bad_files_and_nothing_else(folder, tmp_path):
    (folder / "sub").mkdir()
    (folder / "sub" / "half.jpg").write_bytes(corpus.cut(corpus.jpeg()))
    before = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    report = check_data(folder, quarantine=True)
    goal = tmp_path / "set.quarantine"
    assert report["quarantine"] == str(goal)
    assert len(report["quarantined"]) == len(corpus.bad_cases()) + 1
    moved = {path.relative_to(goal) for path in goal.rglob("*") if path.is_file()}
    kept = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert moved | kept == before and not moved & kept
    assert (goal / "sub" / "half.jpg").exists()
    again = check_data(folder, quarantine=True)
    assert again["skipped"] == [] and again["quarantined"] == []
    (folder / "sub" / "half.jpg").write_bytes(b"")
    check_data(folder, quarantine=True)
    assert (goal / "sub" / "half.jpg.1").exists()  # never over another
    assert len(open_pack(folder, cache=tmp_path / "cache")) == len(corpus.odd_cases()) + 20


def test_quarantine_never_moves_links(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    (root / "good.png").write_bytes(corpus.png())
    corpus.bad_files(root)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "bad.png").write_bytes(b"<html>")
    (root / "linked").symlink_to(tmp_path / "store")
    before = sorted(path.name for path in root.iterdir())
    report = check_data(root, PackOptions(follow_links=True), quarantine=True)
    assert ["linked/bad.png", "not an image (an HTML page)"] in report["skipped"]
    assert report["quarantined"] == [] and not (tmp_path / "set.quarantine").exists()
    assert sorted(path.name for path in root.iterdir()) == before
    assert (tmp_path / "store" / "bad.png").exists()
    assert "stay where they are" in describe(report)


def test_a_zip_is_never_changed(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("good.png", corpus.png())
        archive.writestr("bad.png", b"")
    before = (tmp_path / "a.zip").read_bytes()
    report = check_data(tmp_path / "a.zip", quarantine=True)
    assert report["quarantined"] == [] and "--on-bad-image skip" in report["quarantine"]
    assert (tmp_path / "a.zip").read_bytes() == before
    assert "Nothing was moved" in describe(report)


def test_the_text_tells_labels_counts_and_warnings(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for k in range(3):
            (tmp_path / name / f"{k}.png").write_bytes(corpus.png(seed=k))
    (tmp_path / "cat" / ".DS_Store").write_bytes(b"")
    text = describe(check_data(tmp_path))
    for part in (
        "6 images, 48 x 48 px, RGB",
        "2 classes",
        "cat   (0.png, 1.png, 2.png)",
        "3 of 6 images are exact copies of others",
        "System files",
        "only 6 images",
    ):
        assert part in text  # fmt: skip


def test_the_text_says_each_thing_once(tmp_path):
    """What is cut off, what is bad, what is copied and which part is used."""
    for part, count in (("train", 8), ("test", 2)):
        (tmp_path / part).mkdir()
        for k in range(count):
            size = (48, 24) if k % 2 else (24, 48)
            image = corpus.encoded(corpus.rgb(*size, seed=k // 4), "PNG")
            (tmp_path / part / f"{k}.png").write_bytes(image)
    (tmp_path / "train" / "bad.png").write_bytes(corpus.png()[:60])
    report = check_data(tmp_path, PackOptions(on_bad_image="skip"))
    assert report["duplicates"] and report["cut"] and report["skipped"]  # all of it is to be said
    assert any(w.startswith("bad files left out") for w in report["warnings"])
    text = describe(report)
    for word, times in (
        ("50 %", 1),  # cut off
        ("cropping takes", 1),
        ("Cut off", 0),
        ("bad ones", 0),
        ("bad files left out", 0),
        ("Bad files: 1 of 9", 1),
        ("xact copies", 1),
        ("Split: only train", 1),
        ("is used", 0),
    ):
        assert text.count(word) - (word == "50 %" and "50 % or more" in text) == times, (word, text)
    plain = {**report, "survey": None, "warnings": [], "taken": {}}
    assert "Cut off: 50 %" in describe(plain)  # where nothing else says it
    assert "Exact copies of other images" in describe(plain)
    assert "is used; " in describe(plain)


def test_embedded_data_can_be_checked():
    assert "10 classes" in describe(check_data("avatars:20"))
