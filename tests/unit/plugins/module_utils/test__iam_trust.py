"""The flow of the repair: read, decide, save, write, read back, with an IAM and files that do what they are told."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust import (
    RoleTrust,
    TrustPorts,
    run_trust,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust_plan import digest

from tests.rigs.iam_rules import ACCOUNT, AGE, PRESENT, ROLE, ROOT, USER, policy, trusting

BROKEN = policy(trusting({"AWS": ROOT}, {"ArnLike": {AGE: f"arn:aws:iam::{ACCOUNT}:mfa/old-device"}}))
INTENDED = policy(trusting({"AWS": ROOT}, {"Bool": {PRESENT: "true"}, "NumericLessThan": {AGE: "3600"}}))
LATER = policy(trusting({"AWS": USER}, {"Bool": {PRESENT: "true"}}))
BACKUP = "/backup/ops.json"


class World:
    """IAM with one role, and files; everything that is done is in ``log``."""

    def __init__(self, document: Any) -> None:
        self.role = RoleTrust("ops", ROLE, "/", "AROAEXAMPLEEXAMPLE01", copy.deepcopy(document))
        self.files: dict[str, str] = {}
        self.log: list[str] = []
        self.edits: dict[int, Any] = {}  # what somebody else writes before which read
        self.fails: dict[int, Exception] = {}  # which read fails
        self.hidden = 0  # how many reads after the write still show the old policy
        self.texts: list[str] = []
        self.waited: list[float] = []
        self._old: Any = None
        self._reads = 0

    def read_role(self, _name: str) -> RoleTrust:
        self._reads += 1
        self.log.append("read")
        if self._reads in self.fails:
            raise self.fails[self._reads]
        if self._reads in self.edits:
            self.role = self.role._replace(document=self.edits[self._reads])
        if self._old is not None and self.hidden > 0:
            self.hidden -= 1
            return self.role._replace(document=self._old)
        return self.role

    def write_trust(self, _name: str, text: str) -> None:
        self.log.append("write")
        self.texts.append(text)
        self._old = self.role.document
        self.role = self.role._replace(document=json.loads(text))

    def write_private(self, path: str, text: str) -> None:
        self.log.append("save")
        self.files[path] = text

    def run(self, *, check_mode: bool = False, ports: Any = None, **parameters: Any) -> dict[str, Any]:
        defaults: dict[str, Any] = {
            "role": "ops", "state": "present", "policy": None, "fix_rules": None, "backup": None, "expected": None,
            "lockout_check": True, "trusted_accounts": [], "severity_threshold": "info",
        }  # fmt: skip
        whole = TrustPorts(self.read_role, self.write_trust, self.files.get, self.write_private, self.waited.append)
        return run_trust({**defaults, **parameters}, whole._replace(**(ports or {})), check_mode=check_mode)

    def refuses(self, says: str, **parameters: Any) -> None:
        """Expect an error, and nothing written."""
        before = copy.deepcopy(self.role), dict(self.files)
        with pytest.raises(IamError, match=says):
            self.run(**parameters)
        assert (self.role, self.files) == before
        assert "write" not in self.log


@pytest.fixture
def world() -> World:
    return World(BROKEN)


FIX: dict[str, Any] = {"fix_rules": ["MFA-C01"]}


def test_the_policy_is_saved_before_it_is_written_and_read_back_after(world: World) -> None:
    result = world.run(**FIX, backup=BACKUP)
    assert world.log == ["read", "save", "read", "write", "read"]
    assert world.role.document == INTENDED
    assert (result["changed"], result["previous"], result["policy"]) == (True, BROKEN, INTENDED)
    assert (result["previous_hash"], result["policy_hash"]) == (digest(BROKEN), digest(INTENDED))
    assert json.loads(result["diff"]["before"]) == BROKEN
    assert json.loads(result["diff"]["after"]) == INTENDED
    assert result["backup"] == BACKUP
    assert json.loads(world.files[BACKUP])["previous"] == BROKEN


def test_a_second_run_changes_nothing_and_keeps_the_backup(world: World) -> None:
    world.run(**FIX, backup=BACKUP)
    saved, world.log = dict(world.files), []
    result = world.run(**FIX, backup=BACKUP)
    assert (result["changed"], result["backup"], result["diff"]["before"]) == (False, None, result["diff"]["after"])
    assert (world.log, world.files) == (["read"], saved)


def test_check_mode_says_the_same_and_writes_nothing(world: World) -> None:
    planned = world.run(check_mode=True, **FIX, backup=BACKUP)
    assert (world.log, world.files, world.role.document) == (["read"], {}, BROKEN)
    assert planned == world.run(**FIX, backup=BACKUP)


def test_a_snapshot_is_for_check_mode_alone(world: World) -> None:
    planned = world.run(check_mode=True, **FIX, snapshot="kept.json")
    assert planned["policy"] == INTENDED
    world.log.clear()
    world.refuses("kept.json only shows what would be done", **FIX, snapshot="kept.json")
    assert world.log == []


def test_check_mode_finds_a_backup_in_the_way_too(world: World) -> None:
    world.files[BACKUP] = json.dumps({"role_arn": "x", "previous": {}, "replacement_hash": "y"})
    world.refuses("holds another backup already", check_mode=True, **FIX, backup=BACKUP)


# --- edits by others -------------------------------------------------------------------------------------------------


def test_another_policy_than_expected_is_not_touched(world: World) -> None:
    world.refuses("is not the expected one", **FIX, expected=digest(INTENDED))


def test_an_edit_before_the_write_is_seen(world: World) -> None:
    world.edits[2] = LATER
    with pytest.raises(IamError, match="changed by somebody else while this ran: nothing was written"):
        world.run(**FIX)
    assert world.role.document == LATER
    assert "write" not in world.log


def test_a_role_made_anew_before_the_write_is_another_role(world: World) -> None:
    again = world.role._replace(id="AROAEXAMPLEEXAMPLE02")
    roles = iter([world.role, again])
    with pytest.raises(IamError, match="changed by somebody else"):
        world.run(**FIX, ports={"read_role": lambda _name: next(roles)})
    assert "write" not in world.log


def test_an_edit_after_the_write_is_seen(world: World) -> None:
    world.edits[3] = LATER
    with pytest.raises(IamError, match="was written, and IAM shows another one"):
        world.run(**FIX)


def test_iam_may_take_its_time_to_show_what_was_written(world: World) -> None:
    world.hidden = 3
    assert world.run(**FIX)["changed"] is True
    assert len(world.waited) == 3


def test_a_write_that_never_shows_is_an_error(world: World) -> None:
    world.hidden = 99
    with pytest.raises(IamError, match="IAM still shows the old one"):
        world.run(**FIX)
    assert len(world.waited) < 99 - world.hidden  # nobody waits for a look that does not come


def test_a_failed_read_after_the_write_says_that_it_was_written(world: World) -> None:
    world.fails[3] = IamError("role ops: iam:GetRole failed: Throttling: slow")
    with pytest.raises(IamError, match="was written, and cannot be read back to verify it: role ops: iam:GetRole"):
        world.run(**FIX)
    assert world.role.document == INTENDED


# --- guards ----------------------------------------------------------------------------------------------------------


def test_a_lockout_is_refused_unless_wanted() -> None:
    world = World(INTENDED)
    world.refuses("locks out arn:aws:iam::123456789012:root", policy=BROKEN)
    assert world.run(policy=BROKEN, lockout_check=False)["locked_out"] == [ROOT]


def test_what_no_account_takes_is_not_sent(world: World) -> None:
    long = policy(trusting({"AWS": ROOT}, {"StringEquals": {"sts:ExternalId": "x" * 4096}}))
    world.refuses("4096 at most", policy=long)


def test_characters_that_iam_takes_escaped_only_are_sent_so_and_counted_so(world: World) -> None:
    named = policy(
        trusting({"AWS": ROOT}, {"StringEquals": {"aws:PrincipalTag/team": "zürich \u6771\u4eac \U0001f511"}})
    )
    world.run(policy=named)
    assert max(map(ord, world.texts[0])) <= 0xFF
    assert "zürich" in world.texts[0]  # an escape takes six characters of the quota
    assert json.loads(world.texts[0]) == named
    assert world.role.document == named
    many = policy(trusting({"AWS": ROOT}, {"StringEquals": {"aws:PrincipalTag/team": "\u6771" * 1000}}))
    with pytest.raises(IamError, match="4096 at most"):
        world.run(policy=many)


@pytest.mark.parametrize(
    ("path", "why"),
    [("/aws-service-role/x.amazonaws.com/", "only that service"), ("/aws-reserved/sso.amazonaws.com/eu/", "Center")],
)
def test_roles_of_others_are_left_alone(world: World, path: str, why: str) -> None:
    world.role = world.role._replace(path=path)
    world.refuses(why, policy=INTENDED)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("arn:aws:iam::999999999999:role/ops", "use that account's credentials"),
        (USER, "is no role's ARN"),
        ("arn:aws:sts::123456789012:assumed-role/ops/me", "is no role's ARN"),
    ],
)
def test_an_arn_means_that_very_role(world: World, text: str, says: str) -> None:
    world.refuses(says, role=text, **FIX)
    assert world.run(role=ROLE, **FIX)["changed"] is True


# --- backup and undoing ----------------------------------------------------------------------------------------------


def test_what_was_saved_is_put_back_and_then_nothing_changes(world: World) -> None:
    world.run(**FIX, backup=BACKUP)
    undone = world.run(state="restored", backup=BACKUP)
    assert (undone["changed"], undone["policy"], world.role.document) == (True, BROKEN, BROKEN)
    assert world.run(state="restored", backup=BACKUP)["changed"] is False


def test_restoring_in_check_mode_writes_nothing(world: World) -> None:
    world.run(**FIX, backup=BACKUP)
    assert world.run(check_mode=True, state="restored", backup=BACKUP)["changed"] is True
    assert world.role.document == INTENDED


def test_what_iam_gave_is_put_back_even_if_it_looks_wrong() -> None:
    odd = policy(trusting({"AWS": ROOT}, {"StringEqualsSomeday": {"aws:x": "y"}}))
    world = World(odd)
    world.run(policy=INTENDED, backup=BACKUP)
    assert world.run(state="restored", backup=BACKUP)["changed"] is True
    assert world.role.document == odd


def test_a_change_after_the_backup_is_not_undone_unless_it_is_known(world: World) -> None:
    world.run(**FIX, backup=BACKUP)
    world.role = world.role._replace(document=LATER)
    world.log.clear()
    world.refuses(f"its hash is {digest(LATER)}", state="restored", backup=BACKUP)
    assert world.run(state="restored", backup=BACKUP, expected=digest(LATER))["changed"] is True
    assert world.role.document == BROKEN


def test_a_role_made_anew_is_not_the_one_of_the_backup_unless_that_is_known(world: World) -> None:
    world.run(**FIX, backup=BACKUP)
    world.role = world.role._replace(id="AROAEXAMPLEEXAMPLE02")
    world.log.clear()
    world.refuses("was deleted and made anew", state="restored", backup=BACKUP)
    assert world.run(state="restored", backup=BACKUP, expected=digest(INTENDED))["changed"] is True


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "there is no backup"),
        ("{", "is no backup of a trust policy"),
        ("[]", "is no backup of a trust policy"),
        ('{"role_arn": "x", "previous": {}}', "replacement_hash is missing"),
        ('{"role_arn": "x", "previous": {}, "replacement_hash": "y"}', "is a backup of x, not of"),
    ],
)
def test_what_is_no_backup_of_the_role_is_not_put_back(world: World, text: str | None, says: str) -> None:
    if text is not None:
        world.files[BACKUP] = text
    world.refuses(says, state="restored", backup=BACKUP)


@pytest.mark.parametrize(
    "text", ["precious", "{}", json.dumps({"role_arn": "x", "previous": {}, "replacement_hash": "y"})]
)
def test_a_file_that_holds_something_else_is_kept(world: World, text: str) -> None:
    world.files[BACKUP] = text
    world.refuses(BACKUP, **FIX, backup=BACKUP)


def _garbage(_path: str) -> str:
    return b"\xff".decode()


def _unreadable(_path: str) -> str:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("state", ["present", "restored"])
@pytest.mark.parametrize(("read", "says"), [(_garbage, "is no backup"), (_unreadable, "Permission denied")])
def test_a_backup_that_cannot_be_read_is_an_error_and_not_replaced(
    world: World, state: str, read: Any, says: str
) -> None:
    rules = FIX if state == "present" else {}
    world.refuses(says, state=state, backup=BACKUP, ports={"read_file": read}, **rules)


def test_no_backup_no_change(world: World) -> None:
    def full(_path: str, _text: str) -> None:
        raise OSError(28, "No space left on device")

    world.refuses("so nothing was changed: .*No space left", ports={"write_private": full}, backup=BACKUP, **FIX)
