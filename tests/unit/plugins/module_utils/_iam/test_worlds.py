"""The worlds are those of the credentials there are, and tell apart every age that a policy names."""

from __future__ import annotations

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.worlds import (
    MAX_AGE_S,
    ROLE_SESSIONS,
    WITH_MFA,
    WITHOUT_MFA,
    WORLDS,
    worlds_for,
)


def policy(*values: object, key: str = "aws:MultiFactorAuthAge", operator: str = "NumericLessThan") -> object:
    condition = {operator: {key: list(values)}}
    return {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}}


def ages(*values: object, **place: str) -> list[int]:
    more = worlds_for([parse_document(policy(*values, **place), "a policy")])
    assert more[: len(WORLDS)] == WORLDS
    assert {world.credential for world in more[len(WORLDS) :]} <= {"session_with_mfa"}
    return [world.age_s for world in more[len(WORLDS) :] if world.age_s is not None]


def test_age_comes_with_mfa_and_never_without() -> None:
    assert set(WITH_MFA) | set(WITHOUT_MFA) == set(WORLDS)
    assert all(world.age_s is not None and 0 <= world.age_s <= MAX_AGE_S for world in WITH_MFA)
    assert all(world.age_s is None for world in WITHOUT_MFA)


def test_names_are_unique_and_credentials_are_the_findings_own() -> None:
    assert len({world.name for world in WORLDS}) == len(WORLDS)
    assert {world.credential for world in WORLDS} == {
        "long_term_key", "session_without_mfa", "session_with_mfa", "role_session", "federated", "service",
    }  # fmt: skip
    assert {world.present for world in ROLE_SESSIONS} == {None, False}


def test_each_side_of_every_age_is_a_world() -> None:
    assert ages(3600) == [3599, 3600, 3601]
    assert ages("3600", 60.5) == [59, 60, 61, 3599, 3600, 3601]
    assert ages(1, MAX_AGE_S) == [2, MAX_AGE_S - 1]


def test_an_age_that_no_session_has_makes_no_world() -> None:
    assert ages("-5", "1e400", "200000", "an hour", "") == []
    assert ages(3600, key="s3:max-keys") == []
    assert ages(3600, operator="StringEquals") == []
