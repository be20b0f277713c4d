"""Requests and answers as they go over HTTP: query, JSON and CBOR protocols, errors in each of them.

What is answered here rather than by moto is written and checked by the service's own model, so a botocore client
understands it, and refuses what AWS refuses.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from botocore.model import OperationNotFoundError, Shape
from moto.core.model import OperationModel
from moto.core.serialize import QuerySerializer, SerializationContext
from moto.core.utils import get_service_model

# The service's name in a signature, where it is not the client's.
SERVICES = {"monitoring": "cloudwatch"}
STATUS = {"AccessDenied": 403, "ExpiredToken": 403, "InvalidClientTokenId": 403, "SignatureDoesNotMatch": 403}
_JSON = "application/x-amz-json-1.1"

StartResponse = Callable[..., Any]


class Answer(NamedTuple):
    status: int
    kind: str
    content: bytes


class Asked(NamedTuple):
    """A request: "iam:ListMFADevices", where it was signed for, and with what."""

    api: str
    region: str
    parameters: dict[str, Any]
    key: str = ""
    token: str = ""
    source: str = ""
    agent: str = ""

    @property
    def service(self) -> str:
        return self.api.partition(":")[0]

    @property
    def operation(self) -> str:
        return self.api.partition(":")[2]


class ApiError(Exception):
    """What AWS refuses, and how; the status is the model's where the model knows the error."""

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def read_request(environ: dict[str, Any]) -> tuple[Asked, bytes]:
    """Return what a request asks, and its body."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    key, region, service = (scope[0], scope[2], scope[3]) if len(scope) > 3 else ("", "", "")
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
    asked = Asked(
        f"{SERVICES.get(service, service)}:{operation}",
        region,
        parameters,
        key,
        environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""),
        environ.get("REMOTE_ADDR", ""),
        environ.get("HTTP_USER_AGENT", ""),
    )
    return asked, body


def send(start_response: StartResponse, answer: Answer, request_id: str) -> Iterable[bytes]:
    """Put an answer on the wire."""
    headers = [
        ("Content-Type", answer.kind),
        ("Content-Length", str(len(answer.content))),
        ("x-amzn-RequestId", request_id),
    ]
    if answer.kind == "application/cbor":
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    start_response(f"{answer.status} {'OK' if answer.status == 200 else 'Refused'}", headers)
    return [answer.content]


def new_request_id() -> str:
    return str(uuid.uuid4())


def as_answer(asked: Asked, result: dict[str, Any], request_id: str) -> Answer:
    """Write a result as the service's protocol has it; a member the model does not know is left out by it."""
    if asked.service not in ("iam", "sts"):
        return Answer(200, _JSON, json.dumps(result).encode())
    serializer = QuerySerializer(_model(asked), SerializationContext(request_id))
    body = serializer.serialize(result)["body"]
    return Answer(200, "text/xml", body if isinstance(body, bytes) else body.encode())


def as_error(environ: dict[str, Any], asked: Asked, error: ApiError, request_id: str) -> Answer:
    """Refuse in the language of the service's protocol."""
    status = error.status or _status(asked, error.code)
    if "/operation/" in environ["PATH_INFO"]:
        return Answer(status, "application/cbor", _cbor({"__type": error.code, "message": error.message}))
    if environ.get("HTTP_X_AMZ_TARGET"):
        return Answer(status, _JSON, json.dumps({"__type": error.code, "message": error.message}).encode())
    message = error.message.replace("&", "&amp;").replace("<", "&lt;")
    text = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{error.code}</Code><Message>{message}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Answer(status, "text/xml", text.encode())


def error_of(answer: Answer) -> ApiError | None:
    """Return the error of an answer in XML, None for success."""
    if answer.status < 400:
        return None
    code = re.search(r"<Code>(.*?)</Code>", answer.content.decode(errors="replace"))
    message = re.search(r"<Message>(.*?)</Message>", answer.content.decode(errors="replace"), re.DOTALL)
    return ApiError(code[1] if code else "Unknown", message[1] if message else "", answer.status)


def members(parameters: dict[str, Any], name: str) -> list[dict[str, str]]:
    """Return a list of structures of the query protocol: Tags.member.1.Key, ..."""
    found: dict[int, dict[str, str]] = {}
    for key, value in parameters.items():
        parts = key.split(".")
        if parts[:2] == [name, "member"] and len(parts) in (3, 4):
            found.setdefault(int(parts[2]), {})["".join(parts[3:])] = value
    return [found[number] for number in sorted(found)]


def validate(asked: Asked) -> None:
    """Refuse what the service's model does not allow, as AWS words it."""
    shape = _model(asked).input_shape
    if shape is None:
        return
    found = []
    for name, member in shape.members.items():
        given = asked.parameters.get(name)
        where = name[:1].lower() + name[1:]
        if given is None:
            if name in shape.required_members and not members(asked.parameters, name):
                found.append(f"Value null at '{where}' failed to satisfy constraint: Member must not be null")
        elif wrong := _constraint(member, str(given)):
            shown = "" if "Code" in name else f" '{given}'"
            found.append(f"Value{shown} at '{where}' failed to satisfy constraint: Member must {wrong}")
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: "
        raise ApiError("ValidationError", count + "; ".join(found), 400)


def knows(asked: Asked, member: str) -> bool:
    """Whether an operation has a parameter that may be left out."""
    try:
        shape = _model(asked).input_shape
    except OperationNotFoundError:
        return False
    return shape is not None and member in shape.members and member not in shape.required_members


def _constraint(shape: Shape, value: str) -> str:
    rules = shape.metadata
    if shape.type_name == "integer":
        return _bounds(rules, int(value), "value") if re.fullmatch(r"-?\d+", value) else "be a number"
    if wrong := _bounds(rules, len(value), "length"):
        return wrong
    if "enum" in rules and value not in rules["enum"]:
        return f"satisfy enum value set: [{', '.join(rules['enum'])}]"
    pattern = rules.get("pattern")
    if pattern and shape.type_name == "string" and not re.fullmatch(_python(pattern), value, re.ASCII):
        return f"satisfy regular expression pattern: {pattern}"
    return ""


def _bounds(rules: dict[str, Any], size: int, what: str) -> str:
    if size < rules.get("min", size):
        return f"have {what} greater than or equal to {rules['min']}"
    if size > rules.get("max", size):
        return f"have {what} less than or equal to {rules['max']}"
    return ""


def _python(pattern: str) -> str:
    # The models write astral characters as five hex digits after \u.
    return re.sub(r"\\u10000-\\u10FFFF", r"\\U00010000-\\U0010FFFF", pattern)


def _model(asked: Asked) -> OperationModel:
    return get_service_model(asked.service).operation_model(asked.operation)


def error_shape(asked: Asked, code: str) -> Shape | None:
    """Return the model's shape of an error, None for one that is not the operation's own."""
    try:
        shapes = _model(asked).error_shapes if asked.service in ("iam", "sts") else []
    except OperationNotFoundError:
        return None
    return next((shape for shape in shapes if shape.metadata.get("error", {}).get("code") == code), None)


def _status(asked: Asked, code: str) -> int:
    shape = error_shape(asked, code)
    return int(shape.metadata["error"]["httpStatusCode"]) if shape else STATUS.get(code, 400)


def _cbor(texts: dict[str, str]) -> bytes:
    """Encode a map of short texts (RFC 8949): major type 5, then texts with a one-byte length."""
    encoded = [
        b"\x78" + bytes([len(text)]) + text for pair in texts.items() for text in (part.encode() for part in pair)
    ]
    return bytes([0xA0 + len(texts)]) + b"".join(encoded)
