"""Who is asked for devices: everybody who may hold one, and nobody else."""

from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.devices import Reported, holders_to_ask


def row(user: str, *, password: bool, mfa: bool) -> dict[str, str]:
    return {"user": user, "password_enabled": str(password).lower(), "mfa_active": str(mfa).lower()}


ROWS = [
    row("console-mfa", password=True, mfa=True),
    row("console-none", password=True, mfa=False),
    row("keys-mfa", password=False, mfa=True),
    row("keys-none", password=False, mfa=False),
    row("just-enrolled", password=False, mfa=False),
    row("<root_account>", password=True, mfa=True),
]
USERS = ["console-mfa", "console-none", "keys-mfa", "keys-none", "just-enrolled", "just-created"]
VIRTUAL = {"console-mfa", "just-enrolled"}


@pytest.mark.parametrize(
    ("fresh", "asked"),
    [
        (True, ["console-mfa", "keys-mfa", "just-enrolled", "just-created"]),
        (False, ["console-mfa", "console-none", "keys-mfa", "just-enrolled", "just-created"]),
    ],
)
def test_who_is_asked(fresh: bool, asked: list[str]) -> None:
    assert holders_to_ask(USERS, VIRTUAL, Reported(ROWS, fresh)) == asked


def test_without_a_report_everybody_may_hold_one() -> None:
    assert holders_to_ask(USERS, VIRTUAL, None) == USERS
