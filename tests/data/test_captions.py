"""Captions: their words, the grammar of avatars, and captions as a column of conditions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.avatars import captions as full
from ganzfeld.data.avatars import sentences
from ganzfeld.data.avatars.scene import scene
from ganzfeld.data.avatars.sentences import SAID, VALUES, Wording, facts, sentence
from ganzfeld.data.captions import Captioned
from ganzfeld.data.conditions import again, conditioned
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.errors import CheckpointError, DataError, UsageError
from ganzfeld.modalities import MODALITIES, captions
from ganzfeld.recipes import RECIPES, Facts


def test_words_are_english_words_and_chinese_characters() -> None:
    assert captions.words_of("A wizard's hat, WHITE T-shirt.") == [
        *("a", "wizard's", "hat", "white", "t-shirt")
    ]
    assert captions.words_of("戴着红色棒球帽，T恤") == [*"戴着红色棒球帽", "t", "恤"]
    assert captions.words_of("naïve Straße café") == ["naïve", "strasse", "café"]


def test_captions_that_repeat_are_classes_and_the_recipe_says_so() -> None:
    told = "caption has 3 different values for 120 images: they were read as classes"
    given = Facts(count=120, channels=3, height=32, width=32, classes=3, labels="caption")
    for recipe in ("text-to-image", "image-to-text", "image-to-text-mle"):
        with pytest.raises(UsageError, match=told):
            RECIPES[recipe](given)
    spec, _ = MODALITIES["audio"].examples()[0]
    sounds = Facts(count=120, spec=spec, classes=3, labels="caption")
    with pytest.raises(UsageError, match="for 120 sounds"):
        RECIPES["text-to-audio"](sounds)
    with pytest.raises(UsageError, match="needs captions beside the sounds") as found:
        RECIPES["text-to-audio"](replace(sounds, classes=0, labels=""))
    assert "avatars" not in str(found.value.fix)
    config = RECIPES["text-to-audio"](replace(sounds, classes=0, labels="", words=9))
    assert config.networks["G"].options["shape"] == config.data.spec["shape"]  # type: ignore[index]


def test_a_row_comes_back_as_its_words() -> None:
    lines = ["a red hat and 3 dogs", "一顶红色帽子"]
    symbols, length = captions.vocabulary(lines)
    rows = captions.encode(lines, symbols, length)
    assert rows.shape == (2, length) and rows.dtype == np.int16
    assert [captions.decode(row, symbols) for row in rows] == lines


def test_a_word_that_is_not_known_is_an_error_with_near_ones() -> None:
    symbols, length = captions.vocabulary(["a person with a red cap", "green hair"])
    about = {"symbols": symbols, "length": length}
    with pytest.raises(UsageError) as caught:
        captions.asked("a red cat with grene hair", about)
    assert "cat (near: cap" in caught.value.what and "grene (near: green)" in caught.value.what
    assert caught.value.fix is not None and "green" in caught.value.fix
    assert captions.asked("Red CAP!", about).tolist()[:2] == [
        symbols.index("red"),
        symbols.index("cap"),
    ]
    for bad in ("", "...", "a " * 99):
        with pytest.raises(UsageError):
            captions.asked(bad, about)
    for bad in ("...", "一个人"):  # nothing is like it: no way out that is refused in turn
        with pytest.raises(UsageError) as caught:
            captions.asked(bad, about)
        assert caught.value.fix == captions.LEFT_OUT


def test_saying_everything_gives_the_full_caption() -> None:
    for index in range(60):
        one = scene(3, index)
        for language in ("en", "zh"):
            ours = sentence(facts(one), Wording(language))
            theirs = full.caption(one, language)
            assert Counter(captions.words_of(ours)) == Counter(captions.words_of(theirs))


def test_parts_are_said_as_often_as_the_grammar_says() -> None:
    said = Counter(
        part for i in range(2_000) for part in sentences.wording("en", numpy_generator(i)).said
    )
    for part, share in SAID.items():
        assert abs(said[part] / 2_000 - share) < 4 * (share * (1 - share) / 2_000) ** 0.5


def test_a_wrong_caption_is_wrong_in_exactly_one_thing() -> None:
    for index in range(300):
        about = facts(scene(4, index))
        draw = numpy_generator(4, index)
        how = sentences.wording(("en", "zh")[index % 2], draw)
        wrong, name, value = sentences.changed(about, how, draw)
        assert value in VALUES[name] and value != about[name]
        assert wrong != sentence(about, how)
        part = name.removesuffix("_colour").replace("eye", "eyes") if name == "eye_colour" else name
        part = part.removesuffix("_colour")
        told = Wording(how.language, how.said | {part}, how.man, how.any_hat)
        assert wrong == sentence({**about, name: value}, told)


def test_a_caption_that_says_nothing_still_has_a_wrong_one() -> None:
    about = facts(scene(0, 0)) | {"hat": "cap", "glasses": "round"}
    wrong, name, _ = sentences.changed(about, Wording(said=frozenset()), numpy_generator(0))
    assert name == "background" and "background" in wrong


def test_training_data_never_show_the_combinations_that_are_kept() -> None:
    seen = [facts(one) for one in sentences.scenes(400, 0)]
    new = [facts(one) for one in sentences.scenes(100, 0, new=True)]
    assert not any(map(sentences.unseen, seen)) and all(map(sentences.unseen, new))
    for name in ("hair_colour", "background_colour", "clothes_colour", "hat", "glasses"):
        assert {one[name] for one in new} <= {one[name] for one in seen}, "each part is known"


@pytest.fixture(scope="module")
def embedded() -> Pack:
    return open_pack("avatars-captions:120")


def test_the_embedded_captions_are_a_condition(embedded: Pack) -> None:
    pack = conditioned(embedded, ["caption"], 20)
    assert isinstance(pack, Captioned)
    rows = pack.rows(np.array([3, 8]))
    length = pack.condition_columns[0]["length"]
    assert rows["caption"].shape == (2, length) and rows["caption"].dtype == np.int64
    assert rows["caption_wrong"].shape == (2, sentences.WRONG, length)
    assert (rows["caption_length"] == (rows["caption"] != 0).sum(1)).all()
    symbols = pack.condition_columns[0]["symbols"]
    one = sentences.scenes(4, 0)[3]
    said = set(captions.words_of(captions.decode(rows["caption"][0], symbols)))
    assert said <= {*captions.words_of(full.caption(one, "zh")), "男", "人", "帽", "子", "\ufffd"}
    assert not (rows["caption_wrong"] == rows["caption"][:, None]).all(2).any()


def test_a_run_goes_on_with_the_vocabulary_it_began_with(embedded: Pack) -> None:
    pack = conditioned(embedded, ["caption"], 20)
    assert isinstance(pack, Captioned)
    stored = {"columns": pack.condition_columns}
    rows = np.arange(9)
    assert (again(embedded, stored).rows(rows)["caption"] == pack.rows(rows)["caption"]).all()
    other = {"columns": [pack.condition_columns[0] | {"digest": "other"}]}
    with pytest.raises(CheckpointError, match="holds other values"):
        again(embedded, other)


def folder_of(place: Path, lines: list[str]) -> Path:
    """Images with a table of captions."""
    from PIL import Image

    for number, _ in enumerate(lines):
        Image.new("RGB", (16, 16), (9 * number, 90, 200)).save(place / f"{number:02}.png")
    rows = [f'{number:02}.png,"{line}"' for number, line in enumerate(lines)]
    (place / "metadata.csv").write_text("\n".join(["file_name,words", *rows]), encoding="utf-8")
    return place


def test_a_folder_with_a_table_has_captions_too(tmp_path: Path) -> None:
    lines = [f"a blue square, number {number}" for number in range(24)]
    pack = conditioned(open_pack(folder_of(tmp_path, lines)), ["words"], 0)
    rows = pack.rows(np.arange(24))
    assert "caption_wrong" not in rows and rows["caption_length"].tolist() == [5] * 24


def test_images_without_captions_are_named(tmp_path: Path) -> None:
    lines = [f"a square {number}" for number in range(24)]
    lines[5] = ""
    with pytest.raises(DataError, match="1 of 24 samples have no words"):
        conditioned(open_pack(folder_of(tmp_path, lines)), ["words"], 0)


def said_by(pack: Pack, rows: NDArray[Any]) -> list[str]:
    symbols = pack.condition_columns[0]["symbols"]
    return [captions.decode(row, symbols) for row in rows]


@pytest.mark.parametrize("apart", [True, False])
def test_wrong_captions_that_repeat_are_read_as_they_are(tmp_path: Path, apart: bool) -> None:
    """apart: a row of the table for each of two captions; else one, whose wrong ones are lines."""
    folder_of(tmp_path, [f"square {number}" for number in range(24)])
    rows = ["file_name,caption,caption_wrong"]
    for number in range(24):
        name, wrong = f"{number:02}.png", ("a red square", "a red thing")
        if apart:
            rows += [f"{name},blue square {number},{wrong[0]}"]
            rows += [f"{name},blue thing {number},{wrong[1]}"]
        else:
            rows += [f'{name},blue square {number},"{wrong[0]}\nred red square"']
    (tmp_path / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    pack = conditioned(open_pack(tmp_path), ["caption"], 0)
    found = pack.rows(np.arange(24))["caption_wrong"]
    assert found.shape[:2] == (24, 2)
    unknown = captions.SYMBOLS[1]
    words = [
        {word for word in said.replace(unknown, "?").split() if "?" not in word}
        for said in said_by(pack, found[7])
    ]
    both = [{"square"}, {"thing"}] if apart else [{"square"}, {"square"}]
    assert words == both, "red and a are in no caption of the training data"


def test_an_array_of_texts_beside_fields_holds_several_captions_of_each(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(20, 8, 8)).astype(np.float32)
    lines = [
        ["a rough field", "粗糙"] if number % 2 else ["smooth", "平滑"] for number in range(20)
    ]
    np.savez(tmp_path / "maps.npz", x=x, caption=np.array(lines))
    pack = conditioned(open_pack(tmp_path / "maps.npz"), ["caption"], 0)
    several = pack.rows(np.arange(20))["caption_several"]
    assert several.shape[:2] == (20, 2)
    assert said_by(pack, several[3]) == ["a rough field", "粗糙"]
    assert said_by(pack, several[4]) == ["smooth", "平滑"]


def test_texts_of_a_table_are_beside_its_rows(tmp_path: Path) -> None:
    rows = [f"{number},customer number {number}" for number in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["size,told", *rows]), encoding="utf-8")
    pack = open_pack(tmp_path / "rows.csv")
    assert pack.spec.shape == (1,) and "(--condition takes it)" in str(pack.report["aside"])
    held = conditioned(pack, ["told"], 4)
    assert said_by(held, held.rows(np.array([3]))["caption"])[0].startswith("customer number")
    before = open_pack(tmp_path / "rows.csv", PackOptions(rules=4))  # as runs of before have it
    assert "told" not in before.columns and before.fingerprint != pack.fingerprint


def test_recipes_from_captions_of_tables_and_fields() -> None:
    spec, _ = MODALITIES["field"].examples()[0]
    config = RECIPES["text-to-field"](Facts(count=120, spec=spec, words=9))
    assert config.networks["G"].options["bounded"] is False
    with pytest.raises(UsageError, match="needs captions beside the fields"):
        RECIPES["text-to-field"](Facts(count=120, spec=spec))
    line = replace(spec, shape=(1, 64))
    with pytest.raises(UsageError, match="fields of two dimensions, and these have 1"):
        RECIPES["text-to-field"](Facts(count=120, spec=line, words=9))
    assert MODALITIES["field"].captioned == "text-to-field"
    assert MODALITIES["table"].captioned == "text-to-table"
