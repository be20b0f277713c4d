# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy document as values that rules can ask.

Private to this collection. ``parse_document`` takes what AWS, its tools and people's files hold: an object, JSON
text, and text that was URL-encoded once or more often (the IAM API does it, and some exporters do it again).

A part that IAM would not take is kept as far as it can be read, and becomes a ``Problem`` that says where it stands;
the statement around it is ``malformed``, and nothing that is decided about it is better than unknown. Only what is no
policy at all raises ``DocumentError``.

Names of elements and the values of ``Effect`` count by case, as in IAM; operators, condition keys and actions do not.
"""

from __future__ import annotations

import json
from typing import Any, Counter, Dict, List, NamedTuple, Optional, Tuple, Union
from urllib.parse import unquote

from .errors import DocumentError
from .operators import Operator, read_operator

__all__ = [
    "AGE", "MFA_KEYS", "PRESENT", "Condition", "Document", "Principals", "Problem", "Statement", "parse_document",
]  # fmt: skip

#: The MFA condition keys, folded as ``Condition.key_folded`` is.
PRESENT = "aws:multifactorauthpresent"
AGE = "aws:multifactorauthage"
MFA_KEYS = frozenset((PRESENT, AGE))

_VERSIONS = ("2012-10-17", "2008-10-17")
_DEFAULT_VERSION = "2008-10-17"  # IAM's, and without policy variables
_STATEMENT_ELEMENTS = frozenset(
    ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
)
_PAIRS = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
_MAX_LAYERS = 4  # of encoding around one document
_MAX_DIGITS = 400  # of a number that stands in a message or is compared
_SHOWN = 60


class Problem(NamedTuple):
    """Something in a document that IAM would not take, and where: ``Statement[0].Condition.Bool``."""

    path: str
    message: str


class Principals(NamedTuple):
    """A ``Principal`` or ``NotPrincipal`` element. ``"*"`` is ``aws=("*",)``, which it means."""

    aws: Tuple[str, ...]
    service: Tuple[str, ...] = ()
    federated: Tuple[str, ...] = ()
    canonical: Tuple[str, ...] = ()

    @property
    def everyone(self) -> bool:
        """Whether it names everybody, anonymous callers too."""
        return "*" in self.aws


class Condition(NamedTuple):
    """One key under one operator.

    ``base`` is the operator folded and without its set prefix and ``IfExists``; it is empty where IAM knows no such
    operator. ``values`` are strings as IAM compares them: a JSON true is ``"true"``. ``path`` starts at the statement.
    """

    operator: str
    base: str
    quantifier: str  # "" | forallvalues | foranyvalue
    if_exists: bool
    key: str
    key_folded: str
    values: Tuple[str, ...]
    path: str
    malformed: bool = False  # a value is no string, number or boolean
    variables: bool = False  # a value holds a policy variable

    @property
    def is_mfa(self) -> bool:
        """Whether it tests one of the MFA keys."""
        return self.key_folded in MFA_KEYS


class Statement(NamedTuple):
    """One statement. An element that is absent is empty, or None for the principals."""

    index: int  # type: ignore[assignment] # hides tuple.index, which nobody asks of a statement
    sid: str
    effect: str  # Allow | Deny | "" when it is neither
    principal: Optional[Principals]
    not_principal: Optional[Principals]
    actions: Tuple[str, ...]
    not_actions: Tuple[str, ...]
    resources: Tuple[str, ...]
    not_resources: Tuple[str, ...]
    conditions: Tuple[Condition, ...]
    obj: Any
    has_mfa: bool = False  # a condition tests an MFA key
    malformed: bool = False  # an element beside Condition cannot be read as IAM reads it
    variables: bool = False  # ${...} is a policy variable here: version 2012-10-17
    shares_sid: bool = False  # another statement of the document has the same Sid

    @property
    def mark(self) -> Union[str, int]:
        """What a finding names it by: its Sid, or its index where there is none or another statement has the same."""
        return self.index if self.shares_sid or not self.sid else self.sid

    @property
    def label(self) -> str:
        """The same as text."""
        return str(self.mark)


class Document(NamedTuple):
    """A policy document. ``obj`` is the parsed JSON, not a copy: do not change it."""

    name: str
    version: str
    statements: Tuple[Statement, ...]
    problems: Tuple[Problem, ...]
    obj: Dict[str, Any]

    @property
    def has_mfa(self) -> bool:
        """Whether any condition tests an MFA key."""
        return any(statement.has_mfa for statement in self.statements)


def parse_document(text_or_obj: Any, name: str) -> Document:
    """Read a policy document; ``name`` is what errors call it."""
    obj = _as_object(text_or_obj, name)
    if "Statement" not in obj:
        found = ", ".join(repr(_shown(key)) for key in list(obj)[:5]) or "no member at all"
        raise DocumentError(name, f"it has no Statement element (found {found})")
    items = obj["Statement"]
    if isinstance(items, dict):
        items = [items]
    if not isinstance(items, list):
        raise DocumentError(name, f"its Statement is {_kind(items)}, not an object or a list of objects")
    problems: List[Problem] = []
    version = _version(obj, problems)
    if not items:
        problems.append(Problem("Statement", "the list of statements is empty"))
    statements = tuple([_statement(item, index, version, problems) for index, item in enumerate(items)])
    if len(statements) > 1:
        statements = _told_apart(statements)
    return Document(name, version, statements, tuple(problems), obj)


def _told_apart(statements: Tuple[Statement, ...]) -> Tuple[Statement, ...]:
    """Mark the statements whose Sid another one has too."""
    sids = [one.sid for one in statements if one.sid]
    if len(set(sids)) == len(sids):
        return statements
    counts = Counter(sids)
    return tuple([one._replace(shares_sid=counts[one.sid] > 1) for one in statements])


# --- text ------------------------------------------------------------------------------------------------------------


def _as_object(given: Any, name: str) -> Dict[str, Any]:
    """Take off the encodings, whatever their number and order."""
    value = given
    for _layer in range(_MAX_LAYERS):
        if isinstance(value, dict):
            return value
        if not isinstance(value, str):
            raise DocumentError(name, f"it is {_kind(value)}, not an object")
        text = value.strip("\ufeff \t\r\n")
        value = unquote(text) if text[:1] == "%" else _load(text, name)
    if isinstance(value, dict):
        return value
    raise DocumentError(name, f"it is still encoded after {_MAX_LAYERS} decodings")


def _load(text: str, name: str) -> Any:
    if not text:
        raise DocumentError(name, "the text is empty")
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise DocumentError(name, "it is nested too deeply") from None
    except ValueError as error:
        raise DocumentError(name, f"{error}; the text is {len(text)} characters: {_shown(text)!r}") from None


def _unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """Build an object; IAM refuses one that names a member twice, and which of the two counts is not defined."""
    obj = dict(pairs)
    if len(obj) != len(pairs):
        seen = set()
        for key, _value in pairs:
            if key in seen:
                raise ValueError(f"the member {_shown(key)!r} stands twice in one object")
            seen.add(key)
    return obj


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, strict=False)


# --- statements ------------------------------------------------------------------------------------------------------


def _version(obj: Dict[str, Any], problems: List[Problem]) -> str:
    version = obj.get("Version", _DEFAULT_VERSION)
    if str(version) in _VERSIONS:  # YAML makes a date of it
        return str(version)
    problems.append(Problem("Version", f"it is {_shown(version)!r}; IAM knows {_VERSIONS[0]} and {_VERSIONS[1]}"))
    return _DEFAULT_VERSION


def _statement(item: Any, index: int, version: str, problems: List[Problem]) -> Statement:
    path = f"Statement[{index}]"
    if not isinstance(item, dict):
        problems.append(Problem(path, f"it is {_kind(item)}, not an object"))
        return Statement(index, "", "", None, None, (), (), (), (), (), item, malformed=True)
    before = len(problems)
    effect = item.get("Effect")
    if effect not in ("Allow", "Deny"):
        problems.append(Problem(f"{path}.Effect", f"it is {_shown(effect)!r}, neither Allow nor Deny"))
        effect = ""
    variables = version == _VERSIONS[0]
    principal = _principals(item, "Principal", path, problems)
    not_principal = _principals(item, "NotPrincipal", path, problems)
    actions = _strings(item, "Action", path, problems)
    not_actions = _strings(item, "NotAction", path, problems)
    resources = _strings(item, "Resource", path, problems)
    not_resources = _strings(item, "NotResource", path, problems)
    _check_elements(item, path, problems)
    malformed = len(problems) != before
    sid = _sid(item, path, problems)
    conditions: Tuple[Condition, ...] = ()
    if "Condition" in item:
        conditions, unreadable = _conditions(item["Condition"], path, problems, variables=variables)
        malformed = malformed or unreadable
    has_mfa = False
    for condition in conditions:
        if condition.key_folded in MFA_KEYS:
            has_mfa = True
    return Statement(
        index, sid, effect, principal, not_principal, actions, not_actions, resources, not_resources,
        conditions, item, has_mfa, malformed, variables,
    )  # fmt: skip


def _sid(item: Dict[str, Any], path: str, problems: List[Problem]) -> str:
    sid = item.get("Sid", "")
    if isinstance(sid, str):
        return sid
    problems.append(Problem(f"{path}.Sid", f"it is {_kind(sid)}, not a string"))
    return ""


def _check_elements(item: Dict[str, Any], path: str, problems: List[Problem]) -> None:
    problems.extend(
        Problem(f"{path}.{_shown(element)}", "IAM knows no such element (their case counts)")
        for element in item
        if element not in _STATEMENT_ELEMENTS
    )
    for one, other in _PAIRS:
        if one in item and other in item:
            problems.append(Problem(f"{path}.{other}", f"{one} and {other} exclude each other"))
    if "Action" not in item and "NotAction" not in item:
        problems.append(Problem(f"{path}.Action", "there is neither Action nor NotAction"))


def _strings(item: Dict[str, Any], element: str, path: str, problems: List[Problem]) -> Tuple[str, ...]:
    if element not in item:
        return ()
    return _string_list(item[element], f"{path}.{element}", problems)


def _string_list(value: Any, path: str, problems: List[Problem]) -> Tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        problems.append(Problem(path, f"it is {_kind(value)}, not a string or a list of strings"))
        return ()
    if not value:
        problems.append(Problem(path, "the list is empty"))
    strings = tuple([one for one in value if isinstance(one, str)])
    if len(strings) != len(value):
        problems.append(Problem(path, "the list holds something else than strings"))
    return strings


def _principals(item: Dict[str, Any], element: str, path: str, problems: List[Problem]) -> Optional[Principals]:
    if element not in item:
        return None
    value = item[element]
    path = f"{path}.{element}"
    if value == "*":
        return Principals(("*",))
    if not isinstance(value, dict):
        problems.append(Problem(path, f'it is {_shown(value)!r}, neither "*" nor an object'))
        return Principals(())
    kinds = {kind: _string_list(names, f"{path}.{_shown(kind)}", problems) for kind, names in value.items()}
    aws = kinds.pop("AWS", ())
    service = kinds.pop("Service", ())
    federated = kinds.pop("Federated", ())
    canonical = kinds.pop("CanonicalUser", ())
    problems.extend(
        Problem(f"{path}.{_shown(kind)}", "IAM knows AWS, Service, Federated and CanonicalUser") for kind in kinds
    )
    if not value:
        problems.append(Problem(path, "it names nobody"))
    return Principals(aws, service, federated, canonical)


# --- conditions ------------------------------------------------------------------------------------------------------


def _conditions(
    block: Any, path: str, problems: List[Problem], *, variables: bool
) -> Tuple[Tuple[Condition, ...], bool]:
    """Read a Condition element: what it holds, and whether a part of it is lost."""
    path = f"{path}.Condition"
    if not isinstance(block, dict):
        problems.append(Problem(path, f"it is {_kind(block)}, not an object"))
        return (), True
    conditions: List[Condition] = []
    unreadable = False
    for text, keys in block.items():
        operator = read_operator(str(text))
        if not operator.base:
            problems.append(Problem(f"{path}.{_shown(text)}", "IAM knows no such operator"))
        if not isinstance(keys, dict):
            problems.append(Problem(f"{path}.{_shown(text)}", f"it is {_kind(keys)}, not an object"))
            unreadable = True
            continue
        for key, value in keys.items():
            conditions.append(_condition(str(text), operator, str(key), value, path, problems, variables=variables))
    return tuple(conditions), unreadable


def _condition(
    text: str, operator: Operator, key: str, value: Any, path: str, problems: List[Problem], *, variables: bool
) -> Condition:
    values: Tuple[str, ...]
    lost = False
    if isinstance(value, str):
        values = (value,)
    else:
        items = value if isinstance(value, list) else [value]
        read = [_value(item) for item in items]
        values = tuple([one for one in read if one is not None])
        lost = len(values) != len(read)
        if lost or not items:
            what = "a value is no string, number or boolean" if lost else "the list of values is empty"
            problems.append(Problem(f"{path}.{text}.{key}", what))
    has_variable = False
    if variables:
        for one in values:
            if "${" in one:
                has_variable = True
    return Condition(
        text, operator.base, operator.quantifier, operator.if_exists, key, key.lower(), values,
        f"Condition.{text}.{key}", lost, has_variable,
    )  # fmt: skip


def _value(item: Any) -> Optional[str]:
    """Write one value as IAM compares it, or None where it is no value."""
    if isinstance(item, str):
        return item
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int):
        return str(item) if item.bit_length() < _MAX_DIGITS else None
    if isinstance(item, float):
        return repr(item)
    return None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    for kind, name in ((bool, "a boolean"), (str, "a string"), (list, "a list"), (dict, "an object")):
        if isinstance(value, kind):
            return name
    return "a number" if isinstance(value, (int, float)) else f"a {type(value).__name__}"


def _shown(value: Any) -> str:
    """Shorten a value for a message."""
    text = value if isinstance(value, str) else _kind(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
