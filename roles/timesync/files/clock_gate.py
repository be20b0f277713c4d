# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until this host's clock is proven, or say why it is not.

Started at boot by softtoken-clock-gate.service, out of an archive that holds the modules it imports. It asks chronyd
and judges with the same code as host_facts: a source that answers now (reach and age, not only what chronyd remembers),
a reference that is not the host itself, and an error bound within the limit. Two looks in a row have to say so: right
after chronyd's first step the bound is small for a moment and then grows for some seconds. What says nothing about the
time of this boot (other daemons, unit states, remarks on the configuration) does not hold the gate.

Exit status: 0 proven, 1 not proven within the time limit, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import List, NoReturn, Optional, Sequence

from ansible_collections.softtoken.compliance.plugins.module_utils._clock.measure import (
    MeasureOptions,
    Ports,
    measure_clock,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import (
    ClockMeasurement,
    ClockPolicy,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.verdict import judge
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import (
    CommandResult,
    Process,
    SntpReply,
    Unavailable,
)

TIME_PREFIXES = ("chrony.", "clock.", "source.", "totp.")
NO_MATTER_AT_BOOT = frozenset({"chrony.disabled", "chrony.state_unknown", "source.unidentified"})
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


class HostRunner:
    """Runs programs with the standard library."""

    def run(self, argv: Sequence[str], *, timeout_s: float = 10.0, data: Optional[str] = None) -> CommandResult:
        """Run ``argv`` without a shell."""
        try:
            done = subprocess.run(  # noqa: S603 - argv lists of the pure code
                list(argv),
                input="" if data is None else data,
                capture_output=True,
                check=False,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, "LC_ALL": "C"},
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired:
            return CommandResult(1, "", f"{argv[0]} did not end within {timeout_s:g} s", timed_out=True)
        except OSError as exc:
            return CommandResult(127, "", f"cannot run {argv[0]}: {exc.strerror}")
        return CommandResult(done.returncode, done.stdout, done.stderr)

    def which(self, program: str) -> Optional[str]:
        """Return the path of a program, sbin directories included."""
        return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *SBIN]))


class HostFiles:
    """Reads this host's files."""

    def read_text(self, path: str, limit: int = 1048576) -> str:
        """Return at most ``limit`` bytes as text."""
        with Path(path).open("rb") as file:
            return file.read(limit).decode("utf-8", "replace")

    def list_dir(self, path: str) -> List[str]:
        """Return the sorted names in a directory."""
        return sorted(entry.name for entry in Path(path).iterdir())

    def exists(self, path: str) -> bool:
        """Say whether the path exists."""
        return Path(path).exists()

    def is_dir(self, path: str) -> bool:
        """Say whether the path is a directory."""
        return Path(path).is_dir()

    def own_root(self) -> Optional[bool]:
        """Say whether this is the system's own root: its init started the gate."""
        return True


class HostClocks:
    """The clocks of the kernel."""

    def wall(self) -> float:
        """Return CLOCK_REALTIME."""
        return time.time()

    def monotonic(self) -> float:
        """Return a clock that no step moves."""
        return time.monotonic()


class NotAsked:
    """Processes and time servers: the gate asks chronyd alone."""

    def snapshot(self) -> List[Process]:
        """List no processes."""
        raise Unavailable("the gate does not look at processes")

    def query(self, server: str, *, timeout_s: float) -> SntpReply:
        """Ask no server."""
        raise Unavailable(f"the gate does not ask {server} (for {timeout_s:g} s)")

    def query_all(self, servers: Sequence[str], *, timeout_s: float) -> NoReturn:
        """Ask no servers."""
        raise Unavailable(f"the gate does not ask {', '.join(servers)} (for {timeout_s:g} s)")


def objections(measurement: ClockMeasurement, policy: ClockPolicy) -> List[str]:
    """Return what speaks against this clock, one line a reason; nothing when it is proven."""
    verdict = judge(measurement, policy)
    return [
        f"{code}: {message}"
        for code, message in zip(verdict.reasons, verdict.messages)
        if code.startswith(TIME_PREFIXES) and code not in NO_MATTER_AT_BOOT
    ]


def wait(ports: Ports, options: argparse.Namespace) -> int:
    """Measure until the clock is proven or the time is up."""
    policy = ClockPolicy(
        max_error_s=options.max_error,
        min_sources=options.min_sources,
        max_reference_age_s=options.max_reference_age,
        max_drift_ppm=options.max_drift,
    )
    what = MeasureOptions(subsets=frozenset({"clock"}), chronyc_address=options.chronyc_address)
    start = ports.clocks.monotonic()
    said: List[str] = []
    right_before = False
    while True:
        measurement = measure_clock(ports, what)
        against = objections(measurement, policy)
        waited = ports.clocks.monotonic() - start
        if not against and right_before:
            say(f"clock proven after {waited:.0f} s: {describe(measurement)}")
            return 0
        right_before = not against
        if against and options.timeout and waited >= options.timeout:
            say(f"clock NOT proven within {options.timeout:g} s; what waits for it stays stopped:", *against)
            say("correct that, then start the waiting services: each start asks again")
            return 1
        codes = [line.partition(":")[0] for line in against]
        if codes and codes != said:
            said = codes
            say("waiting for the clock:", *against)
        time.sleep(options.interval)


def describe(measurement: ClockMeasurement) -> str:
    """Say how good a proven clock is."""
    tracking = measurement.tracking
    if tracking is None:
        return "no tracking report"
    return f"{tracking.offset_s:+.6f} s from {tracking.reference or tracking.reference_id}, stratum {tracking.stratum}"


def say(*lines: str) -> None:
    """Write to the journal (standard output of the unit)."""
    sys.stdout.write("".join(line + "\n" for line in lines))
    sys.stdout.flush()


def arguments(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Wait until this host's clock is proven, or say why it is not.")
    parser.add_argument("--max-error", type=float, default=1.0, metavar="SECONDS", help="largest error bound")
    parser.add_argument("--min-sources", type=int, default=1, metavar="N", help="usable sources that are needed")
    parser.add_argument("--max-reference-age", type=float, default=4096.0, metavar="SECONDS")
    parser.add_argument("--max-drift", type=float, default=50.0, metavar="PPM")
    parser.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS", help="0: wait for ever")
    parser.add_argument("--interval", type=float, default=2.0, metavar="SECONDS", help="time between two looks")
    parser.add_argument("--chronyc-address", metavar="ADDRESS", help="where chronyc finds chronyd (its option -h)")
    return parser.parse_args(argv)


def main() -> int:
    """Run the gate."""
    nobody = NotAsked()
    return wait(Ports(HostRunner(), HostFiles(), HostClocks(), nobody, nobody), arguments())


if __name__ == "__main__":
    sys.exit(main())
