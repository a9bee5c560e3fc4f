"""Extractors: always the same, whole in the cache, and refused where they know too little."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from ganzfeld.core import store
from ganzfeld.core.files import cache_folder
from ganzfeld.core.language import tr
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import DataError, UsageError
from ganzfeld.metrics import label_classifier
from ganzfeld.metrics.features import (
    BATCH,
    COARSE,
    FAIR,
    extract,
    make_extractor,
    native,
    of_pack,
    warning_of,
)
from ganzfeld.metrics.inception import INSTALL
from ganzfeld.metrics.random_features import Untrained, untrained_tensors


def silent(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def pack() -> Pack:
    return open_pack("avatars", PackOptions(size=(16, 16), count=800), workers=0)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(label_classifier, "IMAGES", 24_000)
    yield


# The network that was never trained


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 17), (28, 28), (50, 34)])
def test_random_takes_any_picture(channels: int, size: tuple[int, int]) -> None:
    network = Untrained(untrained_tensors(channels))
    found = network(torch.rand(2, channels, *size) * 2 - 1)
    assert found.shape == (2, 16 * channels + 896) and found.isfinite().all()
    assert not torch.allclose(found[0], found[1])


def test_random_is_always_the_same() -> None:
    """The hash is part of every score's protocol: a change of the network shows here."""
    stamps = [store.digest(untrained_tensors(channels))[:16] for channels in (1, 2, 3, 4)]
    assert stamps == STAMPS


STAMPS = ["63a6c63ea72428e7", "bd07906c79b254c2", "15dee9fc7dfb6db6", "4c7bfd451515749d"]


# The data's own classifier


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_domain_is_deterministic_and_found_again(pack: Pack, own_cache: Path) -> None:
    threads = torch.get_num_threads()
    network, stamp, accuracy = label_classifier.domain_classifier(pack, silent)
    assert accuracy >= 0.8
    [place] = own_cache.glob("domain-*")
    data = place.read_bytes()
    place.unlink()
    torch.manual_seed(7)
    torch.set_num_threads(2)
    try:
        again, stamp_again, _ = label_classifier.domain_classifier(pack, silent)
    finally:
        torch.set_num_threads(threads)
    assert stamp_again == stamp
    x = torch.rand(3, 3, 16, 16)
    assert torch.equal(network(x), again(x))

    place.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.MonkeyPatch.context() as patch:
        calls = []
        original = label_classifier.trained
        patch.setattr(label_classifier, "trained", lambda *a: calls.append(1) or original(*a))
        assert label_classifier.domain_classifier(pack, silent)[1] == stamp
        assert label_classifier.domain_classifier(pack, silent)[1] == stamp
    assert calls == [1], "the damaged one is trained again, the whole one is not"


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_folding_changes_nothing(pack: Pack) -> None:
    arrays, _ = label_classifier.trained(pack, silent)
    plain = label_classifier.Classifier((3, 16, 16), len(pack.classes))
    plain.load_state_dict({n: torch.from_numpy(a) for n, a in arrays.items()})
    x = torch.rand(5, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(
            plain.eval()(x), label_classifier.restored(arrays, pack)(x), atol=1e-4
        )


@pytest.mark.usefixtures("own_cache")
def test_labels_that_cannot_be_learned_are_refused(
    pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_classifier, "IMAGES", 640)
    shuffled = open_pack("avatars", PackOptions(size=(16, 16), count=400), workers=0)
    assert shuffled.labels is not None
    shuffled.labels = np.random.default_rng(0).permutation(shuffled.labels)
    with pytest.raises(DataError, match=r"below 80 %"):
        label_classifier.domain_classifier(shuffled, silent)
    few = open_pack("avatars", PackOptions(size=(16, 16), count=50), workers=0)
    with pytest.raises(DataError, match="100 labelled"):
        label_classifier.domain_classifier(few, silent)
    few.labels = None
    with pytest.raises(UsageError, match="the data have none"):
        label_classifier.domain_classifier(few, silent)


@pytest.mark.parametrize("size", [(4, 4), (16, 48), (64, 64), (130, 70)])
def test_domain_takes_any_size(size: tuple[int, int]) -> None:
    network = label_classifier.Classifier((4, *size), 3).eval()
    x = network(torch.rand(2, 4, *size))
    assert x.shape == (2, label_classifier.WIDTH) and network.head(x).shape == (2, 3)


# All of them


def test_one_pass_in_order_whatever_the_batches(pack: Pack) -> None:
    net = make_extractor("random", pack, progress=silent)
    rows = np.arange(75)
    seen = []
    together = extract(
        net, of_pack(pack, rows), 75, progress=lambda stage, done, total: seen.append((done, total))
    )
    assert seen == [(BATCH, 75), (2 * BATCH, 75), (75, 75)]
    alone = extract(net, (np.asarray(pack.images[i : i + 1]) for i in rows), 75)
    assert together.dtype == np.float32 and together.shape == (75, 944)
    assert np.abs(together - alone).max() < 1e-4
    x = net.prepare(torch.from_numpy(np.array(pack.images[:2])))
    assert x.min() >= -1 and x.max() <= 1 and torch.equal(x, native(torch.tensor(pack.images[:2])))


def test_a_users_module(pack: Pack, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def forward(self, x): return x * 2\n"
        "net = Net()\n"
        "class Wrong(torch.nn.Module):\n"
        "    def forward(self, x): return x.mean()\n"
        "nothing = 3\n"
        "def text(): return 'text'\n"
    )
    rows = np.arange(10)
    for name in ("net", "Net"):
        net = make_extractor(f"{file}:{name}", pack, progress=silent)
        found = extract(net, of_pack(pack, rows), 10)
        means = pack.images[:10].mean((2, 3)) / 127.5 - 1
        assert np.allclose(found, 2 * means, atol=1e-5)
    with pytest.raises(UsageError, match=r"floats \(N, D\)"):
        extract(make_extractor(f"{file}:Wrong", pack, progress=silent), of_pack(pack, rows), 10)
    for wrong in ("text", "nothing", "absent"):
        with pytest.raises(UsageError):
            make_extractor(f"{file}:{wrong}", pack, progress=silent)
    with pytest.raises(UsageError, match="Did you mean 'domain'"):
        make_extractor("domian", pack, progress=silent)


def test_protocols_are_for_inception(pack: Pack) -> None:
    with pytest.raises(UsageError, match="leave --protocol out"):
        make_extractor("random", pack, protocol="clean", progress=silent)


def test_the_store_gives_back_what_was_kept_or_nothing(tmp_path: Path) -> None:
    place = tmp_path / "x.safetensors"
    arrays = {"b": np.arange(6).reshape(2, 3).T, "a": np.float32([1.5])}
    store.keep(place, arrays, {"n": 1})
    found = store.kept(place)
    assert found is not None and found[1] == {"n": 1}
    assert all(np.array_equal(found[0][n], arrays[n]) for n in arrays)
    data = place.read_bytes()
    assert store.kept(tmp_path / "absent") is None
    draw = np.random.default_rng(0)
    for _ in range(200):
        broken = bytearray(data)
        at = draw.integers(len(data))
        broken[at] ^= 1 << draw.integers(8)
        place.write_bytes(broken)
        again = store.kept(place)
        # a flip may fall where it says nothing, as in the padding of the header
        assert again is None or all(np.array_equal(again[0][n], arrays[n]) for n in arrays)
        place.write_bytes(data[:at])
        assert store.kept(place) is None
    assert cache_folder().exists()


@pytest.mark.parametrize(
    ("channels", "side", "classes", "better"),
    [
        (1, 28, 10, "domain"),
        (3, 16, 2, "domain"),
        (3, 64, 10, "inception"),
        (1, 28, 0, "inception"),
    ],
)
@pytest.mark.parametrize("text", [FAIR, COARSE], ids=["learned", "random"])
@pytest.mark.parametrize("there", [True, False], ids=["installed", "not installed"])
def test_a_warning_names_the_extractor_that_judges_better_and_how_to_get_it(
    channels: int,
    side: int,
    classes: int,
    better: str,
    text: str,
    there: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ganzfeld.metrics.features.installed", lambda: there)
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    pack = SimpleNamespace(
        channels=channels,
        height=side,
        width=side,
        labels=np.zeros(4) if classes else None,
        classes=tuple(map(str, range(classes))),
    )
    told = warning_of(cast(Any, pack), text)
    once = "" if there or better == "domain" else f" (once: {INSTALL}, 81 MB)"
    assert told == f"{text} Confirm a lead of one recipe by {better}{once}."
    # Every sentence has its Chinese, and the command stays as it is typed.
    assert not re.search("[A-Za-z]{3,} [a-z]{3,} [a-z]{3,}", tr(told).replace(INSTALL, ""))
    assert (INSTALL in tr(told)) == bool(once)
