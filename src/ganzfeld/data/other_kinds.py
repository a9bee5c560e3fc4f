"""Recognise data that are not images, and suggest how to make images of them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ganzfeld.core.names import capped, shown, suffix, tally

SOUNDS = frozenset(
    {"wav", "mp3", "flac", "ogg", "opus", "m4a", "aac", "aif", "aiff", "au", "caf", "mid"}
)
FILMS = frozenset({"mp4", "mov", "avi", "mkv", "webm", "m4v", "mpg", "mpeg", "wmv", "flv"})
RAW = frozenset({"cr2", "cr3", "nef", "arw", "dng", "orf", "rw2", "raf", "pef", "srw", "x3f"})
COMPANIONS = FILMS | SOUNDS | {"aae", "thm", "xmp", "lrv", "srt"}  # of images: a camera's, too
TEXTS = frozenset({"txt", "md", "rst", "jsonl", "ndjson", "html", "htm", "tex", "pdf", "doc"})
TABLES = frozenset({"csv", "tsv", "xls", "xlsx", "sqlite", "feather", "arrow"})
KINDS = (
    ("sounds", SOUNDS),
    ("films", FILMS),
    ("raw files of cameras", RAW),
    ("tables", TABLES),
    ("text", TEXTS),
)

WORKBOOKS = ("xls", "xlsx", "xlsm", "ods")
PYTHON = {  # lines that save what other packages read, by the end of a file's name
    **dict.fromkeys(
        WORKBOOKS,
        "import pandas; pandas.read_excel('{path}').to_csv('table.csv', index=False)",
    ),
    "sav": "import pandas; pandas.read_spss('{path}').to_csv('table.csv', index=False)",
    "dta": "import pandas; pandas.read_stata('{path}').to_csv('table.csv', index=False)",
    "sas7bdat": "import pandas; pandas.read_sas('{path}').to_csv('table.csv', index=False)",
    "feather": "import pandas; pandas.read_feather('{path}').to_csv('table.csv', index=False)",
    "arrow": ("import datasets; datasets.Dataset.from_file('{path}').to_parquet('data.parquet')"),
    "nc": (
        "import numpy, xarray; d = xarray.open_dataset('{path}'); print(d); "
        "numpy.save('data.npy', d['NAME'].values)"
    ),
    "safetensors": (
        "import numpy, safetensors.numpy as s; numpy.savez('data.npz', **s.load_file('{path}'))"
    ),
    "exr": "import cv2, numpy; numpy.save('image.npy', cv2.imread('{path}', -1)[..., ::-1])",
}
NIFTI = (
    "import nibabel, numpy; numpy.save('data.npy', "
    "nibabel.load('{path}').get_fdata().transpose(2, 0, 1).astype('float32'))"
)
READ = {  # kinds that are read where the data are taken for them
    "sounds": "a folder or a ZIP of them is read without --as, or with --as audio",
    "tables": "one of them is read, as CSV: give its path",
    "text": "one of them is read, a sample a line: give its path",
}


def what_is_there(names: Sequence[str]) -> tuple[str, str]:
    """The files by suffix, and a sentence where most are of a kind that is not learned yet."""
    ends = tally(f".{suffix(n)}" if suffix(n) else shown(n) for n in names)
    there = ", ".join(capped([f"{count:,} {kind}" for kind, count in ends.items()], 5))
    if not names:
        return there, ""
    for kind, known in KINDS:
        if 2 * sum(suffix(name) in known for name in names) > len(names):
            return there, (f"These are {kind}: {READ.get(kind, 'they are not supported yet')}")
    return there, ""


def texts_as_one(root: Path, names: Sequence[str]) -> str:
    """The command that makes one file of many texts; "" where most are none."""
    if 2 * sum(suffix(name) == "txt" for name in names) <= len(names):
        return ""
    return f"all as one: find {shlex.quote(str(root))} -name '*.txt' -exec cat {{}} + > all.txt"


def next_step(path: Path, kind: str) -> str:
    """A command that makes a data set of a file that is not read here; "" where none is known."""
    name, end = shlex.quote(shown(str(path))), suffix(path.name)
    if kind == "lfs":
        return "git lfs pull   downloads what these files stand for"
    if end in RAW:
        return (
            f"develop them once: pip install rawpy, then imageio.imwrite('1.png', rawpy.imread("
            f"{shown(path.name)!r}).postprocess()) for each; or save them as JPEG"
        )
    if end == "bin" and (line := _binary(path)):
        return line
    if end in ("bin", "raw", "dat"):
        shape = ".reshape(-1, CHANNELS, HEIGHT, WIDTH)"
        return f"np.save('data.npy', np.fromfile({shown(path.name)!r}, np.uint8){shape})"
    if end in PYTHON:
        code = shlex.quote(PYTHON[end].format(path=shown(str(path))))
        if end in WORKBOOKS:
            return f"save it as CSV UTF-8 in the program that made it   or python -c {code}"
        return f"save it as a file that is read: python -c {code}"
    if path.name.endswith((".nii.gz", ".nii")):
        code = shlex.quote(NIFTI.format(path=shown(str(path))))
        return f"save its slices as one array: python -c {code}"
    if kind == "hdf5" or end in ("h5", "hdf5"):
        return (
            "find its arrays: "
            f"python -c \"import h5py; h5py.File('{shown(path.name)}').visit(print)\""
            ", then save one: "
            f"np.save('data.npy', h5py.File('{shown(path.name)}')['NAME'][:])"
        )
    if kind == "tfrecord" or end in ("tfrecord", "tfrecords"):
        return (
            "write its images into a folder or an array first: for r in tf.data.TFRecordDataset("
            f"'{shown(path.name)}') parse each record, then np.save('data.npy', images)"
        )
    if path.name in ("train_32x32.mat", "test_32x32.mat", "extra_32x32.mat"):
        return (
            f"SVHN: m = scipy.io.loadmat('{shown(path.name)}'); np.savez('data.npz', "
            "x=m['X'].transpose(3, 0, 1, 2), y=m['y'].ravel() % 10)"
        )
    if kind == "matlab" or end == "mat":
        return f"np.save('data.npy', scipy.io.loadmat('{shown(path.name)}')['NAME'])"
    if kind in ("tar.gz", "xz", "bz2", "zstd") or end in ("tgz", "txz", "tbz2"):
        return f"unpack it first: mkdir data && tar -xf {name} -C data, then give the folder data"
    if kind in ("7z", "rar") or end in ("7z", "rar"):
        tool = (
            f"7z x {name} -odata"
            if (kind or end) == "7z"
            else f"mkdir data && unrar x {name} data/"
        )
        return f"unpack it first: {tool}, then give the folder data"
    ten = (path.parent / "data_batch_1").is_file()
    if ten or path.parent.name == "cifar-100-python":
        name = "CIFAR10" if ten else "CIFAR100"
        return (
            "pickles are never opened, as they run code. torchvision opens those of CIFAR: "
            f"ganzfeld.train(torchvision.datasets.{name}({shown(str(path.parent.parent))!r}))"
        )
    if kind == "pickle" or end in ("pkl", "pickle", "pt", "pth"):
        return (
            "pickles are never opened, as they run code. If you trust it, save its images in "
            "Python: np.savez('data.npz', x=images, y=labels)"
        )
    if kind == "sqlite" or end in ("sqlite", "db"):
        return (
            f"save one of its tables: sqlite3 -header -csv {name} 'select * from NAME' > NAME.csv; "
            f"sqlite3 {name} .tables   lists them"
        )
    if kind == "lmdb" or end == "mdb":
        return (
            "write its images into a folder, where its values are whole files: import lmdb; for k, "
            f"v in lmdb.open({shown(str(path.parent))!r}, readonly=True).begin().cursor(): "
            "open(f'images/{k.decode()}.jpg', 'wb').write(v)"
        )
    if end in FILMS:
        return f"take its images: mkdir frames && ffmpeg -i {name} -vf fps=2 frames/%06d.png"
    return ""


def _binary(path: Path) -> str:
    """The line that reads a binary file of a public set, known by name and size; else ""."""
    name, size = path.name, path.stat().st_size
    read = f"np.fromfile({shown(name)!r}, np.uint8)"
    if size and size % 3073 == 0 and "batch" in name:
        return (
            f"CIFAR-10: a = {read}.reshape(-1, 3073); "
            "np.savez('data.npz', x=a[:, 1:].reshape(-1, 3, 32, 32), y=a[:, 0])"
        )
    if size and size % 3074 == 0 and name in ("train.bin", "test.bin"):
        return (
            f"CIFAR-100: a = {read}.reshape(-1, 3074); "
            "np.savez('data.npz', x=a[:, 2:].reshape(-1, 3, 32, 32), y=a[:, 1])"
        )
    if size and size % 27648 == 0 and name.endswith("_X.bin"):
        return (
            f"STL-10: np.save('data.npy', {read}.reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2)); "
            "its labels, from 1, are in the file that ends in _y.bin"
        )
    return ""
