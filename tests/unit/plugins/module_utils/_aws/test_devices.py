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
VIRTUAL = {"console-mfa": 1, "just-enrolled": 1}


@pytest.mark.parametrize(
    ("fresh", "beside_virtual", "asked", "left_out"),
    [
        (True, True, ["console-mfa", "keys-mfa", "just-enrolled", "just-created"], []),
        (False, True, ["console-mfa", "console-none", "keys-mfa", "just-enrolled", "just-created"], []),
        (True, False, ["keys-mfa", "just-created"], ["console-mfa", "just-enrolled"]),
    ],
)
def test_who_is_asked(fresh: bool, beside_virtual: bool, asked: list[str], left_out: list[str]) -> None:
    report = Reported(ROWS, fresh)
    assert holders_to_ask(USERS, VIRTUAL, report, beside_virtual=beside_virtual) == (asked, left_out)


def test_without_a_report_everybody_may_hold_one() -> None:
    assert holders_to_ask(USERS, VIRTUAL, None, beside_virtual=True) == (USERS, [])
