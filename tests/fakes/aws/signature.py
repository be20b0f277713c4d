"""Signature version 4 of a request, checked with the secret that the account knows."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .wire import ApiError, Asked

_FORMAT = "%Y%m%dT%H%M%SZ"


def check_signature(environ: dict[str, Any], asked: Asked, body: bytes, secret: str) -> None:
    """Refuse a request that was not signed with this secret."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    names = re.search(r"SignedHeaders=([^,\s]+)", authorization)
    given = re.search(r"Signature=([0-9a-f]+)", authorization)
    scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", authorization)
    if not (names and given and scope):
        raise _refused(asked, "Request is missing Authentication Token")
    query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
    request = AWSRequest(
        method=environ["REQUEST_METHOD"],
        url=f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}{query}",
        data=body,
        headers={name: _header(environ, name) for name in names[1].split(";")},
    )
    request.context["timestamp"] = environ.get("HTTP_X_AMZ_DATE", "")
    auth = SigV4Auth(Credentials(asked.key, secret), scope[2], scope[1])
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    if not hmac.compare_digest(auth.signature(to_sign, request), given[1]):
        raise _refused(
            asked,
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
        )


def check_date(environ: dict[str, Any], asked: Asked, now: float, skew_s: float) -> None:
    """Refuse a request of a host whose clock is further off than AWS allows, with AWS's words."""
    written = environ.get("HTTP_X_AMZ_DATE", "")
    signed = datetime.strptime(written, _FORMAT).replace(tzinfo=UTC).timestamp()
    minutes = int(skew_s // 60)
    if signed < now - skew_s:
        limit = f"{_text(now - skew_s)} ({_text(now)} - {minutes} min.)"
        raise _refused(asked, f"Signature expired: {written} is now earlier than {limit}")
    if signed > now + skew_s:
        limit = f"{_text(now + skew_s)} ({_text(now)} + {minutes} min.)"
        raise _refused(asked, f"Signature not yet current: {written} is still later than {limit}")


def _header(environ: dict[str, Any], name: str) -> str:
    key = name.upper().replace("-", "_")
    return str(environ.get(f"HTTP_{key}", environ.get(key, "")))


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, tz=UTC).strftime(_FORMAT)


def _refused(asked: Asked, message: str) -> ApiError:
    query = asked.service in ("iam", "sts", "sns")
    return ApiError("SignatureDoesNotMatch" if query else "InvalidSignatureException", message, 403)
