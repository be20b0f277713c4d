"""A small evaluation of policies, made from the public rules and independent of the product's.

Enough for identity, session and trust policies: Effect, Action, Resource, Principal and the conditions below. What it
does not know it refuses with an exception, so that no test passes on an operator that was silently ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any, Literal

Decision = Literal["allow", "deny", "none"]
Context = Mapping[str, str]


def decide(documents: Iterable[str], action: str, resource: str, context: Context) -> Decision:
    """Say what identity policies make of a request: an explicit Deny beats every Allow."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in statements(document)
        if _names(statement, "Action", action, context)
        and _names(statement, "Resource", resource, context)
        and holds(statement.get("Condition", {}), context)
    }
    return "deny" if "Deny" in effects else "allow" if "Allow" in effects else "none"


def statements(document: str) -> list[dict[str, Any]]:
    found = json.loads(document).get("Statement", [])
    return found if isinstance(found, list) else [found]


def matches_action(statement: dict[str, Any], action: str) -> bool:
    return _names(statement, "Action", action, {})


def holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Operators and keys are ANDed, values ORed."""
    known = {key.lower(): value for key, value in context.items()}
    return all(
        _one(operator, key, [str(value) for value in _list(values)], known)
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def glob(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Match with * and ? only."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def _one(operator: str, key: str, values: list[str], known: Context) -> bool:
    name = operator.lower()
    quantifier, colon, rest = name.partition(":")
    name = rest if colon else name
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    given = known.get(key.lower())
    if name == "null":
        return (given is None) == (values[0].lower() == "true")
    if given is None:
        return if_exists or quantifier == "forallvalues" or _negated(name)
    wanted = [_filled(value, known) for value in values]
    if _negated(name):
        return not any(_compare(name.replace("not", "", 1), given, value) for value in wanted)
    return any(_compare(name, given, value) for value in wanted)


def _negated(name: str) -> bool:
    return "not" in name


def _compare(name: str, given: str, wanted: str) -> bool:  # noqa: PLR0911 - a table, a family a line
    # arnEquals is arnLike: both take wildcards.
    if name == "bool":
        return given.lower() == wanted.lower()
    if name == "stringequals":
        return given == wanted
    if name == "stringequalsignorecase":
        return given.lower() == wanted.lower()
    if name == "stringlike":
        return glob(wanted, given)
    if name in ("arnlike", "arnequals"):
        return given.startswith("arn:") and glob(wanted, given)
    if name == "ipaddress":
        return ip_address(given) in ip_network(wanted, strict=False)
    for family, read in (("numeric", _number), ("date", _moment)):
        if name.startswith(family):
            return _ordered(name.removeprefix(family), read(given), read(wanted))
    raise NotImplementedError(f"the double does not know the condition operator {name}")


def _ordered(comparison: str, given: float | None, wanted: float | None) -> bool:
    if given is None or wanted is None:
        return False
    return {
        "equals": given == wanted,
        "lessthan": given < wanted,
        "lessthanequals": given <= wanted,
        "greaterthan": given > wanted,
        "greaterthanequals": given >= wanted,
    }[comparison]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return _number(text)


def _names(statement: Mapping[str, Any], element: str, value: str, context: Context) -> bool:
    action = element == "Action"
    known = {key.lower(): text for key, text in context.items()}
    patterns = [
        text if action else _filled(text, known)
        for text in _list(statement.get(element, statement.get(f"Not{element}", [])))
    ]
    found = any(glob(pattern, value, ignore_case=action) for pattern in patterns)
    return not found if f"Not{element}" in statement else found


def _filled(text: str, known: Context) -> str:
    """Put a request's values for policy variables; one that is absent matches nothing."""

    def value(match: re.Match[str]) -> str:
        if match[1] in ("*", "?", "$"):
            return match[1]
        return known.get(match[1].lower(), "\0")

    return re.sub(r"\$\{([^}]+)\}", value, text)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value is not None else []
