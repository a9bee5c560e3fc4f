"""What all tests share: a cache of their own, and one thread a process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import forks

# before torch is loaded, and for every child: networks this small gain nothing from threads, and
# threads that wait for each other on a busy machine take ten times as long
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANZFELD_LANG"] = "en"  # whatever the locale of whoever tests


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Packs go into a folder of this session, where a test's commands find each other's."""
    os.environ["GANZFELD_CACHE"] = str(tmp_path_factory.mktemp("packs"))
    yield
    forks.close()


WELL = {"test_learned", "test_published", "test_memorisation"}  # what they test
APART = {"test_field_metrics", "test_series_metrics", "test_series_family", "test_series_quality"}


@pytest.fixture(scope="module", autouse=True)
def features_of_few_patches(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Features are learned from a twentieth of the patches, but where their quality is tested.

    There they come from a cache of their own, which no other test has written to.
    """
    from ganzfeld.metrics import learned

    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__.rpartition(".")[2] in WELL:
            patch.setenv("GANZFELD_CACHE", str(tmp_path_factory.mktemp("well")))
        else:
            patch.setattr(learned, "PATCHES", 1_500)
            patch.setattr(learned, "ROUNDS", 3)
        yield


@pytest.fixture(scope="module", autouse=True)
def judges_of_few_steps(request: pytest.FixtureRequest) -> Iterator[None]:
    """What tells samples from data learns for a moment only, but where its judgement is tested."""
    from ganzfeld.metrics import field_classifier, series_metrics

    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__.rpartition(".")[2] not in APART:
            patch.setattr(field_classifier, "LEAST", 5)
            patch.setattr(field_classifier, "PASSES", 0)
            patch.setattr(series_metrics, "TREES", 8)
        yield


UNHEARD = {"test_audio_recipes", "test_given_classes", "test_kinds_of_samples", "test_odd_calls"}
UNHEARD |= {"test_odd_samples", "test_one_from_another", "test_studies"}


@pytest.fixture(scope="module", autouse=True)
def sounds_that_nobody_hears(request: pytest.FixtureRequest) -> Iterator[None]:
    """Griffin-Lim takes four rounds, but where sounds are tested or compared."""
    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__.rpartition(".")[2] in UNHEARD:
            from ganzfeld.modalities.audio.codec import Codec

            patch.setitem(Codec.decode.__kwdefaults__, "iterations", 4)
        yield


# where plans and times are read, and one file of each kind of samples
TIMED = {
    *("test_caption_runs", "test_cost", "test_deterministic", "test_docstring_examples"),
    "test_estimated_chores",
    *("test_field_runs", "test_image_to_text_runs", "test_leftovers", "test_memory"),
    *("test_json_progress", "test_language", "test_learned", "test_new_kind", "test_one_trainer"),
    *("test_promised_inception", "test_published", "test_second_start", "test_series_runs"),
    *("test_sizing", "test_sounds", "test_table_runs", "test_text_runs", "test_text_to_others"),
    *("test_text_translation", "test_threads"),
}


@pytest.fixture(scope="module", autouse=True)
def chores_whose_time_is_not_tried(request: pytest.FixtureRequest) -> Iterator[None]:
    """A new run guesses what sheets, checkpoints and evaluations take instead of making some."""
    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__.rpartition(".")[2] not in TIMED:
            from ganzfeld.training import speed

            patch.setattr(speed, "time_chores", lambda *_: (0.2, 0.5, 0.0, 0.0))
        yield


@pytest.fixture(autouse=True)
def words_of_images() -> None:
    """Messages speak of images again, whatever the kind of data that the last test had."""
    from ganzfeld.core.language import speak_of

    speak_of()
