"""Whatever is pasted or collected: there is a diagnosis, always the same, with evidence, and no secret in it."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis import kinds
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.error_text import read_error_text
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import (
    CODES,
    NO_CORRELATION,
    Diagnosis,
    Facts,
    Host,
    Known,
    Unknown,
    to_dict,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.redact import redact
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.timeline import LIFECYCLE_EVENTS
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Device, PolicyRef
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.rigs.diagnosis import (
    ALICE,
    ALLOW_ALL,
    BAD_CODE,
    BAD_SERIAL,
    DEAD_ALLOW,
    DENY_WITHOUT_MFA,
    DEVICE,
    EXPLICIT,
    FACTS,
    FIDO,
    OLD,
    ROLE,
    SERIAL,
    TRUST_WITH_MFA,
    USER,
    ask,
    bad_code,
    bad_serial,
    denied,
    device_event,
    inline,
    policy,
    record,
    taken,
    trust,
    written,
)

AGO = st.integers(0, 50 * 3600)
SERIALS = st.sampled_from(["", SERIAL, OLD, FIDO, ALICE, "GAHT12345678", "not a serial"])
USERS = st.sampled_from(["alice", "bob", "carol", "dave"])
DEVICES = st.sampled_from(
    [DEVICE, Device(OLD, "virtual", "alice"), Device(FIDO, "fido", "alice"), DEVICE._replace(user=None)]
)
UNKNOWN = st.builds(Unknown, st.sampled_from(["not collected", "AccessDenied"]))
POLICIES = [
    inline(ALLOW_ALL),
    inline(ALLOW_ALL, DENY_WITHOUT_MFA),
    inline({**DEAD_ALLOW, "Resource": "*"}),
    PolicyRef("inline:broken", ALICE, "{"),
]
RECORDS = st.lists(
    st.one_of(
        st.builds(bad_code, AGO, USERS, SERIALS),
        st.builds(bad_serial, AGO, SERIALS),
        st.builds(taken, AGO, SERIALS, USERS),
        st.builds(denied, AGO),
        st.builds(
            device_event,
            st.sampled_from(LIFECYCLE_EVENTS),
            AGO, SERIALS, USERS,
        ),
        st.builds(
            lambda ago, user: record(
                "PutUserPolicy", ago, "admin",
                requestParameters={"userName": user, "policyDocument": json.dumps(policy(DENY_WITHOUT_MFA))},
            ),
            AGO, USERS,
        ),
        st.dictionaries(
            st.sampled_from(["eventName", "eventTime", "errorCode", "requestParameters", "userIdentity", "eventID"]),
            st.none() | st.text(max_size=9) | st.integers() | st.dictionaries(st.text(max_size=3), st.integers()),
        ),
    ),
    max_size=8,
)  # fmt: skip
HOSTS = st.builds(
    Host,
    name=st.just("laptop"),
    verdict=st.sampled_from(["compliant", "noncompliant", "unknown"]),
    offset_s=st.none() | st.floats(-1e6, 1e6),
    bound_s=st.none() | st.floats(0, 1e6),
    measured_at=st.sampled_from(["", "never", written(1_795_348_000), written(0)]),
)


def part(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return UNKNOWN | st.builds(Known, values)


ALL_FACTS = st.builds(
    Facts,
    user=part(st.sampled_from([None, USER])),
    devices=part(st.lists(DEVICES, max_size=3, unique=True).map(tuple)),
    inventory=part(st.lists(DEVICES, max_size=3, unique=True).map(tuple)),
    policies=part(st.lists(st.sampled_from(POLICIES), max_size=2).map(tuple)),
    boundary=part(st.none()),
    scps=part(st.just(())),
    trust=part(st.sampled_from([None, trust(DEAD_ALLOW), trust(TRUST_WITH_MFA)])),
    records=part(RECORDS.map(tuple)),
    metrics=part(st.just(())),
    health=part(st.just(())),
    host=part(HOSTS),
)
TEXTS = st.sampled_from(["", BAD_CODE, BAD_SERIAL, EXPLICIT]) | st.text(max_size=60)


@given(ALL_FACTS, TEXTS, st.sampled_from(["", SERIAL, OLD]), st.sampled_from(["", ROLE]))
def test_there_is_a_diagnosis_of_anything(facts: Facts, text: str, serial: str, role: str) -> None:
    found = ask(facts, error_text=text, serial=serial, role_arn=role)
    check(found, facts)
    assert ask(facts, error_text=text, serial=serial, role_arn=role) == found
    if isinstance(facts.records, Known):
        # Of the same second, the order of the records is all that there is.
        times = [one.get("eventTime") for one in facts.records.value]
        assume(len(set(map(str, times))) == len(times))
        turned = facts._replace(records=Known(tuple(reversed(facts.records.value))))
        assert ask(turned, error_text=text, serial=serial, role_arn=role) == found


def check(found: Diagnosis, facts: Facts) -> None:
    names = [cause.code for cause in found.causes]
    assert names
    assert len(names) == len(set(names))
    assert set(names) <= set(CODES)
    assert all(cause.evidence and cause.confirm and cause.next and 0 <= cause.score <= 1 for cause in found.causes)
    assert all(one.text for cause in found.causes for one in cause.evidence)
    scores = [cause.score for cause in found.causes]
    assert scores == sorted(scores, reverse=True)
    assert found.correlated == (NO_CORRELATION not in names) == (found.causes[0].confidence != "low")
    assert NO_CORRELATION not in names[1:]
    assert found.widen is not found.correlated
    unknown = {name for name in Facts._fields if isinstance(getattr(facts, name), Unknown)} - {"trust"}
    assert unknown <= {gap.part for gap in found.gaps}
    assert json.loads(json.dumps(to_dict(found))) == to_dict(found)


@given(ALL_FACTS, st.sampled_from(["devices", "records", "policies", "host"]))
def test_not_knowing_makes_nothing_of_high_confidence_that_rests_on_it(facts: Facts, name: str) -> None:
    """Only what the records or the error text say by themselves may stay as certain as it was."""
    blind = facts._replace(devices=Unknown("x"), records=Unknown("x"), policies=Unknown("x"), host=Unknown("x"))
    assert all(cause.confidence != "high" or cause.code in _OF_ACCOUNT for cause in ask(blind).causes)
    assert name in {gap.part for gap in ask(blind).gaps}


# The user that is not there, and the trust policy.
_OF_ACCOUNT = {"no_such_user", "condition_never_holds"}


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    read = read_error_text(text)
    assert (read is None) == (not text.replace("\x00", " ").strip())


NOISE = st.text(st.characters(codec="ascii", exclude_characters="\n<\x1b"), max_size=30).filter(
    lambda text: "error" not in text.lower() and "mfa" not in text.lower()
)


@given(NOISE, NOISE, st.sampled_from([BAD_CODE, BAD_SERIAL]))
def test_the_look_alikes_are_told_apart_whatever_stands_around(before: str, after: str, message: str) -> None:
    text = f"{before}\nAn error occurred (AccessDenied) when calling the AssumeRole operation: {message}\n\n{after}"
    read = read_error_text(text)
    assert read is not None
    assert read.kind == (kinds.CODE if message == BAD_CODE else kinds.SERIAL)


CODE = st.from_regex(r"[0-9]{6}", fullmatch=True)
WORD = st.sampled_from(["--token-code ", "code ", "TokenCode=", "code1: ", "MFA code ", "--authentication-code-1 ", ""])


@given(CODE, WORD, st.sampled_from([BAD_CODE, BAD_SERIAL, "no message"]))
def test_no_code_of_a_paste_comes_back(code: str, word: str, message: str) -> None:
    text = f"$ aws sts get-session-token --serial-number {SERIAL} --token-code {code}\n"
    text += f"An error occurred (AccessDenied) when calling the GetSessionToken operation: {message} {word}{code}"
    assume(code not in SERIAL and code not in ROLE)
    said = json.dumps(to_dict(ask(FACTS, error_text=text, user="")))
    assert f" {code}" not in said
    assert f"={code}" not in said


@given(st.from_regex(r"[A-Z2-7]{32,64}", fullmatch=True), st.from_regex(r"(AKIA|ASIA)[A-Z0-9]{16}", fullmatch=True))
def test_no_seed_and_no_key_comes_back(seed: str, key: str) -> None:
    assert seed not in redact(f"seed {seed} of {key}")
    assert key not in redact(f"{key}: not valid")
