"""A hub on this machine: speaks what pulling a model asks for, and misbehaves as told."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

WAIT_SECONDS = 60.0
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class StandInHub:
    """Serves ``repos``: {id: {path: content}}. cut: {path: bytes after which the connection breaks, once}.

    held: {path: event} that is waited for in the middle of a file; ``reached`` is set meanwhile. damaged: paths whose
    content is another. gated: repositories that want a token. asked: (method, path, range) so far.
    """

    def __init__(self):
        self.repos = {}
        self.cut = {}
        self.held, self.reached = {}, threading.Event()
        self.damaged = set()
        self.gated = set()
        self.asked = []
        self.commit = COMMIT
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                hub.answer(self)

            do_HEAD = do_GET  # noqa: N815 - as the library wants it

            def log_message(self, *_):
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    @property
    def ranges(self):
        return [range_ for _, path, range_ in self.asked if range_ and "resolve" in path]

    def answer(self, request):
        path = unquote(request.path.partition("?")[0])
        self.asked.append((request.command, path, request.headers.get("Range")))
        listing = re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        repo = (listing or file)[1] if listing or file else ""
        if repo not in self.repos:
            self._refuse(request, 404, "RepoNotFound")
        elif repo in self.gated and "authorization" not in {name.lower() for name in request.headers}:
            self._refuse(request, 403, "GatedRepo")
        elif listing:
            self._list(request, repo, listing[2])
        else:
            self._give(request, repo, file[3])

    def _refuse(self, request, status, code):
        request.send_response(status)
        request.send_header("X-Error-Code", code)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def _list(self, request, repo, revision):
        if revision not in ("main", self.commit):
            self._refuse(request, 404, "RevisionNotFound")
            return
        siblings = []
        for path, content in self.repos[repo].items():
            row = {"rfilename": path, "size": len(content), "blobId": _git_oid(content)}
            if path.endswith(".safetensors"):
                row["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
            siblings.append(row)
        card = {"license": "cc-by-4.0"}
        body = {"id": repo, "sha": self.commit, "siblings": siblings, "cardData": card, "gated": repo in self.gated}
        data = json.dumps(body).encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _give(self, request, repo, path):
        content = self.repos[repo].get(path)
        if content is None:
            self._refuse(request, 404, "EntryNotFound")
            return
        if path in self.damaged:
            content = bytes(len(content))
        start = int(re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range") or "bytes=0-")[1])
        request.send_response(206 if start else 200)
        request.send_header("X-Repo-Commit", self.commit)
        request.send_header("Content-Length", str(len(content) - start))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.end_headers()
        if path in self.cut:
            request.wfile.write(content[start : self.cut.pop(path)])
            request.wfile.flush()
            request.close_connection = True
            request.connection.close()
            return
        if path in self.held:
            middle = (start + len(content)) // 2
            request.wfile.write(content[start:middle])
            self.reached.set()
            self.held[path].wait(WAIT_SECONDS)
            start = middle
        request.wfile.write(content[start:])


def _git_oid(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
