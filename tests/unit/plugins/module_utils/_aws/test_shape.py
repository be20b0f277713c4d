"""What of an answer goes into a snapshot."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ansible_collections.softtoken.compliance.plugins.module_utils._aws.shape import DETAILS, TRAIL_EVENT, VIRTUAL, keep


def test_seeds_and_tags_are_left_out() -> None:
    entry = {"SerialNumber": "x", "Base32StringSeed": b"SEED", "QRCodePNG": b"PNG", "Tags": [], "User": {"Arn": "a"}}
    assert keep(entry, VIRTUAL) == {"SerialNumber": "x", "User": {"Arn": "a"}}


def test_lists_of_objects_are_trimmed_entry_by_entry() -> None:
    entry = {"RoleName": "ci", "InstanceProfileList": [{"InstanceProfileName": "host", "Roles": [{"RoleName": "ci"}]}]}
    assert keep(entry, DETAILS["RoleDetailList"]) == {
        "RoleName": "ci",
        "InstanceProfileList": [{"InstanceProfileName": "host"}],
    }


def test_documents_are_kept_as_they_are() -> None:
    document = {"Statement": [{"Tags": 1, "Description": "kept"}]}
    entry = {"AssumeRolePolicyDocument": document}
    assert keep(entry, DETAILS["RoleDetailList"]) == entry


def test_moments_are_written_in_utc() -> None:
    when = datetime(2026, 11, 22, 3, 0, tzinfo=timezone(timedelta(hours=2)))
    assert keep({"EnableDate": when}, VIRTUAL) == {"EnableDate": "2026-11-22T01:00:00Z"}


def test_records_lose_keys_and_addresses_also_where_they_are_empty() -> None:
    event = {
        "eventName": "AssumeRole",
        "sourceIPAddress": "192.0.2.7",
        "userIdentity": {"userName": "alice", "accessKeyId": "AKIA", "sessionContext": {"webIdFederationData": {}}},
        "requestParameters": None,
        "responseElements": {"credentials": {"sessionToken": "x"}},
    }
    assert keep(event, TRAIL_EVENT) == {
        "eventName": "AssumeRole",
        "userIdentity": {"userName": "alice", "sessionContext": {}},
        "responseElements": {},
    }
    assert keep({}, VIRTUAL, Region="eu-west-1") == {"Region": "eu-west-1"}
