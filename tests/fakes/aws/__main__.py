"""The double alone, for demonstrations: starts it with a few people and says how to reach it.

--ahead moves *true* time against this host's clock, so that a host with a wrong clock can be shown without one.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from .identity import KEYS, Keys
from .server import FakeAws
from .state import ACCOUNT

_ROLE = "ops"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        }
    ],
}


#: One of each kind of device.
_DEVICES: dict[str, Callable[[FakeAws], str]] = {
    "alice": lambda aws: aws.virtual_device("alice"),
    "bob": lambda aws: aws.virtual_device("bob", "phone", "/staff/"),
    "carol": lambda aws: aws.hardware_device("carol", "GAHT12345678"),
    "dave": lambda aws: aws.fido_device("dave"),
}


def populate(aws: FakeAws, names: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Make the people and the role; returns what each of them holds. Whoever is named gets a virtual device."""
    people: dict[str, dict[str, Any]] = {}
    for name in names or _DEVICES:
        keys = aws.add_user(name)
        serial = aws.virtual_device(name) if names else _DEVICES[name](aws)
        people[name] = {"keys": keys, "serial": serial, "seed": aws.seed(serial)}
    aws.client("iam").create_role(RoleName=_ROLE, AssumeRolePolicyDocument=json.dumps(_TRUST))
    return people


def describe(aws: FakeAws, people: dict[str, dict[str, Any]]) -> str:
    """Write what a person needs to try it."""
    lines = [f"endpoint  {aws.endpoint}", f"account   {ACCOUNT}", "", "operator (sets up, may do everything):"]
    lines += _exports(aws, Keys(*KEYS.values()))
    for name, person in people.items():
        seed = person["seed"] or "none: a FIDO key makes no codes"
        lines += ["", f"{name}:", f"  serial  {person['serial']}", f"  seed    {seed}", *_exports(aws, person["keys"])]
    lines += [
        "",
        f"role that wants MFA: arn:aws:iam::{ACCOUNT}:role/{_ROLE}",
        "",
        "Nothing here is a real secret. Ctrl-C ends it.",
    ]
    return "\n".join(lines)


def as_json(aws: FakeAws, people: dict[str, dict[str, Any]]) -> str:
    """Write the same for a program, in one line."""
    holders = {
        name: {"serial": person["serial"], "seed": person["seed"], "environment": aws.environment_of(person["keys"])}
        for name, person in people.items()
    }
    role = f"arn:aws:iam::{ACCOUNT}:role/{_ROLE}"
    return json.dumps({"endpoint": aws.endpoint, "operator": aws.environment, "users": holders, "role": role})


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.aws", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    parser.add_argument("--port", type=int, default=0, help="port, 0 for any free one")
    parser.add_argument("--window", type=int, default=1, help="steps around the expected one whose codes are taken")
    parser.add_argument("--ahead", type=float, default=0.0, help="seconds by which true time is ahead of this host")
    parser.add_argument(
        "--skew",
        type=float,
        default=0.0,
        help="refuse requests dated further off (0: never): STS does with 900, other services with 300",
    )
    parser.add_argument(
        "--user", action="append", default=[], help="a user with a virtual device of that name, instead of four others"
    )
    parser.add_argument("--enforce", action="store_true", help="let identity policies bind the users")
    parser.add_argument("--json", action="store_true", help="print for a program")
    options = parser.parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_caught: ended.set())
    with FakeAws(
        host=options.host,
        port=options.port,
        true_time=lambda: time.time() + options.ahead,
        window=options.window,
        enforce=options.enforce,
    ) as aws:
        aws.rules.skew_s = options.skew
        people = populate(aws, options.user)
        sys.stdout.write((as_json if options.json else describe)(aws, people) + "\n")
        sys.stdout.flush()
        ended.wait()
    return 0


def _exports(aws: FakeAws, keys: Keys) -> list[str]:
    wanted = {name: value for name, value in aws.environment_of(keys).items() if name != "AWS_URL"}
    return ["  export " + " ".join(f"{name}={value}" for name, value in wanted.items())]


if __name__ == "__main__":
    sys.exit(main())
