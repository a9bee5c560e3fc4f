"""How fast `ganzfeld serve` answers: requests a second of server CPU, and the time of one.

    python bench/serve.py MODEL [MODEL ...] [--engine torch|onnx] [--clients 1 32] [--seconds 6]

MODEL: a run, a model or an exported folder; one server after the other. The load comes from a
process of its own over kept connections. `per CPU second` divides by the CPU time of the server's
process, so that it does not depend on what else the machine does; `p50` is the median of one
client's requests one by one.
`memory_mb` is the most memory that the server has held, and `torch` whether it had loaded PyTorch.
Prints one JSON object a line, as bench/results/serve.jsonl holds them.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

LINE = re.compile(r"API: http://127\.0\.0\.1:(\d+)/")


def client(port: int, path: str, first: int, end: float, took: list[float]) -> None:
    """GETs with a seed each over one connection until `end`, and the seconds of each."""
    own = socket.create_connection(("127.0.0.1", port), 30)
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    seed = first
    with own, own.makefile("rb") as file:
        while time.perf_counter() < end:
            start = time.perf_counter()
            own.sendall(
                f"GET {path}?seed={seed} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode()
            )
            if not file.readline().startswith(b"HTTP/1.1 200"):
                raise SystemExit("the server refused a request")
            length = 0
            while (line := file.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            file.read(length)
            took.append(time.perf_counter() - start)
            seed += 1


def load(port: int, path: str, clients: int, seconds: float) -> list[float]:
    """Requests of so many clients at once, in this process; the seconds of each."""
    took: list[float] = []
    end = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=client, args=(port, path, n << 32, end, took))
        for n in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def counted(port: int) -> dict[str, float]:
    """The server's own counts."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        text = reply.read().decode()
    names = ("cpu_seconds_total", "batches_total", "samples_total")
    return {n: float(re.search(rf"^ganzfeld_{n} (\S+)", text, re.M)[1]) for n in names}  # type: ignore[index]


def held(pid: int) -> dict[str, object]:
    """The most memory of a process in MB, and whether PyTorch's library is in it (Linux)."""
    proc = Path("/proc") / str(pid)
    most = re.search(r"^VmHWM:\s+(\d+) kB", (proc / "status").read_text(), re.M)
    maps = (proc / "maps").read_text()
    memory = round(int(most[1]) * 1024 / 1e6, 1) if most else None
    return {"memory_mb": memory, "torch": "libtorch_cpu" in maps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--seconds", type=float, default=6.0)
    asked = parser.parse_args()
    for model in asked.models:
        measure(model, asked)


def measure(folder: str, asked: argparse.Namespace) -> None:
    """Serve one model, and print a line for each number of clients."""
    words = ["serve", f"it={folder}", "--port", "0", "--engine", asked.engine]
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "ganzfeld", *words], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        found = next(m for line in server.stdout if (m := LINE.search(line)))
        port, path = int(found[1]), "/v1/models/it/sample"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models") as reply:
            model = json.load(reply)["models"][0]
        load(port, path, 4, 1.0)  # to warm up
        for clients in asked.clients:
            before = counted(port)
            took = load(port, path, clients, asked.seconds)
            after = counted(port)
            spent = {name: after[name] - before[name] for name in after}
            row = {
                "model": model["recipe"],
                "shape": model["shape"],
                "engine": model["engine"],
                "clients": clients,
                "requests": len(took),
                "per_cpu_second": round(len(took) / spent["cpu_seconds_total"], 1),
                "per_second": round(len(took) / asked.seconds, 1),
                "p50_ms": round(1000 * statistics.median(took), 2),
                "p99_ms": round(1000 * sorted(took)[int(0.99 * len(took))], 2),
                "batch": round(spent["samples_total"] / max(spent["batches_total"], 1), 1),
                **held(server.pid),
                "python": platform.python_version(),
                "date": time.strftime("%Y-%m-%d"),
            }
            print(json.dumps(row), flush=True)
    finally:
        server.terminate()
        server.communicate(timeout=20)


if __name__ == "__main__":
    main()
