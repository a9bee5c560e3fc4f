"""Counts of a server as Prometheus reads them: no seed, no label and no address of a client."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
START = "ganzfeld_"


class Metrics:
    """Requests by path, method and status; seconds; batches; what was refused."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.refused: Counter[int] = Counter()
        self.seconds: Counter[float] = Counter()
        self.total_seconds = 0.0
        self.batches: Counter[int] = Counter()  # by their size
        self.cancelled = 0

    def answered(self, path: str, method: str, status: int, seconds: float) -> None:
        self.requests[path, method, status] += 1
        self.total_seconds += seconds
        for bucket in BUCKETS:
            if seconds <= bucket:
                self.seconds[bucket] += 1
        if status >= 400:
            self.refused[status] += 1

    def text(self, queue: int) -> str:
        count = sum(self.requests.values())
        lines: list[str] = []

        def put(name: str, kind: str, about: str, rows: Mapping[str, float]) -> None:
            lines.append(f"# HELP {START}{name} {about}")
            lines.append(f"# TYPE {START}{name} {kind}")
            lines.extend(f"{START}{name}{labels} {value:.17g}" for labels, value in rows.items())

        put(
            "requests_total",
            "counter",
            "Requests answered.",
            {
                f'{{path="{path}",method="{method}",status="{status}"}}': n
                for (path, method, status), n in sorted(self.requests.items())
            },
        )
        put(
            "refused_total",
            "counter",
            "Requests refused, by status.",
            {f'{{status="{status}"}}': n for status, n in sorted(self.refused.items())},
        )
        lines.append(f"# HELP {START}request_seconds Seconds from a request to its answer.")
        lines.append(f"# TYPE {START}request_seconds histogram")
        for bucket in BUCKETS:
            lines.append(f'{START}request_seconds_bucket{{le="{bucket:g}"}} {self.seconds[bucket]}')
        lines.append(f'{START}request_seconds_bucket{{le="+Inf"}} {count}')
        lines.append(f"{START}request_seconds_sum {self.total_seconds:.6f}")
        lines.append(f"{START}request_seconds_count {count}")
        samples = sum(size * n for size, n in self.batches.items())
        put("batches_total", "counter", "Batches drawn.", {"": sum(self.batches.values())})
        put("samples_total", "counter", "Samples drawn.", {"": samples})
        put("cancelled_total", "counter", "Requests whose client went away.", {"": self.cancelled})
        put("queue", "gauge", "Samples that wait.", {"": queue})
        put("cpu_seconds_total", "counter", "CPU time of the process.", {"": time.process_time()})
        return "\n".join(lines) + "\n"
