"""The modelled AWX behind HTTP on loopback."""

from __future__ import annotations

import base64
import json
import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.awx import rules
from tests.fakes.awx.resources import AWX_VERSION, RESOURCES
from tests.fakes.awx.rules import Refused
from tests.fakes.awx.state import State

__all__ = ["FakeAwx", "Request"]

_PATH = re.compile(r"/api/v2/(?P<name>\w+)/(?:(?P<number>\d+)/(?:(?P<key>\w+)/)?)?")
_PAGE = 25


class Request(NamedTuple):
    """One request that came in."""

    method: str
    path: str
    body: Any


class _Missing(Exception):
    """There is nothing at this address."""


class FakeAwx:
    """AWX on a free port of loopback, while it is entered."""

    TOKEN = "token-of-the-test"  # noqa: S105 - of the model
    USERNAME, PASSWORD = "admin", "password-of-the-test"

    def __init__(self, playbooks: list[str]) -> None:
        self.state = State(playbooks)
        self.requests: list[Request] = []
        self.tokens = {self.TOKEN}
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"awx": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def writes(self) -> list[Request]:
        """What was asked to be made, changed or deleted, tokens aside."""
        return [one for one in self.requests if one.method != "GET" and not one.path.startswith("/api/v2/tokens/")]

    def named(self, resource: str, name: str) -> dict[str, Any]:
        """Return the one object with this name."""
        [found] = [one for one in self.state.objects[resource].values() if one[RESOURCES[resource].identity] == name]
        return found

    def names(self, resource: str, number: int, key: str, of: str) -> list[str]:
        """Return the names of what an object is related with."""
        identity = RESOURCES[of].identity
        return sorted(
            self.state.objects[of][one][identity] for one in self.state.related.get((resource, number, key), [])
        )

    # --- answering ---------------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Return status and document."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise _Missing
        name, number, key = match["name"], int(match["number"] or 0), match["key"]
        if name == "tokens":
            return self._token(method, number)
        if name == "project_updates":
            self.state.objects["projects"][number]["status"] = "successful"
            return HTTPStatus.OK, {"id": number, "status": "successful", "finished": "2026-01-05T02:00:00Z"}
        if name not in RESOURCES and name != "unified_job_templates":
            raise _Missing
        if not number:
            return self._collection(method, name, query, body)
        if self.state.find(name, number) is None:
            raise _Missing
        return self._related(method, name, number, key, body) if key else self._one(method, name, number, body)

    def _token(self, method: str, number: int) -> tuple[int, Any]:
        if method == "DELETE":
            self.tokens.discard(f"made-{number}")
            return HTTPStatus.NO_CONTENT, None
        made = len(self.requests)
        self.tokens.add(f"made-{made}")
        return HTTPStatus.CREATED, {"id": made, "token": f"made-{made}"}

    def _collection(self, method: str, name: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "POST":
            return HTTPStatus.CREATED, self.state.shown(name, self.state.create(name, body))
        found = self.state.listing(name, query)
        return HTTPStatus.OK, {"count": len(found), "next": None, "previous": None, "results": found[:_PAGE]}

    def _one(self, method: str, name: str, number: int, body: Any) -> tuple[int, Any]:
        if method == "DELETE":
            self.state.delete(name, number)
            return HTTPStatus.NO_CONTENT, None
        item = self.state.change(name, number, body) if method == "PATCH" else self.state.objects[name][number]
        return HTTPStatus.OK, self.state.shown(name, item)

    def _related(self, method: str, name: str, number: int, key: str, body: Any) -> tuple[int, Any]:
        if key == "survey_spec":
            return self._survey(method, (name, number), body)
        if (name, key) == ("workflow_job_template_nodes", "create_approval_template"):
            approval = self.state.create_approval(number, body)
            return HTTPStatus.CREATED, self.state.shown("workflow_approval_templates", approval)
        if key not in RESOURCES[name].related:
            raise _Missing
        if method == "POST":
            self.state.associate(name, number, key, body["id"], away=bool(body.get("disassociate")))
            return HTTPStatus.NO_CONTENT, None
        found = [{"id": one} for one in self.state.related.get((name, number, key), [])]
        return HTTPStatus.OK, {"count": len(found), "next": None, "previous": None, "results": found}

    def _survey(self, method: str, of: tuple[str, int], body: Any) -> tuple[int, Any]:
        if method == "POST":
            rules.check_survey(body)
            self.state.surveys[of] = body
            return HTTPStatus.OK, None
        if method == "DELETE":
            self.state.surveys.pop(of, None)
            return HTTPStatus.OK, None
        return HTTPStatus.OK, self.state.surveys.get(of, {})


class _Handler(BaseHTTPRequestHandler):
    awx: FakeAwx
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        target = urlsplit(self.path)
        if not self._allowed(target.path):
            self._send(HTTPStatus.UNAUTHORIZED, {"detail": "Authentication credentials were not provided."})
            return
        with self.awx.lock:
            self.awx.requests.append(Request(self.command, target.path, body))
            try:
                status, document = self.awx.answer(self.command, target.path, dict(parse_qsl(target.query)), body)
            except Refused as exc:
                status, document = HTTPStatus.BAD_REQUEST, exc.errors
            except _Missing:
                status, document = HTTPStatus.NOT_FOUND, {"detail": "Not found."}
        self._send(status, document)

    def _allowed(self, path: str) -> bool:
        kind, _space, value = (self.headers.get("Authorization") or "").partition(" ")
        if kind == "Bearer":
            return value in self.awx.tokens
        user = f"{self.awx.USERNAME}:{self.awx.PASSWORD}".encode()
        return kind == "Basic" and path.startswith("/api/v2/tokens/") and base64.b64decode(value) == user

    def _send(self, status: int, document: Any) -> None:
        payload = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("X-API-Product-Name", "AWX")
        self.send_header("X-API-Product-Version", AWX_VERSION)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - the base class names them

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""
