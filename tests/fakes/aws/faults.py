"""What a test has refused on purpose: denied and throttled calls."""

from __future__ import annotations

from typing import Any, NamedTuple

from .wire import ApiError, Asked

_QUERY = ("iam:", "sts:", "sns:")


class Refusal(NamedTuple):
    """What to refuse: how often (None: always), with which error, and only calls with these parameters, or there."""

    code: str
    status: int
    times: int | None
    only: dict[str, Any]
    region: str = ""
    message: str = ""


class Faults:
    """The refusals of one server."""

    def __init__(self) -> None:
        self._refusals: dict[str, list[Refusal]] = {}

    def add(self, api: str, refusal: Refusal) -> None:
        self._refusals.setdefault(api, []).append(refusal)

    def clear(self) -> None:
        self._refusals.clear()

    def check(self, asked: Asked, principal: str) -> None:
        """Refuse this call when a test wants it refused."""
        refusals = self._refusals.get(asked.api, [])
        for index, refusal in enumerate(refusals):
            elsewhere = refusal.region not in ("", asked.region)
            other = any(asked.parameters.get(key) != value for key, value in refusal.only.items())
            if refusal.times == 0 or elsewhere or other:
                continue
            if refusal.times is not None:
                refusals[index] = refusal._replace(times=refusal.times - 1)
            message = refusal.message or f"User: {principal} is refused {asked.api} by this test"
            raise ApiError(refusal.code, message, refusal.status)


def throttling(api: str) -> str:
    """Return the code with which a service says that there are too many calls."""
    return "Throttling" if api.startswith(_QUERY) else "ThrottlingException"
