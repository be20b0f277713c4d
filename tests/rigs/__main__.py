"""Command line of the rigs, for molecule and for people.

``up``      start the lab described on standard input: a network, its hosts and servers
``replace`` put other machines, described in the same way, into the places of a running lab's
``down``    remove a lab by its network's name
``roots``   build the root file systems and images that are missing
``clean``   remove what ended processes and old recipes left behind
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from . import lab
from .containers import image
from .roots import SUITES
from .shell import RigError

if TYPE_CHECKING:
    from collections.abc import Callable


def up(_options: argparse.Namespace) -> None:
    """Start the lab that standard input describes; print the namespace of each host."""
    described = lab.Description.read(sys.stdin.read())
    sys.stdout.write(json.dumps(lab.up(described)) + "\n")


def replace(_options: argparse.Namespace) -> None:
    """Put the machines that standard input describes into the places of those of the same names."""
    described = lab.Description.read(sys.stdin.read())
    sys.stdout.write(json.dumps(lab.replace(described)) + "\n")


def down(options: argparse.Namespace) -> None:
    """Remove a lab."""
    lab.down(options.network)


def roots(_options: argparse.Namespace) -> None:
    """Build every root and import every image, two at a time."""
    wanted: list[tuple[Any, Any]] = [(suite, variant) for variant in ("bare", "chrony") for suite in SUITES]
    wanted.append(("bookworm", "el-layout"))
    with ThreadPoolExecutor(2) as pool:
        for name in pool.map(lambda pair: image(*pair), wanted):
            sys.stdout.write(f"{name}\n")


def clean(_options: argparse.Namespace) -> None:
    """Remove leftovers."""
    for removed in lab.clean():
        sys.stdout.write(f"removed {removed}\n")


def main() -> int:
    """Run one command; a failure is one readable line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.rigs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    table: tuple[Callable[[argparse.Namespace], None], ...] = (up, replace, down, roots, clean)
    for function in table:
        name = function.__name__
        command = commands.add_parser(name, help=(function.__doc__ or "").strip())
        command.set_defaults(function=function)
        if name == "down":
            command.add_argument("network")
    options = parser.parse_args()
    try:
        options.function(options)
    except RigError as exc:
        sys.stderr.write(f"rigs: {exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
