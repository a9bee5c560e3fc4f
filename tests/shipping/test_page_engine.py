"""The page's JavaScript: latents to the bit, and files of operators (see test_page_graph.py)."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from page_node import needs_node, node

from ganzfeld.core import latents
from ganzfeld.modalities.image import tensors
from ganzfeld.shipping.page_html import EVERY, OPERATORS
from ganzfeld.shipping.page_wasm import product

pytestmark = needs_node


def test_each_operator_lies_in_the_file_that_pages_look_in() -> None:
    script = "console.log(JSON.stringify(Object.keys(OPERATORS)));"
    core = set(node(script, "engine.js"))
    for name, held in OPERATORS.items():
        assert set(node(script, "engine.js", name)) - core == set(held), name
    assert not core & EVERY


def test_the_product_has_the_bytes_that_were_tried_in_browsers() -> None:
    code = product()
    assert len(code) < 700
    assert hashlib.sha256(code).hexdigest() == PRODUCT


PRODUCT = "6a7195014c8e5ead3af4211090d58f498fafc411fd1b7cd99be2df7a775089f1"


def test_latents_and_labels_are_those_of_python_to_the_bit() -> None:
    seeds = [0, 1, 7, 2**32, 2**53 - 1, 2**64 - 1]
    numbers = [*range(40), 2**32 - 1, 2**32, 2**40 + 5, 2**64 - 1]
    script = """
    const all = [], labels = [];
    for (const s of given.seeds) for (const n of given.numbers) {
      const z = latentOf(101, BigInt(s), BigInt(n), given.std);
      all.push(Buffer.from(z.slice().buffer));
      labels.push(labelOf(10, BigInt(s), BigInt(n)));
    }
    const sha = require("crypto").createHash("sha256").update(Buffer.concat(all)).digest("hex");
    console.log(JSON.stringify({ sha, labels }));
    """
    for std in (1.0, 0.7):
        whole = hashlib.sha256()
        labels: list[int] = []
        for seed in seeds:
            z = torch.from_numpy(latents.normals(101, seed, numbers))
            whole.update((z if std == 1 else 0.0 + std * z).numpy().tobytes())
            labels += latents.choice(seed, numbers, 10).tolist()
        given = {"seeds": [*map(str, seeds)], "numbers": [*map(str, numbers)], "std": std}
        found = node(script, "latents.js", given=given)
        assert found == {"sha": whole.hexdigest(), "labels": labels}


def test_threefry_has_the_published_answers() -> None:
    script = """
    const ones = Array(4).fill(0xffffffff);
    const told = [threefry([0, 0, 0, 0], [0, 0, 0, 0]), threefry(ones, ones)];
    console.log(JSON.stringify(told.map((w) => w.map((x) => x.toString(16)))));
    """
    assert node(script, "latents.js") == [
        ["9c6ca96a", "e17eae66", "fc10ecd4", "5256a7d8"],
        ["2a881696", "57012287", "f6c7446e", "a16a6732"],
    ]


def test_latents_between_two_are_those_of_python() -> None:
    from ganzfeld.models.interpolate import slerp

    a, b = (torch.from_numpy(latents.normals(64, seed, [0])[0]) for seed in (1, 2))
    script = """
    const [a, b] = [latentOf(64, 1n, 0n), latentOf(64, 2n, 0n)];
    console.log(JSON.stringify(given.map((t) => Array.from(between(a, b, t)))));
    """
    shares = [0.0, 0.25, 0.9, 1.0]
    for share, found in zip(shares, node(script, "latents.js", given=shares), strict=True):
        np.testing.assert_allclose(found, slerp(a, b, share).numpy(), atol=1e-6)


def test_pixels_are_rounded_as_python_rounds_them() -> None:
    x = torch.cat([torch.linspace(-1.2, 1.2, 4001), (torch.arange(256) * 2 + 1) / 255 - 1])
    script = "console.log(JSON.stringify(Array.from(toBytes(new Float32Array(given)))));"
    assert node(script, "engine.js", given=x.tolist()) == tensors.to_bytes(x).tolist()


def test_half_precision_is_read_as_numpy_reads_it() -> None:
    bits = np.arange(0, 0x7C00, 7, dtype=np.uint16)
    bits = np.concatenate([bits, bits | 0x8000])
    script = "console.log(JSON.stringify(Array.from(fromHalf(new Uint16Array(given)))));"
    assert node(script, "engine.js", given=bits.tolist()) == bits.view(np.float16).tolist()
