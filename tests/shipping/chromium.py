"""Headless Chromium by its own protocol, over a pipe: no driver, no port, real time."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="chromium is not here: pages are not tried in a browser"
)
# What a page drew: the promise `started` of start.js gives its app
SELFTEST = """(async () => {
  const app = await started;
  const text = (x) => btoa(Array.from(x, (v) => String.fromCharCode(v)).join(""));
  const [first] = await Promise.all(app.shown.slice(0, 1).map((one) => one.file.arrayBuffer()));
  return JSON.stringify({
    check: app.model.check.length ? await app.check() : null, engine: app.source.engine,
    worker: Boolean(app.source.worker), file: first ? text(new Uint8Array(first)) : null,
    drawn: app.shown.slice(0, 4).map((one) => ({
      label: one.label, pixels: one.x ? text(toBytes(one.x)) : null, text: one.text, mark: one.mark,
    })),
  });
})()"""
SECONDS = 120.0  # until a page must have drawn


class Browser:
    """One page of a browser. `requests`: addresses that it asked for; `errors`: what it logged."""

    def __init__(self, read: int, write: int) -> None:
        self.input, self.output = write, read
        self.turn, self.rest, self.session = 0, b"", ""
        self.requests: list[str] = []
        self.errors: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = found["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        self.turn += 1
        message: dict[str, Any] = {"id": self.turn, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.input, json.dumps(message).encode() + b"\0")
        while True:
            reply = self.receive(SECONDS)
            if reply.get("id") == self.turn:
                assert "error" not in reply, reply
                return reply["result"]

    def receive(self, seconds: float) -> Any:
        while b"\0" not in self.rest:
            assert select([self.output], [], [], seconds)[0], "the browser does not answer"
            self.rest += os.read(self.output, 1 << 20)
        whole, _, self.rest = self.rest.partition(b"\0")
        message = json.loads(whole)
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])
        return message

    def run(self, code: str) -> Any:
        """The value of an expression, or of the promise that it is."""
        found = self.call(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def size(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def open(self, url: str) -> None:
        """Another page. What the page before it asked for, or found broken late, is not its own."""
        self.call("Page.navigate", url="about:blank")
        self.wait('location.href === "about:blank"')
        self.requests.clear()
        self.errors.clear()
        self.call("Page.navigate", url=url)

    def wait(self, condition: str, seconds: float = SECONDS) -> None:
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, (condition, self.errors, self.status())
            time.sleep(0.05)

    def status(self) -> Any:
        return self.run('(document.getElementById("status") || {}).textContent')

    def selftest(self, url: str) -> Any:
        """What a page found that was asked for its own test."""
        self.open(url)
        self.wait("typeof started !== 'undefined'")
        return json.loads(self.run(SELFTEST))

    def shot(self, path: Path) -> None:
        found = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def browser(home: Path) -> Iterator[Browser]:
    """No name is resolved but this machine's own: a request to anywhere else would fail."""
    assert CHROMIUM is not None
    theirs, ours = os.pipe()
    read, write = os.pipe()

    def pipes() -> None:  # the browser reads from 3 and writes to 4
        spare = [os.dup(theirs), os.dup(write)]
        os.dup2(spare[0], 3)
        os.dup2(spare[1], 4)
        os.set_inheritable(3, True)
        os.set_inheritable(4, True)

    child = subprocess.Popen(
        [
            *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--no-first-run", "--remote-debugging-pipe", f"--user-data-dir={home / 'profile'}"),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ],
        preexec_fn=pipes,
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Browser(read, ours)
    finally:
        child.kill()
        child.wait()
        for one in (theirs, ours, read, write):
            os.close(one)
