"""Measure the budgets: ``python -m tests.bench facts|timesync``. Prints Markdown; needs root."""

from __future__ import annotations

import argparse
import datetime
import os
import platform

from . import converged_role, fleet_facts


def main() -> None:
    """Run the benchmarks that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("which", nargs="*", help="facts, timesync; all of them without a name")
    parser.add_argument("--hosts", type=int, default=200, help="names for this machine in the facts benchmark")
    parser.add_argument("--forks", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    which = options.which or ["facts", "timesync"]
    if unknown := set(which) - {"facts", "timesync"}:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    print(
        f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}, {os.cpu_count()} cores,"
        f" Python {platform.python_version()}, {platform.system()} {platform.release()}\n"
    )
    if "facts" in which:
        print(f"### {options.hosts} hosts, {options.forks} forks, pipelining, {options.rounds} rounds\n")
        print(fleet_facts.measure(options.hosts, options.forks, options.rounds), "\n", flush=True)
    if "timesync" in which:
        print(f"### Converged timesync role, {options.rounds} rounds\n")
        print(converged_role.measure(options.rounds), flush=True)


if __name__ == "__main__":
    main()
