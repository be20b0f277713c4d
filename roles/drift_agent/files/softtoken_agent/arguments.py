# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the command line; loaded only where there is more to read than what the timer says."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Dict, Mapping, NoReturn, Sequence

__all__ = ["parse"]

_UNKNOWN = 3


class _Parser(argparse.ArgumentParser):
    """Ends with 3 where argparse ends with 2, which monitoring takes for critical."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(_UNKNOWN, f"{self.prog}: {message}\n")


def parse(
    argv: Sequence[str], *, commands: Mapping[str, str], formats: Sequence[str], config: str, version: str
) -> Dict[str, Any]:
    """Return the options as a dictionary. Ends the process for --help, --version and what cannot be meant so."""
    parser = _Parser(prog="softtoken-agent", description="Say whether this host's clock makes codes that are accepted.")
    parser.add_argument("--version", action="version", version=version)
    parser.add_argument("--config", default=config, metavar="FILE", help=f"configuration (default: {config})")
    common = _Parser(add_help=False)
    common.add_argument("--config", default=argparse.SUPPRESS, metavar="FILE", help=argparse.SUPPRESS)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in commands.items():
        choices = formats if name in {"check", "status"} else ("text", "json")
        if name == "config":
            choices = ("text",)
        sub = subparsers.add_parser(name, help=text, description=text, parents=[common])
        sub.add_argument("--format", choices=choices, default="text", help="default: text")
        if name == "history":
            sub.add_argument("--count", type=_count, default=24, metavar="N", help="how many checks (default: 24)")
        if name == "step":
            sub.add_argument("--force", action="store_true", help="step even when the guard objects")
            sub.add_argument("--dry-run", action="store_true", help="say what a step would do; change nothing")
    found = vars(parser.parse_args(list(argv)))
    return {"format": "text", **found, "command": found["command"] or "check"}


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
