"""Serials and snapshots of any shape: an answer or an IamError, never anything else."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.serial import KINDS, parse_serial
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.snapshot import (
    SNAPSHOT_PARTS,
    account_from_snapshot,
    parse_snapshot,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._iam.test_snapshot import WHOLE
from tests.unit.plugins.module_utils.test__iam_audit import SAMPLE, World, run

PIECES = ("arn:", "aws", "aws-cn", ":", "iam", "::", "123456789012", "mfa/", "u2f/", "user/", "sms-mfa/", "/", "alice")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_text_is_some_kind_of_serial(text: str) -> None:
    serial = parse_serial(text)
    assert serial.kind in KINDS
    assert serial.text == text
    assert bool(serial.problem) == (serial.kind == "malformed")
    if serial.kind != "malformed":
        assert text.endswith(serial.name)
        assert serial.name
        assert parse_serial(serial.text) == serial


@given(st.lists(st.sampled_from(("a", "b.c", "staff")), max_size=3), st.from_regex(r"[\w+=,.@-]{1,64}", fullmatch=True))
def test_path_and_name_put_together_give_the_serial_again(folders: list[str], name: str) -> None:
    path = "/".join(("", *folders, ""))
    serial = parse_serial(f"arn:aws:iam::123456789012:mfa{path}{name}")
    if name.isascii():
        assert (serial.path, serial.name) == (path, name)
    else:
        assert serial.kind == "malformed"


@given(st.dictionaries(st.sampled_from(SNAPSHOT_PARTS), JSON, max_size=4))
def test_any_object_is_an_account_or_an_error(snapshot: dict[str, Any]) -> None:
    with suppress(IamError):
        list(account_from_snapshot(snapshot).documents())


def one_replaced(data: st.DataObject, whole: dict[str, Any]) -> dict[str, Any]:
    snapshot = copy.deepcopy(whole)
    place: Any = snapshot
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        deeper = isinstance(place[key], (dict, list)) and place[key]
        if not deeper or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            return snapshot
        place = place[key]


@given(st.data())
def test_a_sample_with_one_value_replaced_is_audited_or_an_error(data: st.DataObject) -> None:
    content = json.dumps(one_replaced(data, json.loads(SAMPLE)))
    with suppress(IamError):
        json.dumps(run(World({"/account.json": content})), ensure_ascii=False).encode("utf-8")


@given(st.data())
def test_a_snapshot_with_one_value_replaced_is_an_account_or_an_error(data: st.DataObject) -> None:
    snapshot = one_replaced(data, WHOLE)
    with suppress(IamError):
        account = account_from_snapshot(snapshot)
        for user in account.users.values():
            list(account.user_policies(user))
        list(account.documents())


@given(st.integers(min_value=0, max_value=len(json.dumps(WHOLE)) - 1))
def test_a_file_cut_anywhere_is_an_error(length: int) -> None:
    with pytest.raises(IamError, match="Collect it again"):
        parse_snapshot(json.dumps(WHOLE)[:length])
