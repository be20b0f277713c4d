from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Account, Role
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.scope import scope_of

ARN = "arn:aws:iam::123456789012:role/team/web"
POLICY = "arn:aws:iam::123456789012:policy/web"
BOUNDARY = "arn:aws:iam::123456789012:policy/limit"
ROLE = Role("web", ARN, "AROA1", {}, "/team/", attached=(POLICY,), boundary=BOUNDARY)
ACCOUNT = Account("123456789012", roles={ARN: ROLE})


@pytest.mark.parametrize("wanted", ["web", ARN, "arn:aws:iam::123456789012:role/web"])
def test_finds_a_role_however_it_is_called(wanted: str) -> None:
    scope = scope_of(ACCOUNT, [wanted])
    assert scope.resources == {ARN, POLICY, BOUNDARY}
    assert scope.unknown == frozenset()


@pytest.mark.parametrize(
    "wanted", ["db", "arn:aws:iam::210987654321:role/team/web", "arn:aws:iam::123456789012:user/web", ""]
)
def test_what_is_no_role_of_the_account_is_named(wanted: str) -> None:
    assert scope_of(ACCOUNT, [wanted]) == (frozenset(), frozenset([wanted]))
