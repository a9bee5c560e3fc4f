"""A product of matrices in WebAssembly SIMD, assembled here: some hundred bytes.

c (m, n) = a (m, k) b (k, n) in float32. `a` lies in panels of four rows, in each column by column;
m is a multiple of 4, n of 8. Four rows times eight columns are summed in registers, in the order of
k, each product and each sum rounded by itself, so that all browsers find the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable

# opcodes (WebAssembly core specification 2.0, sections 5.4 and 5.5)
I32, V128, EMPTY = 0x7F, 0x7B, 0x40
BLOCK, LOOP, END, BRANCH_IF = 0x02, 0x03, 0x0B, 0x0D
GET, SET, TEE, CONST = 0x20, 0x21, 0x22, 0x41
LESS, ADD, MUL, SHIFT = 0x49, 0x6A, 0x6C, 0x74  # of i32; less is unsigned
LOAD, LOAD_SPLAT, STORE, ZERO, F_ADD, F_MUL = 0x00, 0x09, 0x0B, 0x0C, 0xE4, 0xE6  # of v128


def whole(n: int) -> bytes:
    """LEB128, unsigned."""
    found = bytearray()
    while n >= 0x80:
        found.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes([*found, n])


def simd(code: int, *rest: int) -> bytes:
    return bytes([0xFD]) + whole(code) + bytes(rest)


def get(local: int) -> bytes:
    return bytes([GET, local])


def add(local: int, *amount: bytes) -> bytes:
    """local += amount"""
    return get(local) + b"".join(amount) + bytes([ADD, SET, local])


def const(n: int) -> bytes:
    assert 0 <= n < 64  # one byte, signed
    return bytes([CONST, n])


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + whole(len(content)) + content


def listed(items: Iterable[bytes]) -> bytes:
    found = list(items)
    return whole(len(found)) + b"".join(found)


A, B, C, M, K, N = range(6)  # arguments: bytes where the matrices start, and sizes
DOWN, ALONG, P, AT, ROW, WIDE, TO = range(6, 13)  # locals
SUMS = range(13, 21)  # 4 rows times 2 vectors
LEFT, RIGHT = 21, 22


def body() -> bytes:
    zero = b"".join(simd(ZERO, *bytes(16)) + bytes([SET, one]) for one in SUMS)
    inner = get(ROW) + simd(LOAD, 2, 0) + bytes([SET, LEFT])
    inner += get(ROW) + simd(LOAD, 2, 16) + bytes([SET, RIGHT])
    for row in range(4):
        for side, vector in enumerate((LEFT, RIGHT)):
            total = SUMS[2 * row + side]
            inner += get(total) + get(AT) + simd(LOAD_SPLAT, 2, 4 * row) + get(vector)
            inner += simd(F_MUL) + simd(F_ADD) + bytes([SET, total])
    inner += add(AT, const(16)) + add(ROW, get(WIDE))
    store = get(C) + get(DOWN) + get(WIDE) + bytes([MUL, ADD]) + get(ALONG) + const(2)
    store += bytes([SHIFT, ADD, SET, TO])
    for row in range(4):
        for side in range(2):
            store += get(TO) + get(SUMS[2 * row + side]) + simd(STORE, 2, 16 * side)
        store += add(TO, get(WIDE))
    start = get(A) + get(DOWN) + get(K) + bytes([MUL]) + const(2) + bytes([SHIFT, ADD, SET, AT])
    start += get(B) + get(ALONG) + const(2) + bytes([SHIFT, ADD, SET, ROW]) + zero
    columns = start + count(P, inner, K, 1) + store
    code = get(N) + const(2) + bytes([SHIFT, SET, WIDE])
    return code + count(DOWN, count(ALONG, columns, N, 8), M, 4)


def count(local: int, inside: bytes, end: int, step: int) -> bytes:
    """for (local = 0; local < end; local += step) inside: at least once."""
    start = const(0) + bytes([SET, local, LOOP, EMPTY])
    again = get(local) + const(step) + bytes([ADD, TEE, local]) + get(end)
    return start + inside + again + bytes([LESS, BRANCH_IF, 0, END])


def product() -> bytes:
    """The module: imports memory "e" "m", exports the function "p" (a, b, c, m, k, n)."""
    kind = bytes([0x60]) + listed([bytes([I32])] * 6) + listed([])
    memory = b"\x01e\x01m" + bytes([0x02, 0x00, 0x01])
    locals_ = listed([whole(7) + bytes([I32]), whole(10) + bytes([V128])])
    code = locals_ + body() + bytes([END])
    return b"\0asm\1\0\0\0" + b"".join(
        [
            section(1, listed([kind])),
            section(2, listed([memory])),
            section(3, listed([b"\0"])),
            section(7, listed([b"\x01p\0\0"])),
            section(10, listed([whole(len(code)) + code])),
        ]
    )
