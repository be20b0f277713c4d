"""An instance metadata service on loopback: real HTTP, real session tokens, and the ways in which one fails.

It refuses what the real one refuses (no token, a wrong token, X-Forwarded-For), and keeps a list of what was asked, so
that a test can see that nobody asked for credentials.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

ACCOUNT = "123456789012"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - AWS's own example

MODES = (
    "normal",
    "no_role",
    "empty_role",
    "turned_off",  # 403 for the token
    "version_1_only",  # 404 for the token
    "hop_limit",  # the token's packet never arrives
    "error",  # 500
    "redirect",
    "garbage",  # no HTTP at all
    "bad_token",  # a token that would break the next request's headers
    "bad_role",
    "bad_profile",
    "drip",  # a byte at a time: each in time, all together never
    "slow_body",
    "cut",  # less than was promised
    "huge",
    "stale_token",  # 401 for everything after the token
)


class FakeImds:
    """The server; use as a context manager."""

    def __init__(self, mode: str = "normal", *, role: str = "ci-runner", account: str = ACCOUNT) -> None:
        if mode not in MODES:
            raise ValueError(mode)
        self.mode = mode
        self.role = role
        self.account = account
        self.partition = "aws"
        self.tokens: set[str] = set()
        self.requests: list[tuple[str, str]] = []
        self.stopped = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, fake: FakeImds) -> None:
        self.fake = fake
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: Any) -> None:
        """Stay silent."""

    def do_PUT(self) -> None:
        self.server.fake.requests.append(("PUT", self.path))
        if self.path != "/latest/api/token" or not self._answers():
            return
        life = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if not life.isdigit() or not 1 <= int(life) <= 21600:
            self._send(400, "")
        elif self.headers.get("X-Forwarded-For"):
            self._send(403, "")
        else:
            token = secrets.token_urlsafe(40)
            self.server.fake.tokens.add(token)
            self._send(200, token + "\r\nX-Injected: yes" if self.server.fake.mode == "bad_token" else token)

    def do_GET(self) -> None:
        self.server.fake.requests.append(("GET", self.path))
        token = self.headers.get("X-aws-ec2-metadata-token")
        if self.server.fake.mode == "stale_token" or token not in self.server.fake.tokens:
            self._send(401, "")
            return
        self._send(*self._document())

    def _document(self) -> tuple[int, str]:
        if self.server.fake.mode == "no_role":
            return 404, ""
        roles = "/latest/meta-data/iam/security-credentials/"
        if self.path == roles:
            return 200, {"bad_role": "<html>", "empty_role": "\n", "huge": "x" * 100000}.get(
                self.server.fake.mode, self.server.fake.role
            )
        if self.path == roles + self.server.fake.role:
            return 200, json.dumps({"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": SECRET_KEY})
        if self.path == "/latest/meta-data/iam/info":
            fake = self.server.fake
            arn = f"arn:{fake.partition}:iam::{fake.account}:instance-profile/teams/ci/{fake.role}-profile"
            text = json.dumps({"Code": "Success", "InstanceProfileArn": arn, "InstanceProfileId": "AIPAEXAMPLE"})
            return 200, "[" * 5000 if self.server.fake.mode == "bad_profile" else text
        return 404, ""

    def _answers(self) -> bool:
        """Misbehave at the token, where a mode says so; say whether there is still a token to give."""
        statuses = {"turned_off": 403, "version_1_only": 404, "error": 500}
        if self.server.fake.mode in statuses:
            self._send(statuses[self.server.fake.mode], "")
        elif self.server.fake.mode == "redirect":
            self._send(302, "", Location=f"{self.server.fake.endpoint}/elsewhere")
        elif self.server.fake.mode == "hop_limit":
            self.server.fake.stopped.wait(30)
            self.close_connection = True
        elif self.server.fake.mode == "garbage":
            self._raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        elif self.server.fake.mode == "cut":
            self._raw(b"HTTP/1.1 200 OK\r\nContent-Length: 56\r\n\r\nAQAE")
        elif self.server.fake.mode == "drip":
            self._drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 200)
        elif self.server.fake.mode == "slow_body":
            self._drip(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"A" * 2000)
        else:
            return True
        return False

    def _raw(self, data: bytes) -> None:
        self.wfile.write(data)
        self.close_connection = True

    def _drip(self, data: bytes) -> None:
        self.close_connection = True
        for byte in data:
            if self.server.fake.stopped.is_set():
                return
            try:
                self.wfile.write(bytes([byte]))
            except OSError:
                return
            time.sleep(0.02)

    def _send(self, status: int, text: str, **headers: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
