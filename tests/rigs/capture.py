"""Write ``tests/data/chrony/<version>/<state>/<report>.csv``: what chronyc of each release really prints.

``python -m tests.rigs.capture [--suite bookworm] [--state dead_server] [--into FOLDER]``
"""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .ntp import program
from .roots import SUITES, Suite
from .shell import run
from .states import STATES, State, state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .ntp import ChronyClient
    from .shell import Result

DATA = Path(__file__).resolve().parents[1] / "data" / "chrony"
#: File name and chronyc command of every report.
REPORTS: dict[str, tuple[str, ...]] = {
    "tracking": ("tracking",),
    "sources": ("sources",),
    "sources-a": ("sources", "-a"),
    "sourcestats": ("sourcestats",),
    "sourcestats-a": ("sourcestats", "-a"),
    "activity": ("activity",),
    "selectdata": ("selectdata",),
    "selectdata-a": ("selectdata", "-a"),
    "authdata": ("authdata",),
    "authdata-a": ("authdata", "-a"),
    "ntpdata": ("ntpdata",),
    "serverstats": ("serverstats",),
}
#: Commands that are tried in every state, after the reports: their answer is of interest, not a report.
COMMANDS: dict[str, tuple[str, ...]] = {"waitsync": ("waitsync", "1", "0.1", "0", "0.1"), "makestep": ("makestep",)}


def version(suite: Suite) -> str:
    """Return the chrony version that a release packages."""
    printed = run([*program(suite, "usr/sbin/chronyd"), "--version"]).stdout
    found = re.search(r"version (\S+)", printed)
    return found.group(1) if found else printed.strip()


def capture(suite: Suite, what: State, into: Path) -> None:
    """Bring a chronyd into a state and write its reports."""
    with state(what.name, suite) as client:
        _write(into, suite, what.name, what.description, lambda command: client.chronyc("-c", *command))
        if what.name == "synchronised":
            _write(into, suite, "unprivileged", "A user without access to the command socket asks.", _nobody(client))
        if what.name == "no_command_port":
            described = "Someone who may only use UDP asks a daemon with ``cmdport 0``."
            _write(into, suite, "no_command_port_udp", described, _over(client, "127.0.0.1"))
        if what.name == "not_running":
            described = "The daemon has ended, and only its command socket is tried."
            _write(into, suite, "not_running_socket", described, _over(client, str(client.socket)))


def _nobody(client: ChronyClient) -> Callable[[Sequence[str]], Result]:
    return lambda command: run(client.unprivileged_argv("-c", *command), check=False)


def _over(client: ChronyClient, address: str) -> Callable[[Sequence[str]], Result]:
    return lambda command: client.chronyc("-h", address, "-c", *command)


def _write(into: Path, suite: Suite, name: str, description: str, ask: Callable[[Sequence[str]], Result]) -> None:
    made_by = version(suite)
    folder = into / made_by / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Each question to a daemon that hangs takes chronyc seconds, and each answer is the same.
    commands = {"tracking": ("tracking",)} if name == "hung" else {**REPORTS, **COMMANDS}
    answers = {report: ask(command) for report, command in commands.items()}
    meta: dict[str, object] = {"version": made_by, "suite": suite, "state": name, "description": description}
    meta["reports"] = {
        report: {
            "command": " ".join(["chronyc -n -c", *commands[report]]),
            "rc": answer.returncode,
            "stderr": re.sub(r"/\S+/chronyd\.sock", "/run/chrony/chronyd.sock", answer.stderr),
        }
        for report, answer in answers.items()
    }
    for report, answer in answers.items():
        (folder / f"{report}.csv").write_text(answer.stdout, encoding="utf-8")
    (folder / "meta.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Capture what the options select; everything without options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", action="append", choices=SUITES)
    parser.add_argument("--state", action="append", choices=sorted(STATES))
    parser.add_argument("--into", type=Path, default=DATA)
    options = parser.parse_args()
    for suite in options.suite or SUITES:
        for name in options.state or STATES:
            sys.stderr.write(f"{suite} {name}\n")
            capture(suite, STATES[name], options.into)


if __name__ == "__main__":
    main()
