"""The run.py of an exported folder: draws samples with NumPy and onnxruntime, without ganzfeld."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from ganzfeld.core.latents import OF_TORCH
from ganzfeld.data.conditions import is_captioned
from ganzfeld.modalities import Modality, captions, modality_of, spec_of

# Threefry 4x32-20 and Box-Muller as docs/latents.md defines them, in 24 lines.
PORTABLE = """
def words(purpose, seed, index, blocks):  # Threefry 4x32-20
    key = [seed % W, seed // W, purpose, 0x67616E7A]
    key = [np.uint64(k) for k in [*key, key[0] ^ key[1] ^ key[2] ^ key[3] ^ 0x1BD11BDA]]
    start = [np.arange(blocks), index % W, index // W, 0]
    x = [(np.zeros(blocks, np.uint64) + np.uint64(s) + k) % W for s, k in zip(start, key)]
    for n in range(20):
        for to, of, turn in zip((0, 2), (1, 3) if n % 2 == 0 else (3, 1), TURNS[n % 8]):
            x[to] = (x[to] + x[of]) % W
            x[of] = (x[of] << turn | x[of] >> np.uint64(32) - turn) % W ^ x[to]
        s = n // 4 + 1
        if n % 4 == 3:
            x = [(x[i] + key[(s + i) % 5] + np.uint64(s * (i == 3))) % W for i in range(4)]
    return np.array(x)


def series(coefficients, x):
    y = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        y = y * x + c
    return y


def latent(seed, index, size):  # Box-Muller with + - * / and sqrt alone: equal bits everywhere
    u = (words(1, seed, index, -(-size // 4)).astype(np.float64) + 0.5) * 2.0**-32
    m, e = np.frexp(u[0::2])
    low = m < math.sqrt(0.5)
    m, e = np.where(low, m + m, m), e - low.astype(np.float64)
    s = (m - 1) / (m + 1)
    log = e * LN2[1] + (s + s) * series([1 / n for n in range(23, 0, -2)], s * s)
    radius = np.sqrt(-2 * (e * LN2[0] + log))
    quarter = np.floor(4 * u[1::2] + 0.5)
    a = (u[1::2] - quarter * 0.25) * (2 * math.pi)
    sin = a * series([(-1.0) ** n / math.factorial(2 * n + 1) for n in range(8, -1, -1)], a * a)
    cos = series([(-1.0) ** n / math.factorial(2 * n) for n in range(8, -1, -1)], a * a)
    q, z = quarter.astype(int) % 4, np.empty(u.shape, np.float32)
    z[0::2] = radius * np.choose(q, [cos, -sin, -cos, sin])
    z[1::2] = radius * np.choose(q, [sin, cos, -sin, -cos])
    return z.T.reshape(1, -1)[:, :size]


def chosen(seed, index, count):
    return int(words(2, seed, index, 1)[0, 0]) * count >> 32
"""

# Models of before 0.2, whose latents only PyTorch draws.
BY_TORCH = """
def key(seed, purpose, index):
    text = f"i{seed}\\0s{purpose}\\0i{index}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1


def latent(seed, index, size):  # this model is from before 0.2: its latents are PyTorch's
    import torch

    generator = torch.Generator().manual_seed(key(seed, "sample", index))
    return torch.randn(size, generator=generator).numpy()[None]


def chosen(seed, index, count):
    return key(seed, "label", index) % count
"""

# What `ganzfeld.modalities.captions.asked` does.
CAPTION = f"""
import difflib, re, sys, unicodedata

WORD = {captions.WORD.pattern!a}


def caption(text, symbols, length):  # (1, length): the numbers of its words, 0 behind its end
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\\u2019", "'")
    words = re.findall(WORD, plain)
    for word in words:
        if word not in symbols:
            near = ", ".join(difflib.get_close_matches(word, symbols[2:], 3) or symbols[2:14])
            sys.exit(f"no caption of the training data has the word {{word}}; try {{near}}")
    if not 0 < len(words) <= length:
        sys.exit(f"a text must have 1 to {{length}} words, and this one has {{len(words)}}")
    return np.array([[*map(symbols.index, words), *[0] * (length - len(words))]])
"""

HEAD = '''"""Draw a sample of this model: python run.py --seed 0 --index 5{asked}

Needs numpy and onnxruntime. The sample is the one that `ganzfeld sample` draws.
"""
from __future__ import annotations

import argparse, hashlib, json, math, os
import numpy as np, onnxruntime

W, LN2 = 2**32, (0.693147180369123816490, 1.90821492927058770002e-10)
TURNS = np.array([[10, 26], [11, 21], [13, 27], [23, 5], [6, 20], [17, 11], [25, 10], [18, 20]],
                 np.uint64)
HERE = os.path.dirname(os.path.abspath(__file__))
'''

TAIL = '''

def draw(seed, index, label=None, std=1.0, text=None):
    """One sample as the network makes it; seed, index: 0 to 2^64 - 1; label: name or number;
    text: a caption, for a model of captions; None: one of its training data."""
    with open(os.path.join(HERE, "config.json"), encoding="utf-8") as file:
        about = json.load(file)
    feed = {"z": np.float32(std) * latent(seed, index, about["latent"])}
    names = about["classes"]
    if names:
        own = chosen(seed, index, len(names)) if label is None else label
        feed["y"] = np.array([names.index(own) if own in names else int(own)])
    if about.get("conditions"):
        rows, columns = about["conditions"]["rows"], about["conditions"].get("columns")
        feed["c"] = np.array([rows[chosen(seed, index, len(rows))]], np.float32)
        feed["caption"] = feed["c"].astype(np.int64)
    if text is not None:
        feed["caption"] = caption(text, columns[0]["symbols"], columns[0]["length"])
    session = onnxruntime.InferenceSession(os.path.join(HERE, "model.onnx"))
    known = {one.name for one in session.get_inputs()}
    found = session.run(None, {name: v for name, v in feed.items() if name in known})
    return found[0][0], about


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--index", type=int, default=0)
    parser.add_argument("--label")
    parser.add_argument("--std", type=float, default=1.0){text}
    asked = parser.parse_args()
    x, about = draw(**vars(asked))
    name = f"{asked.seed}-{asked.index}"
'''

TEXT = """
    parser.add_argument("--text", help="a caption; without it, one of the training data")"""

TRANSLATE = '''"""Translate {what}: python run.py FILE --to {to}

Needs numpy and onnxruntime.
"""
from __future__ import annotations

import argparse, functools, json, os
import numpy as np, onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "config.json"), encoding="utf-8") as file:
    about = json.load(file)


@functools.cache
def session(to):
    return onnxruntime.InferenceSession(os.path.join(HERE, {files}[to]))


def translate(x, to):
    """A sample as the network takes it, in the other domain."""
    return session(to).run(None, {{"x": x[None]}})[0][0]


def read(path):
{read}
    return x


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--to", default="{to}")
    asked = parser.parse_args()
    for x in read(asked.file):
        x, name = translate(x, asked.to), "translated"
'''


def script(about: Mapping[str, Any]) -> str:
    """The text of run.py for a model."""
    kind = kind_of(about)
    write = textwrap.indent(kind.portable(), "    ")
    if "translators" in about:
        files = {way[1]: f"model-{way}.onnx" for way in about["translators"]}
        read = textwrap.indent(kind.portable_in(), "    ")
        what, to = taken(about), next(iter(files))
        text = TRANSLATE.format(what=what, to=to, files=files, read=read)
        return f"{text}{textwrap.indent(write, '    ')}\n"
    old = about.get("latents", OF_TORCH) == OF_TORCH
    draws, tail = (BY_TORCH if old else PORTABLE), TAIL.replace("{text}", "")
    if is_captioned(about.get("conditions")):
        draws, tail = draws + CAPTION, TAIL.replace("{text}", TEXT)
    return f"{HEAD.format(asked=options(about))}\n{draws}{tail}{write}\n"


def kind_of(about: Mapping[str, Any]) -> Modality:
    return modality_of(
        spec_of(about.get("spec"), about.get("shape") or (1, *about.get("size", ())))
    )


def taken(about: Mapping[str, Any]) -> str:
    """What the run.py of a translation takes as its FILE, in words."""
    kind = kind_of(about)
    if kind.draws:
        return "an array (C, H, W) of uint8, sides of 8 or more, in a file .npy"
    return f"the {kind.noun if kind.one_file else kind.one} of a file {kind.suffix}"


def options(about: Mapping[str, Any]) -> str:
    """What run.py can be asked beside a seed and a number, as it is typed."""
    label = " --label CLASS" if about["classes"] else ""
    return f"{label} --text CAPTION" if is_captioned(about.get("conditions")) else label
