"""Checkpoints under crashes, damage and full disks: the newest whole one is always there."""

from __future__ import annotations

import errno
import functools
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import forks
import ganzfeld
from ganzfeld.core import checkpoint
from ganzfeld.core import files as files_
from ganzfeld.errors import CheckpointError, ResourceError

pytestmark = pytest.mark.long

State = dict[str, Any]
CALLS = ("open", "write", "fsync", "rename", "replace", "unlink", "rmdir", "mkdir")
KEEP = 3
CRASHED, DONE = 9, 0
SLOW = functools.partial(pytest.param, marks=pytest.mark.slow)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several writes for each file, as large networks have."""
    monkeypatch.setattr(files_, "CHUNK", 4096)


def state_of(images: int) -> State:
    """A state like a trainer's, another one for each number."""
    generator = torch.Generator().manual_seed(images)

    def some(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    moments = {"exp_avg": some(40, 40), "exp_avg_sq": some(40, 40), "step": torch.tensor(3.0)}
    return {
        "counts": {"step": images // 8, "images": images, "salt": 0},
        "game": {"G.weight": some(40, 40), "D.weight": some(40, 40), "G.count": torch.tensor(7)},
        "average": {"G.weight": some(40, 40)},
        "optimisers": {"generator": {"G.weight": moments}},
    }


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return torch.equal(one, other) if isinstance(one, Tensor) else bool(one == other)


def save(folder: Path, images: int, state: State | None = None) -> None:
    """What a session does whenever it saves."""
    checkpoint.save(folder, images, state or state_of(images), {"parent": None, "torch": "2"})
    checkpoint.prune(folder, KEEP)


def whole(folder: Path) -> list[Path]:
    return [path for path in checkpoint.listing(folder) if not checkpoint.verify(path)]


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


# Every crash point


class Disk:
    """Counts calls that change or flush the disk, and does something else instead of one."""

    def __init__(self, number: int = -1, instead: Callable[..., Any] | None = None) -> None:
        self.number, self.instead = number, instead
        self.trace: list[tuple[str, Any]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        real = {name: getattr(os, name) for name in CALLS}
        try:
            for name in CALLS:
                setattr(os, name, self.wrapped(name, real[name]))
            yield
        finally:
            for name in CALLS:
                setattr(os, name, real[name])

    def wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.trace.append((name, arguments[0]))
            if len(self.trace) - 1 == self.number and self.instead:
                return self.instead(name, real, *arguments)
            return real(*arguments, **options)

        return call


def die(name: str, real: Callable[..., Any], *arguments: Any) -> None:
    os._exit(CRASHED)


def die_half_way(name: str, real: Callable[..., Any], *arguments: Any) -> None:
    if name == "write":
        descriptor, data = arguments
        real(descriptor, data[: len(data) // 2])
    os._exit(CRASHED)


def forked(work: Callable[[], None]) -> int:
    """The exit code of a child that does the work."""
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(DONE)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def three_before(folder: Path) -> None:
    for images in (0, 100, 200):
        save(folder, images)


def damaged_in_the_way(folder: Path) -> None:
    three_before(folder)
    save(folder, 300)
    (folder / "images-000000000300" / "game.safetensors").write_bytes(b"damaged")


def whole_in_the_way(folder: Path) -> None:
    save(folder, 300, state_of(1))


def leftovers(folder: Path) -> None:
    three_before(folder)
    for name in (".tmp-300-00000000", ".del-images-000000000050-00000000"):
        shutil.copytree(folder / "images-000000000200", folder / name)
    (folder / ".tmp-300-00000000" / "manifest.json").unlink()
    (folder / ".del-images-000000000050-00000000" / "state.json").unlink()


SCENES: dict[str, Callable[[Path], None]] = {
    "the first": lambda folder: None,
    "three before": three_before,
    "damaged in the way": damaged_in_the_way,
    "whole in the way": whole_in_the_way,
    "leftovers": leftovers,
}


def points(folder: Path, scene: Callable[[Path], None]) -> list[tuple[str, Any]]:
    """All calls of one undisturbed save and prune."""
    scene(folder)
    disk = Disk()
    with disk.watching():
        save(folder, 300)
    return disk.trace


# all calls of each scene but "leftovers", of which `die_half_way` and the next test try theirs
@pytest.mark.parametrize(
    ("scene", "death"),
    [
        SLOW(scene, death) if (scene, death) == ("leftovers", die) else (scene, death)
        for scene in SCENES
        for death in (die, die_half_way)
    ],
)
def test_every_crash_point_leaves_a_whole_checkpoint(
    scene: str, death: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = points(tmp_path / "counted", SCENES[scene])
    assert len(trace) > 25 and {"write", "fsync", "replace", "mkdir"} <= {name for name, _ in trace}
    tried = 0
    for number, (name, _) in enumerate(trace):
        if death is die_half_way and name != "write":
            continue
        folder = tmp_path / f"{number}"
        SCENES[scene](folder)
        before = [found.state for found in newest_or_none(folder)]
        check_crash(folder, before, Disk(number, death))
        shutil.rmtree(folder)
        tried += 1
    with capsys.disabled():
        print(f"\ncrash points, {scene}, {death.__name__}: {tried}/{tried} recover")


def newest_or_none(folder: Path) -> list[checkpoint.Checkpoint]:
    found = checkpoint.newest(folder)[0]
    return [found] if found else []


def check_crash(folder: Path, before: list[State], disk: Disk) -> None:
    """Die at one call; then what is there must be the old or the new, and go on working."""

    def work() -> None:
        with disk.watching():
            save(folder, 300)

    assert forked(work) == CRASHED
    checkpoint.clean(folder)
    found = newest_or_none(folder)
    if before:
        assert found and any(same(found[0].state, s) for s in [*before, state_of(300)])
        assert whole(folder)
    elif found:
        assert same(found[0].state, state_of(300))
    if folder.exists():
        assert left_over(folder) == []
    for images in (300, 400, 600):
        save(folder, images)
    found = newest_or_none(folder)
    assert same(found[0].state, state_of(600))
    assert len(checkpoint.listing(folder)) == len(whole(folder)) == KEEP
    assert left_over(folder) == []


def test_a_crash_in_cleaning_up_loses_nothing(tmp_path: Path) -> None:
    def scene(folder: Path) -> None:
        leftovers(folder)
        os.rename(folder / "images-000000000200", folder / ".del-images-000000000200-00000000")

    scene(tmp_path / "counted")
    disk = Disk()
    with disk.watching():
        checkpoint.clean(tmp_path / "counted")
    assert len(disk.trace) > 8
    for number in range(len(disk.trace)):
        folder = tmp_path / f"{number}"
        scene(folder)

        def work(folder: Path = folder, number: int = number) -> None:
            with Disk(number, die).watching():
                checkpoint.clean(folder)

        assert forked(work) == CRASHED
        checkpoint.clean(folder)
        assert same(newest_or_none(folder)[0].state, state_of(200)) and not left_over(folder)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """config.json and metrics.jsonl, at every crash point of their writer."""
    disk, old, new = Disk(), b"old" * 9000, b"new" * 9000
    with disk.watching():
        files_.replace(tmp_path / "file", old)
    assert len(disk.trace) > 8
    for number in range(len(disk.trace)):
        for death in (die, die_half_way):
            (tmp_path / "file").write_bytes(old)

            def work(number: int = number, death: Callable[..., None] = death) -> None:
                with Disk(number, death).watching():
                    files_.replace(tmp_path / "file", new)

            assert forked(work) == CRASHED
            assert (tmp_path / "file").read_bytes() in (old, new)
            checkpoint.clean(tmp_path)
            assert os.listdir(tmp_path) == ["file"]


def test_all_is_flushed_before_the_name_and_nothing_deleted_before_that(tmp_path: Path) -> None:
    """A power cut keeps what was flushed and perhaps nothing else: the order is what counts."""
    three_before(tmp_path)
    opened: dict[int, str] = {}
    disk, events = Disk(), []
    with disk.watching():
        watched_open, watched_fsync = os.open, os.fsync

        def remember(path: Any, *arguments: Any) -> int:
            descriptor = watched_open(path, *arguments)
            opened[descriptor] = os.fspath(path)
            return descriptor

        def flush(descriptor: int) -> None:
            watched_fsync(descriptor)
            events.append(("flushed", opened[descriptor], len(disk.trace)))

        os.open, os.fsync = remember, flush  # type: ignore[assignment]
        save(tmp_path, 300)
    calls = [name for name, _ in disk.trace]
    named, removed = calls.index("replace"), calls.index("unlink")
    files = list((tmp_path / "images-000000000300").iterdir())
    temporary = Path(disk.trace[named][1])
    early = [path for _, path, at in events if at <= named]
    assert early == [str(temporary / n) for n in flushed_order(early)] + [str(temporary)]
    assert {Path(p).name for p in early[:-1]} == {file.name for file in files}
    assert Path(early[-2]).name == "manifest.json"
    assert [path for _, path, at in events if named < at <= removed] == [str(tmp_path)]


def flushed_order(paths: Sequence[str]) -> list[str]:
    return [Path(path).name for path in paths[:-1]]


# Damage


def flip_a_bit(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def truncate(path: Path, rng: random.Random) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size))


def zero_a_block(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    start = rng.randrange(max(len(data) - 4096, 1))
    data[start : start + 4096] = bytes(len(data[start : start + 4096]))
    path.write_bytes(data)


def delete(path: Path, rng: random.Random) -> None:
    path.unlink()


def lengthen(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def take_from_another(path: Path, rng: random.Random) -> None:
    shutil.copy(path.parent.with_name("images-000000000200") / path.name, path)


DAMAGES = (flip_a_bit, truncate, zero_a_block, delete, lengthen, take_from_another)
FILES = (
    "average.safetensors",
    "game.safetensors",
    "optimisers.safetensors",
    "state.json",
    "manifest.json",
)
TIMES = 20  # for each kind of damage and file


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    for images in (100, 200, 300):
        save(folder, images)
    assert {p.name for p in (folder / "images-000000000300").iterdir()} == set(FILES)
    return folder


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_damage_is_noticed_and_the_one_before_is_used(
    name: str, damage: Callable[[Path, random.Random], None], originals: Path, tmp_path: Path
) -> None:
    rng = random.Random(f"{name} {damage.__name__}")
    folder = tmp_path / "run"
    shutil.copytree(originals, folder)
    newest = folder / "images-000000000300"
    for _ in range(TIMES if damage in (flip_a_bit, truncate, zero_a_block) else 1):
        damage(newest / name, rng)
        blamed = "manifest.json" if name == "manifest.json" else name
        assert [blamed in problem for problem in checkpoint.verify(newest)] == [True]
        found, problems = checkpoint.newest(folder)
        assert found and found.path.name == "images-000000000200"
        assert same(found.state, state_of(200)) and [blamed in p for p in problems] == [True]
        shutil.copy(originals / newest.name / name, newest / name)
    assert checkpoint.verify(newest) == []


def test_every_single_byte_of_a_manifest_counts(originals: Path, tmp_path: Path) -> None:
    path = tmp_path / "images-000000000300"
    shutil.copytree(originals / path.name, path)
    data = (path / "manifest.json").read_bytes()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        (path / "manifest.json").write_bytes(changed)
        assert checkpoint.verify(path), place
    (path / "manifest.json").write_bytes(data)
    assert not checkpoint.verify(path)


def test_checkpoints_under_each_others_names_are_refused(originals: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(originals, folder)
    one, other = (folder / f"images-000000000{n}00" for n in (2, 3))
    os.rename(one, folder / "aside")
    os.rename(other, one)
    os.rename(folder / "aside", other)
    assert "images-000000000200" in checkpoint.verify(other)[0]
    found, problems = checkpoint.newest(folder)
    assert found and same(found.state, state_of(100)) and len(problems) == 2


def test_when_all_are_damaged_it_says_so_and_touches_nothing(
    originals: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(originals, folder)
    for path in checkpoint.listing(folder):
        flip_a_bit(path / "game.safetensors", random.Random(1))
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(CheckpointError, match=r"game\.safetensors") as caught:
        checkpoint.newest(folder)
    assert caught.value.code == 4 and "nothing was changed" in caught.value.safe
    checkpoint.clean(folder)
    checkpoint.prune(folder, 2)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_a_folder_with_a_newer_name_takes_no_place_and_stops_no_pruning(tmp_path: Path) -> None:
    (tmp_path / checkpoint.name_of(999_999)).mkdir()  # of nobody, and empty
    for images in range(100, 700, 100):
        save(tmp_path, images)
    assert [checkpoint.images_of(path) for path in whole(tmp_path)] == [600, 500, 400]


# A real run, and the commands


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    ganzfeld.train(
        "avatars:64",
        out=folder,
        size=16,
        images=128,
        batch=16,
        settings=["networks.G.width=4", "networks.D.width=4", "run.save_every=32"],
        quiet=True,
    )
    return folder


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return forks.run(*words)


def test_weights_of_two_names_are_saved_under_both(tmp_path: Path) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    state = {"game": {"a": shared, "b": shared, "c": shared.t(), "d": shared[1]}}
    path = checkpoint.save(tmp_path, 100, state, {})
    assert same(checkpoint.load(path).state, state)
    assert shared.equal(torch.arange(6.0).reshape(2, 3))


def test_a_checkpoint_is_verified_without_its_tensors_in_memory(
    originals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safetensors.torch.load", None)
    monkeypatch.setattr(Path, "read_bytes", small_only)
    assert not any(checkpoint.verify(path) for path in checkpoint.listing(originals))


def small_only(path: Path) -> bytes:
    assert path.suffix == ".json", f"{path.name} was read in one piece"
    with open(path, "rb") as file:
        return file.read()


def test_the_verify_command_names_the_file(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    good = command("checkpoint", "verify", copy)
    assert good.returncode == 0 and good.stdout.count("whole") == 6, good.stdout + good.stderr
    newest = checkpoint.listing(copy / "checkpoints")[0]
    flip_a_bit(newest / "optimisers.safetensors", random.Random(3))
    bad = command("checkpoint", "verify", copy)
    assert bad.returncode == 4
    (line,) = [line for line in bad.stdout.splitlines() if "whole" not in line]
    assert newest.name in line and "optimisers.safetensors" in line


@pytest.mark.parametrize("damage", DAMAGES[:5])
@pytest.mark.parametrize("name", FILES)
def test_verify_run_finds_it_in_any_file(
    name: str, damage: Callable[[Path, random.Random], None], run: Path, tmp_path: Path
) -> None:
    from ganzfeld.training.verify import verify_run

    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    newest = checkpoint.listing(copy / "checkpoints")[0]
    damage(newest / name, random.Random(7))
    bad = [(what, problem) for what, problem in verify_run(copy) if problem]
    assert [what for what, _ in bad] == [f"checkpoints/{newest.name}"]
    assert name in str(bad[0][1])


@pytest.mark.parametrize("name", ["model/model.safetensors", "model/config.json", "config.json"])
def test_verify_run_finds_damage_beside_the_checkpoints(
    name: str, run: Path, tmp_path: Path
) -> None:
    from ganzfeld.training.verify import verify_run

    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    truncate(copy / name, random.Random(2))
    bad = [(what, problem) for what, problem in verify_run(copy) if problem]
    assert [what for what, _ in bad] == [name.split("/")[0]]
    assert name.split("/")[-1] in str(bad[0][1])


def test_a_run_goes_on_from_the_one_before_and_ends_the_same(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    shutil.rmtree(copy / "model")
    paths = checkpoint.listing(copy / "checkpoints")
    flip_a_bit(paths[0] / "game.safetensors", random.Random(3))
    (paths[1] / "state.json").unlink()
    done = command("resume", copy)
    assert done.returncode == 0, done.stderr
    assert "game.safetensors" in done.stdout and "state.json" in done.stdout
    weights = [folder / "model" / "model.safetensors" for folder in (run, copy)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert command("checkpoint", "verify", copy).returncode == 0


def test_a_run_of_which_nothing_is_whole_is_left_as_it_is(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    for path in checkpoint.listing(copy / "checkpoints"):
        truncate(path / "average.safetensors", random.Random(4))
    before = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file() and p.name != "lock"}
    refused = command("resume", copy)
    assert refused.returncode == 4
    assert "average.safetensors" in refused.stderr and "Traceback" not in refused.stderr
    after = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file() and p.name != "lock"}
    assert after == before


# Disks that are full or fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_costs_no_checkpoint(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_before(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    real, left = os.write, [3]

    def write(descriptor: int, data: bytes) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(number, os.strerror(number))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(ResourceError) as caught:
        save(tmp_path, 300)
    assert caught.value.code == 5 and os.strerror(number) in str(caught.value)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    assert left_over(tmp_path) == []
    monkeypatch.undo()
    save(tmp_path, 300)
    assert same(newest_or_none(tmp_path)[0].state, state_of(300))


@pytest.mark.parametrize("number", [errno.ENOSPC, *map(SLOW, (errno.EIO, errno.EACCES))])
@pytest.mark.parametrize("scene", [SLOW(s) if s == "leftovers" else s for s in SCENES])
def test_a_call_that_fails_once_costs_no_checkpoint(
    scene: str, number: int, tmp_path: Path
) -> None:
    """Each call of a save in turn: it ends in a message or well, and the next one is well."""

    def fail(name: str, real: Callable[..., Any], *arguments: Any) -> None:
        raise OSError(number, os.strerror(number))

    trace = points(tmp_path / "counted", SCENES[scene])
    for place in range(len(trace)):
        folder = tmp_path / f"{place}"
        SCENES[scene](folder)
        before = [found.state for found in newest_or_none(folder)]
        with Disk(place, fail).watching():
            try:
                save(folder, 300)
            except ResourceError as error:
                assert error.code == 5
        found = newest_or_none(folder)
        assert len(found) >= len(before)
        assert all(any(same(f.state, s) for s in [*before, state_of(300)]) for f in found)
        checkpoint.clean(folder)
        save(folder, 400)
        assert same(newest_or_none(folder)[0].state, state_of(400)) and not left_over(folder)
        shutil.rmtree(folder)


def test_what_cannot_be_deleted_stops_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_before(tmp_path)

    def refuse(*_: Any) -> None:
        raise OSError(errno.EBUSY, "held open by another machine")

    monkeypatch.setattr(os, "rmdir", refuse)
    save(tmp_path, 300)
    assert [p.name[-3:] for p in whole(tmp_path)] == ["300", "200", "100"]
    monkeypatch.undo()
    checkpoint.clean(tmp_path)
    assert left_over(tmp_path) == []


# Any order of events


@pytest.mark.parametrize("seed", range(6))
def test_there_is_always_a_whole_checkpoint(seed: int, tmp_path: Path) -> None:
    """Saves, crashes, damage and pruning at random: never fewer than one, never a wrong one."""
    rng = random.Random(seed)
    images, states = 100, {100: state_of(100)}
    save(tmp_path, 100)
    for _ in range(60):
        event = rng.choice(["save", "crash", "fail", "damage", "prune", "clean", "again"])
        if event == "again":
            images = max(int(whole(tmp_path)[0].name[-12:]), 100)  # a rollback, and its replay
        if event in ("save", "crash", "fail", "again"):
            images += 100 * (event != "again")
            states[images] = state_of(images)
            disturbed(tmp_path, images, event, rng)
        elif event == "damage" and len(whole(tmp_path)) > 1:
            path = rng.choice(whole(tmp_path))
            rng.choice(DAMAGES[:5])(path / rng.choice(FILES), rng)
        elif event == "prune":
            checkpoint.prune(tmp_path, rng.randrange(1, 4))
        else:
            checkpoint.clean(tmp_path)
        found = newest_or_none(tmp_path)
        assert found and same(found[0].state, states[found[0].manifest["images"]])


def disturbed(folder: Path, images: int, event: str, rng: random.Random) -> None:
    """One save, which may die or fail on the way. A new process cleans up behind a dead one."""
    number = rng.randrange(40)

    def work() -> None:
        with Disk(number, die if event == "crash" else fail_full).watching():
            save(folder, images)

    if event == "crash":
        assert forked(work) in (CRASHED, DONE)
        checkpoint.clean(folder)
    elif event == "fail":
        try:
            work()
        except ResourceError:
            assert left_over(folder) == []
    else:
        save(folder, images)


def fail_full(name: str, real: Callable[..., Any], *arguments: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
