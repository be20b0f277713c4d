# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of iam_mfa_trust_policy: read, decide, save, write, read back.

Private to this collection. AWS, files and waiting come in through TrustPorts.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional

from ._iam.document import parse_document
from ._iam.errors import IamError
from ._iam_trust_plan import Change, RoleTrust, correction, digest, given, lockout

__all__ = ["RoleTrust", "TrustPorts", "run_trust"]

_READS = 6  # IAM may show what was there before for some seconds
_MOST_CHARACTERS = 4096
_BEYOND_LATIN_1 = re.compile("[^\x00-\xff]")  # IAM takes these escaped only
_OWNERS = {
    "/aws-service-role/": "AWS made it for one of its services, and only that service changes it",
    "/aws-reserved/sso.amazonaws.com/": "IAM Identity Center made it and changes it back; change the permission set",
}


class TrustPorts(NamedTuple):
    """What the flow needs of the world. Functions that fail raise OSError or IamError."""

    read_role: Callable[[str], RoleTrust]
    write_trust: Callable[[str, str], None]  # name and text
    read_file: Callable[[str], Optional[str]]  # None: there is no such file
    write_private: Callable[[str, str], None]  # path and text; mode 0600
    wait: Callable[[float], None]


def run_trust(params: Mapping[str, Any], ports: TrustPorts, *, check_mode: bool) -> Dict[str, Any]:
    """Bring a role's trust policy about, and return the module's result."""
    if params.get("snapshot") and not check_mode:
        raise IamError(
            f"the snapshot {params['snapshot']} only shows what would be done, in check mode: nothing is applied from "
            "it. Leave snapshot out to change the account of the present credentials."
        )
    role = _read(params["role"], ports)
    before = parse_document(role.document, f"the trust policy of {role.arn}").obj
    _expect(params["expected"], before, role)
    change = _wanted(params, role, ports)
    result: Dict[str, Any] = {
        "changed": digest(before) != digest(change.document),
        "role_arn": role.arn,
        "previous": before,
        "previous_hash": digest(before),
        "policy": change.document,
        "policy_hash": digest(change.document),
        "fixes": list(change.fixes),
        "unfixed": list(change.unfixed),
        "locked_out": [],
        "backup": None,
        "diff": {"before_header": role.arn, "after_header": role.arn, "before": _pretty(before),
                 "after": _pretty(change.document)},
    }  # fmt: skip
    if not result["changed"]:
        return result
    _refuse_owned(role)
    _refuse_oversized(role, change.document)
    result["locked_out"] = _guard(params, role, before, change.document)
    if params["state"] == "present" and params["backup"]:
        result["backup"] = params["backup"]
        _save(params["backup"], role, before, change.document, ports, check_mode=check_mode)
    if not check_mode:
        _apply(role, before, change.document, ports)
    return result


def _read(text: str, ports: TrustPorts) -> RoleTrust:
    name = text.rpartition("/")[2] if text.startswith("arn:") else text
    if text.startswith("arn:") and ":role/" not in text:
        raise IamError(f"{text!r} is no role's ARN: give arn:PARTITION:iam::ACCOUNT:role/NAME, or the name alone")
    role = ports.read_role(name)
    if text.startswith("arn:") and role.arn != text:
        raise IamError(f"{text} was asked for, and these credentials reach {role.arn}: use that account's credentials")
    return role


def _expect(expected: Optional[str], before: Any, role: RoleTrust) -> None:
    if expected and expected != digest(before):
        raise IamError(
            f"the trust policy of {role.arn} is not the expected one: its hash is {digest(before)}, not {expected}. "
            "Somebody changed it since; look at it, and plan anew. Nothing was changed."
        )


def _wanted(params: Mapping[str, Any], role: RoleTrust, ports: TrustPorts) -> Change:
    if params["state"] == "restored":
        return _restored(params, role, ports)
    if params["policy"] is not None:
        return given(params["policy"])
    trusted = frozenset(params["trusted_accounts"] or ())
    return correction(role, params["fix_rules"], trusted, params["severity_threshold"])


# --- guards ----------------------------------------------------------------------------------------------------------


def _refuse_owned(role: RoleTrust) -> None:
    for path, why in _OWNERS.items():
        if role.path.startswith(path):
            raise IamError(f"the trust policy of {role.arn} cannot be changed: {why}.")


def _refuse_oversized(role: RoleTrust, after: Any) -> None:
    """Refuse what no account takes. Below that IAM knows the account's quota, and says when it is exceeded."""
    size = len(_text(after))
    if size > _MOST_CHARACTERS:
        raise IamError(
            f"the trust policy for {role.arn} has {size} characters, and IAM takes {_MOST_CHARACTERS} at most "
            "(MFA-D07): merge statements or take Sids out. Nothing was changed."
        )


def _guard(params: Mapping[str, Any], role: RoleTrust, before: Any, after: Any) -> Any:
    lost = list(lockout(before, after, role.arn))
    if lost and params["lockout_check"] and params["state"] == "present":
        raise IamError(
            f"the new trust policy of {role.arn} locks out {', '.join(lost)}: no kind of credential of theirs could "
            "assume the role any more. Nothing was changed. Set lockout_check to false if that is what is wanted."
        )
    return lost


# --- backup ----------------------------------------------------------------------------------------------------------


def _save(path: str, role: RoleTrust, before: Any, after: Any, ports: TrustPorts, *, check_mode: bool) -> None:
    backup = {"role_arn": role.arn, "role_id": role.id, "previous": before, "replacement_hash": digest(after)}
    try:
        there = _content(path, ports)
        if there is not None and _load(path, there) != backup:
            raise IamError(
                f"{path} holds another backup already, which would be lost: move it away, or give another path. "
                "Nothing was changed."
            )
        if not check_mode:
            ports.write_private(path, json.dumps(backup, indent=2) + "\n")
    except OSError as exc:
        raise IamError(f"the backup {path} cannot be written, so nothing was changed: {exc}") from exc


def _content(path: str, ports: TrustPorts) -> Optional[str]:
    try:
        return ports.read_file(path)
    except UnicodeDecodeError as exc:
        raise IamError(f"{path} is no backup of a trust policy, nor any text: {exc}") from exc


def _load(path: str, text: str) -> Dict[str, Any]:
    try:
        backup = json.loads(text)
    except ValueError as exc:
        raise IamError(f"{path} is no backup of a trust policy: {exc}") from exc
    if not isinstance(backup, dict) or not {"role_arn", "previous", "replacement_hash"} <= set(backup):
        raise IamError(f"{path} is no backup of a trust policy: role_arn, previous or replacement_hash is missing")
    return backup


def _restored(params: Mapping[str, Any], role: RoleTrust, ports: TrustPorts) -> Change:
    path = params["backup"]
    try:
        text = _content(path, ports)
    except OSError as exc:
        raise IamError(f"the backup {path} cannot be read: {exc}") from exc
    if text is None:
        raise IamError(f"there is no backup {path}")
    backup = _load(path, text)
    if backup["role_arn"] != role.arn:
        raise IamError(f"{path} is a backup of {backup['role_arn']}, not of {role.arn}")
    now = digest(parse_document(role.document, f"the trust policy of {role.arn}").obj)
    known = (backup["replacement_hash"], digest(backup["previous"]), params["expected"])
    if now not in known:
        raise IamError(
            f"the trust policy of {role.arn} was changed after the backup {path} was made (its hash is {now}): "
            "restoring would undo that too. Give this hash as expected to restore all the same."
        )
    if backup.get("role_id", role.id) != role.id and now != params["expected"]:
        raise IamError(
            f"{role.arn} was deleted and made anew after the backup {path} was made: it is another role of that name. "
            f"Give the hash of its trust policy, {now}, as expected to restore all the same."
        )
    # IAM gave this document, so IAM takes it, whatever is thought of it here.
    return Change(parse_document(backup["previous"], f"the policy in {path}").obj)


# --- writing ---------------------------------------------------------------------------------------------------------


def _apply(role: RoleTrust, before: Any, after: Dict[str, Any], ports: TrustPorts) -> None:
    """Write, as close behind a last look as can be, and look whether it is there."""
    now = ports.read_role(role.name)
    if digest(_obj(now)) != digest(before) or now.id != role.id:
        raise IamError(
            f"the trust policy of {role.arn} was changed by somebody else while this ran: nothing was written. "
            "Look at it, and run again."
        )
    ports.write_trust(role.name, _text(after))
    wanted = digest(after)
    seen = ""
    for attempt in range(_READS):
        if attempt:
            ports.wait(2.0**attempt / 8)
        seen = _read_back(role, ports)
        if seen == wanted:
            return
    if seen == digest(before):
        raise IamError(f"the trust policy of {role.arn} was written, and IAM still shows the old one: check it by hand")
    raise IamError(
        f"the trust policy of {role.arn} was written, and IAM shows another one (hash {seen}, not {wanted}): somebody "
        "else wrote at the same time, or IAM changed a principal. Check it by hand."
    )


def _read_back(role: RoleTrust, ports: TrustPorts) -> str:
    try:
        return digest(_obj(ports.read_role(role.name)))
    except IamError as exc:
        raise IamError(
            f"the trust policy of {role.arn} was written, and cannot be read back to verify it: {exc}"
        ) from exc


def _text(document: Any) -> str:
    """Write a document as short as IAM takes it."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return _BEYOND_LATIN_1.sub(lambda match: json.dumps(match.group())[1:-1], text)


def _obj(role: RoleTrust) -> Any:
    return parse_document(role.document, f"the trust policy of {role.arn}").obj


def _pretty(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
