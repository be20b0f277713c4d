"""AWS on loopback: moto's services behind real HTTP, with what moto leaves out.

moto answers GetAccountAuthorizationDetails in one piece whatever MaxItems says, never refuses and never throttles, and
has no LookupEvents. This server stands in front of it and pages small, denies and throttles single calls on demand,
serves CloudTrail's event history at its two calls a second, and keeps a list of what was asked.
"""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

import botocore.session
from botocore.config import Config
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import IAMBackend, iam_backends
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

ACCOUNT = DEFAULT_ACCOUNT_ID
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "example-secret"}

# The lists of an answer, in the order in which AWS fills its pages.
PAGED = {
    "iam:GetAccountAuthorizationDetails": ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"),
    "iam:ListVirtualMFADevices": ("VirtualMFADevices",),
    "iam:ListMFADevices": ("MFADevices",),
}
# The service's name in a signature, where it is not the client's.
SERVICES = {"monitoring": "cloudwatch"}

StartResponse = Callable[..., Any]
Answer = tuple[int, str, bytes]


class Asked(NamedTuple):
    """A request: "iam:ListMFADevices", where it was signed for, and with what."""

    api: str
    region: str
    parameters: dict[str, Any]


class Refusal(NamedTuple):
    """What to refuse: how often (None: always), with which error, and only calls with these parameters, or there."""

    code: str
    status: int
    times: int | None
    only: dict[str, Any]
    region: str = ""


class FakeAws:
    """The server; use as a context manager. moto's state is one for the process: entering empties it."""

    def __init__(
        self, *, page_size: int = 1000, first_page_empty: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.page_size = page_size
        self.first_page_empty = first_page_empty
        self.requests: list[Asked] = []
        self.events: list[dict[str, Any]] = []  # CloudTrail records, newest first
        self.lookups: list[float] = []
        self._clock = clock
        self._refusals: dict[str, list[Refusal]] = {}
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self._session = botocore.session.Session()
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=_Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find this AWS and no other."""
        return {**KEYS, "AWS_URL": self.endpoint, "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": REGION}

    @property
    def iam(self) -> IAMBackend:
        """moto's own state, for what no API can bring about (root's devices)."""
        return iam_backends[ACCOUNT]["aws"]

    def __enter__(self) -> Self:
        moto_api_backend.reset()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def client(self, service: str, *, region: str = REGION, config: Config | None = None) -> Any:
        """Return a client of this AWS; stands in for AnsibleAWSModule.client."""
        return self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            config=config,
        )

    def deny(self, api: str, *, code: str = "AccessDenied", status: int = 403, region: str = "", **only: Any) -> None:
        """Refuse every call of an API (with these parameters, in this region)."""
        self._refusals.setdefault(api, []).append(Refusal(code, status, None, only, region))

    def throttle(self, api: str, times: int, **only: Any) -> None:
        """Refuse the next calls of an API as too many."""
        code = "Throttling" if api.startswith(("iam:", "sts:", "sns:")) else "ThrottlingException"
        self._refusals.setdefault(api, []).append(Refusal(code, 400, times, only))

    def count(self, api: str) -> int:
        """Return how many requests of an API came in, refused ones included."""
        return sum(asked.api == api for asked in self.requests)

    def forget(self) -> None:
        """Start counting anew, and refuse nothing any more."""
        self.requests.clear()
        self.lookups.clear()
        self._refusals.clear()

    def _serve(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        asked, body = _read(environ)
        with self._lock:
            self.requests.append(asked)
            refusal = self._refusal(asked)
        if refusal is not None:
            return _send(start_response, _error(environ, asked.api, refusal))
        if asked.api == "cloudtrail:LookupEvents":
            return _send(start_response, self._lookup(environ, asked))
        if asked.api not in PAGED:
            environ["wsgi.input"] = io.BytesIO(body)
            return self._forward(environ, start_response)
        return _send(start_response, self._page(environ, asked))

    def _refusal(self, asked: Asked) -> Refusal | None:
        refusals = self._refusals.get(asked.api, [])
        for index, refusal in enumerate(refusals):
            elsewhere = refusal.region not in ("", asked.region)
            other = any(asked.parameters.get(key) != value for key, value in refusal.only.items())
            if refusal.times == 0 or elsewhere or other:
                continue
            if refusal.times is not None:
                refusals[index] = refusal._replace(times=refusal.times - 1)
            return refusal
        return None

    def _forward(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return self._moto(environ, start_response)

    def _page(self, environ: dict[str, Any], asked: Asked) -> Answer:
        """Get everything from moto, and give a page of it."""
        status, kind, whole = self._whole(environ, asked)
        if status != 200:
            return status, kind, whole
        marker = asked.parameters.get("Marker")
        if marker is None and self.first_page_empty:
            return 200, kind, _sliced(whole, PAGED[asked.api], 0, 0)
        start = int(base64.b64decode(marker)) if marker else 0
        size = min(self.page_size, int(asked.parameters.get("MaxItems", 100)))
        return 200, kind, _sliced(whole, PAGED[asked.api], start, size)

    def _whole(self, environ: dict[str, Any], asked: Asked) -> Answer:
        parameters = {key: value for key, value in asked.parameters.items() if key not in ("Marker", "MaxItems")}
        body = urlencode(parameters).encode()
        environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        got: list[Any] = []
        content = b"".join(self._forward(environ, lambda status, headers, *_rest: got.extend((status, dict(headers)))))
        return int(got[0].split()[0]), got[1]["Content-Type"], content

    def _lookup(self, environ: dict[str, Any], asked: Asked) -> Answer:
        now = self._clock()
        with self._lock:
            self.lookups.append(now)
            if sum(now - before < 1 for before in self.lookups) > 2:
                return _error(environ, asked.api, Refusal("ThrottlingException", 400, None, {}))
        attribute = asked.parameters["LookupAttributes"][0]
        found = [event for event in self.events if event["eventName"] == attribute["AttributeValue"]]
        start = int(asked.parameters.get("NextToken", 0))
        end = start + min(50, asked.parameters.get("MaxResults", 50))
        answer: dict[str, Any] = {
            "Events": [
                {"EventName": event["eventName"], "CloudTrailEvent": json.dumps(event)} for event in found[start:end]
            ]
        }
        if end < len(found):
            answer["NextToken"] = str(end)
        return 200, "application/x-amz-json-1.1", json.dumps(answer).encode()


class _Handler(MotoRequestHandler):
    def log(self, *_arguments: Any) -> None:
        """Stay silent."""


def _read(environ: dict[str, Any]) -> tuple[Asked, bytes]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    region, service = (scope[2], scope[3]) if len(scope) > 3 else ("", "")
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    parameters: dict[str, Any] = {}
    if target:
        parameters = json.loads(body or b"{}")
        operation = target.rpartition(".")[2]
    elif "/operation/" in environ["PATH_INFO"]:
        operation = environ["PATH_INFO"].rpartition("/")[2]
    else:
        parameters = dict(parse_qsl(body.decode(), keep_blank_values=True))
        operation = parameters.get("Action", "")
    return Asked(f"{SERVICES.get(service, service)}:{operation}", region, parameters), body


def _send(start_response: StartResponse, answer: Answer) -> Iterable[bytes]:
    status, kind, content = answer
    headers = [("Content-Type", kind), ("Content-Length", str(len(content)))]
    if kind == "application/cbor":
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    start_response(f"{status} {'OK' if status == 200 else 'Refused'}", headers)
    return [content]


def _error(environ: dict[str, Any], api: str, refusal: Refusal) -> Answer:
    """Refuse in the language of the service's protocol."""
    message = f"User: arn:aws:iam::{ACCOUNT}:user/auditor is refused {api} by this test"
    if "/operation/" in environ["PATH_INFO"]:
        return refusal.status, "application/cbor", _cbor({"__type": refusal.code, "message": message})
    if environ.get("HTTP_X_AMZ_TARGET"):
        text = json.dumps({"__type": refusal.code, "message": message})
        return refusal.status, "application/x-amz-json-1.1", text.encode()
    text = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{refusal.code}</Code><Message>{message}</Message></Error>"
        "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
    )
    return refusal.status, "text/xml", text.encode()


def _cbor(texts: dict[str, str]) -> bytes:
    """Encode a map of short texts (RFC 8949): major type 5, then texts with a one-byte length."""
    encoded = [
        b"\x78" + bytes([len(text)]) + text for pair in texts.items() for text in (part.encode() for part in pair)
    ]
    return bytes([0xA0 + len(texts)]) + b"".join(encoded)


def _sliced(whole: bytes, lists: tuple[str, ...], start: int, size: int) -> bytes:
    """Keep only some entries of an answer's lists, counted through all of them, and say whether there are more."""
    root = ElementTree.fromstring(whole)  # noqa: S314 - moto's own answer
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    result = next(child for child in root if child.tag.endswith("Result"))
    position = 0
    for name in lists:
        entries = result.find(f"{space}{name}")
        for entry in list(entries if entries is not None else ()):
            if not start <= position < start + size:
                entries.remove(entry)  # type: ignore[union-attr]
            position += 1
    for name in ("IsTruncated", "Marker"):
        for old in result.findall(f"{space}{name}"):
            result.remove(old)
    more = start + size < position
    ElementTree.SubElement(result, f"{space}IsTruncated").text = str(more).lower()
    if more:
        ElementTree.SubElement(result, f"{space}Marker").text = base64.b64encode(str(start + size).encode()).decode()
    return ElementTree.tostring(root)
