"""A hub on this machine: the few addresses that huggingface_hub asks for, over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class Hub:
    """repos: by name, commits in order, each a mapping of names to bytes. asked: every path.
    cut: files whose connection breaks in the middle."""

    def __init__(self) -> None:
        self.repos: dict[str, list[dict[str, bytes]]] = {}
        self.asked: list[str] = []
        self.cut: set[str] = set()
        self.address = ""

    def commit_id(self, repo: str, place: int) -> str:
        return hashlib.sha1(f"{repo}{place}".encode()).hexdigest()

    def find(self, repo: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        commits = self.repos.get(repo)
        if not commits:
            return None
        ids = [self.commit_id(repo, place) for place in range(len(commits))]
        if revision == "main":
            return ids[-1], commits[-1]
        return (revision, commits[ids.index(revision)]) if revision in ids else None


@contextmanager
def fake_hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: Any) -> None:
            pass

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def json(self, value: Any, status: int = 200) -> None:
            self.answer(status, json.dumps(value).encode(), Content_Type="application/json")

        def missing(self, code: str) -> None:
            self.answer(404, b"{}", X_Error_Code=code, X_Error_Message=code)

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(f"{self.command} {path}")
            parts = path.strip("/").split("/")
            if path.startswith("/api/models/"):
                repo, rest = "/".join(parts[2:4]), parts[4:]
                found = hub.find(repo, rest[1] if len(rest) > 1 else "main")
                if found is None:
                    self.missing("RevisionNotFound" if repo in hub.repos else "RepoNotFound")
                    return
                commit, files = found
                if rest[:1] == ["tree"]:
                    self.json(
                        [
                            {"type": "file", "path": n, "size": len(d), "oid": blob(d)}
                            for n, d in files.items()
                        ]
                    )
                    return
                names = [{"rfilename": n} for n in files]
                self.json({"id": repo, "modelId": repo, "sha": commit, "siblings": names})
                return
            if len(parts) > 4 and parts[2] == "resolve":
                found = hub.find("/".join(parts[:2]), parts[3])
                name = "/".join(parts[4:])
                if found is None or name not in found[1]:
                    self.missing("EntryNotFound")
                    return
                data = found[1][name]
                if name in hub.cut and self.command == "GET":
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data[: len(data) // 2])
                    self.close_connection = True
                    return
                self.answer(200, data, ETag=f'"{blob(data)}"', X_Repo_Commit=found[0])
                return
            self.missing("RepoNotFound")

        do_HEAD = do_GET

        def do_POST(self) -> None:
            path = urlsplit(self.path).path
            hub.asked.append(f"POST {path}")
            if self.headers.get("Transfer-Encoding") == "chunked":
                data = b""
                while size := int(self.rfile.readline(), 16):
                    data += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Authorization") != "Bearer hf_of_a_test":
                self.answer(401, b"{}", X_Error_Message="Invalid username or password.")
            elif path == "/api/repos/create":
                given = json.loads(data)
                repo = f"{given.get('organization') or 'me'}/{given['name'].split('/')[-1]}"
                hub.repos.setdefault(repo, [])
                self.json({"url": f"{hub.address}/{repo}", "id": repo})
            elif "/preupload/" in path:
                named = [one["path"] for one in json.loads(data)["files"]]
                self.json(
                    {
                        "files": [
                            {"path": n, "uploadMode": "regular", "shouldIgnore": False}
                            for n in named
                        ]
                    }
                )
            elif "/commit/" in path:
                repo = "/".join(path.split("/")[3:5])
                files = dict(hub.repos[repo][-1]) if hub.repos[repo] else {}
                for line in data.splitlines():
                    one = json.loads(line)
                    if one["key"] == "file":
                        files[one["value"]["path"]] = base64.b64decode(one["value"]["content"])
                hub.repos[repo].append(files)
                commit = hub.commit_id(repo, len(hub.repos[repo]) - 1)
                url = f"{hub.address}/{repo}/commit/{commit}"
                self.json({"commitUrl": url, "commitOid": commit, "hookOutput": ""})
            else:
                self.json({})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def blob(data: bytes) -> str:
    """As git names a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
