"""AWS on loopback: moto's services behind real HTTP, with what moto leaves out.

moto checks no code, knows no replay, no drift and no rule of MFA, answers GetAccountAuthorizationDetails in one piece
whatever MaxItems says, never refuses and never throttles, and has no LookupEvents. This server stands in front of it:
what is about MFA devices and sessions it answers itself, the rest it pages, refuses and counts.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import botocore.session
from botocore.config import Config
from moto.iam.models import IAMBackend
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from . import config_rules, trail
from .authorise import Authority
from .faults import Faults, Refusal, throttling
from .iam_mfa import Call, DeviceCalls, Result
from .identity import KEYS, OPERATOR, Caller, Identities, Keys
from .pages import PAGED, sliced, start_of
from .people import People
from .queries import Queries, Trail
from .signature import check_date, check_signature
from .state import REGION, Rules, State
from .sts import TokenCalls
from .users import UserCalls
from .wire import (
    Answer,
    ApiError,
    Asked,
    StartResponse,
    as_answer,
    as_error,
    error_of,
    knows,
    new_request_id,
    read_request,
    send,
    validate,
)

_RECORDED = ("iam", "sts")


class FakeAws(People):
    """The server; use as a context manager. moto's state is one for the process: entering empties it.

    ``true_time`` is what codes are checked against, and may be replaced at any moment. ``rules`` says how this AWS
    behaves where AWS itself does not say; ``window`` and ``enforce`` are the two rules that are asked for most.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        page_size: int = 1000,
        first_page_empty: bool = False,
        clock: Callable[[], float] = time.monotonic,
        true_time: Callable[[], float] = time.time,
        window: int = 1,
        enforce: bool = False,
    ) -> None:
        self.page_size = page_size
        self.first_page_empty = first_page_empty
        self.requests: list[Asked] = []
        self.events: list[dict[str, Any]] = []  # CloudTrail records, newest first
        self.lookups: list[tuple[str, float]] = []  # where and when
        self.trail = Trail()
        self.state = State(true_time, Rules(window=window, enforce=enforce))
        self._clock = clock
        self._faults = Faults()
        self._authority = Authority(self.state)
        self._identities = Identities(self.state)
        self._tokens = TokenCalls(self.state, self._identities, self._authority)
        self._handlers: dict[str, Callable[[Call], Result]] = {
            **DeviceCalls(self.state).handlers,
            **self._tokens.handlers,
            **Queries(self.trail, lambda: self.events).handlers,
            "cloudtrail:LookupEvents": self._lookup,
        }
        self._checks: dict[str, list[Callable[[Call], None]]] = {
            **UserCalls(self.state).checks,
            **config_rules.CHECKS,
        }
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self._session = botocore.session.Session()
        self._server = make_server(host, port, self._serve, threaded=True, request_handler=_Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://{self._server.host}:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find this AWS and no other."""
        return self.environment_of(Keys(*KEYS.values()))

    @property
    def iam(self) -> IAMBackend:
        """moto's own state, for what no API can bring about (root's devices)."""
        return self.state.iam

    @property
    def rules(self) -> Rules:
        return self.state.rules

    @property
    def true_time(self) -> Callable[[], float]:
        return self.state.true_time

    @true_time.setter
    def true_time(self, clock: Callable[[], float]) -> None:
        self.state.true_time = clock

    def __enter__(self) -> Self:
        self.reset()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment_of(self, keys: Keys) -> dict[str, str]:
        """What a program needs to be somebody here."""
        return {
            **keys.environment,
            "AWS_URL": self.endpoint,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
        }

    def client(
        self, service: str, *, region: str = REGION, config: Config | None = None, keys: Keys | None = None
    ) -> Any:
        """Return a client of this AWS, the operator's unless keys are given; stands in for AnsibleAWSModule.client."""
        keys = keys or Keys(*KEYS.values())
        return self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token or None,
            config=config,
        )

    def deny(self, api: str, *, code: str = "AccessDenied", status: int = 403, region: str = "", **only: Any) -> None:
        """Refuse every call of an API (with these parameters, in this region)."""
        self._faults.add(api, Refusal(code, status, None, only, region))

    def fail(self, api: str, code: str, times: int, *, status: int = 0, message: str = "", **only: Any) -> None:
        """Refuse the next calls of an API with an error."""
        self._faults.add(api, Refusal(code, status, times, only, message=message))

    def throttle(self, api: str, times: int, **only: Any) -> None:
        """Refuse the next calls of an API as too many."""
        self._faults.add(api, Refusal(throttling(api), 400, times, only))

    def count(self, api: str) -> int:
        """Return how many requests of an API came in, refused ones included."""
        return sum(asked.api == api for asked in self.requests)

    def forget(self) -> None:
        """Start counting anew, and refuse nothing any more."""
        self.requests.clear()
        self.lookups.clear()
        self._faults.clear()

    def reset(self) -> None:
        """Empty the account: nobody, nothing, no session, no record; the rules stay."""
        moto_api_backend.reset()
        self.state.clear()
        self._identities.end()
        self.events.clear()
        self.forget()

    def _serve(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        asked, body = read_request(environ)
        request_id = new_request_id()
        caller: Caller | None = None
        result: Result = {}
        error: ApiError | None = None
        with self._lock:
            self.requests.append(asked)
        try:
            with self._lock:
                self._faults.check(asked, OPERATOR)
            caller = self._authentic(environ, asked, body)
            asked = self._with_user(asked, caller)
            self._authority.check(asked, caller)
            answer, result = self._answer(environ, Call(asked, caller), body, request_id)
            error = error_of(answer) if asked.service in _RECORDED else None
        except ApiError as refused:
            error = refused
            answer = as_error(environ, asked, refused, request_id)
        self._record(asked, caller, trail.Outcome(result, error, request_id))
        return send(start_response, answer, request_id)

    def _authentic(self, environ: dict[str, Any], asked: Asked, body: bytes) -> Caller:
        """Return who calls, and can show it."""
        caller = self._identities.caller(asked)
        if self.rules.skew_s:
            check_date(environ, asked, self.state.true_time(), self.rules.skew_s)
        check_signature(environ, asked, body, self._identities.secret(caller))
        return caller

    def _answer(self, environ: dict[str, Any], call: Call, body: bytes, request_id: str) -> tuple[Answer, Result]:
        api = call.asked.api
        if api in self._handlers:
            if call.asked.service in _RECORDED:
                validate(call.asked)
            result = self._handlers[api](call)
            whole = as_answer(call.asked, result, request_id)
        else:
            for check in self._checks.get(api, ()):
                check(call)
            result = {}
            whole = self._forward(environ, call.asked, body)
            if api == "iam:CreateUser" and whole.status == 200:
                before, after = self.state.give_id(call.get("UserName"))
                whole = whole._replace(content=whole.content.replace(before.encode(), after.encode()))
        if api in PAGED and whole.status == 200:
            whole = whole._replace(content=self._page(whole.content, call.asked))
        return whole, result

    def _forward(self, environ: dict[str, Any], asked: Asked, body: bytes) -> Answer:
        """Let moto answer. It gets everything at once: pages are cut here."""
        if asked.service in _RECORDED:
            given = {key: value for key, value in asked.parameters.items() if key not in _cut(asked)}
            body = urlencode(given).encode()
        environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        got: list[Any] = []
        with self.state.lock:
            chunks = self._moto(environ, lambda status, headers, *_rest: got.extend((status, dict(headers))))
            content = b"".join(chunks)
        return Answer(int(got[0].split()[0]), got[1].get("Content-Type", ""), content)

    def _page(self, whole: bytes, asked: Asked) -> bytes:
        marker = asked.parameters.get("Marker")
        if marker is None and self.first_page_empty:
            return sliced(whole, PAGED[asked.api], 0, 0)
        size = min(self.page_size, int(asked.parameters.get("MaxItems", 100)))
        return sliced(whole, PAGED[asked.api], start_of(marker), size)

    def _with_user(self, asked: Asked, caller: Caller) -> Asked:
        """Name the caller where a call may leave the user out: moto does not know sessions."""
        if asked.service != "iam" or not caller.user or "UserName" in asked.parameters or not knows(asked, "UserName"):
            return asked
        return asked._replace(parameters={**asked.parameters, "UserName": caller.user})

    def _lookup(self, call: Call) -> Result:
        now, region = self._clock(), call.asked.region
        with self._lock:
            self.lookups.append((region, now))
            # Two a second for each account and region.
            if sum(where == region and now - before < 1 for where, before in self.lookups) > 2:
                raise ApiError("ThrottlingException", "Rate exceeded")
        events = [event for event in self.events if event.get("awsRegion", REGION) == region]
        return trail.lookup(self.state, events, call.asked.parameters)

    def _record(self, asked: Asked, caller: Caller | None, outcome: trail.Outcome) -> None:
        throttled = outcome.error is not None and outcome.error.code == throttling(asked.api)
        if asked.service in _RECORDED and asked.operation and not throttled:
            with self._lock:
                self.events.insert(0, trail.record_call(self.state, asked, caller, outcome))


class _Handler(MotoRequestHandler):
    def log(self, *_arguments: Any) -> None:
        """Stay silent."""


def _cut(asked: Asked) -> tuple[str, ...]:
    return ("Marker", "MaxItems") if asked.api in PAGED else ()
