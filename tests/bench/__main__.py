"""Measure the budgets: ``python -m tests.bench facts|timesync|iam|scale``. Prints Markdown; all but iam need root."""

from __future__ import annotations

import argparse
import datetime
import os
import platform

from . import converged_role, fleet_facts, iam_accounts, scale_runs

NAMES = ("facts", "timesync", "iam", "scale")


def main() -> None:
    """Run the benchmarks that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("which", nargs="*", help="facts, timesync, iam, scale; all of them without a name")
    parser.add_argument("--hosts", type=int, default=200, help="names for this machine in the facts benchmark")
    parser.add_argument("--many", type=int, default=1000, help="facts: as many hosts by report, once; 0 for none")
    parser.add_argument("--forks", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--roles", type=int, nargs="+", default=[10000, 50000], help="sizes of the accounts for iam")
    parser.add_argument("--beside", action="store_true", help="iam: run parliament and cloudsplaining as well")
    parser.add_argument("--parts", nargs="+", choices=scale_runs.PARTS, default=[], help="scale: these parts alone")
    options = parser.parse_args()
    which = options.which or list(NAMES)
    if unknown := set(which) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    print(
        f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}, {os.cpu_count()} cores,"
        f" Python {platform.python_version()}, {platform.system()} {platform.release()}\n"
    )
    if "facts" in which:
        print(f"### {options.hosts} hosts, {options.forks} forks, pipelining, {options.rounds} rounds\n")
        print(fleet_facts.measure(options.hosts, options.forks, options.rounds, options.many), "\n", flush=True)
    if "timesync" in which:
        print(f"### Converged timesync role, {options.rounds} rounds\n")
        print(converged_role.measure(options.rounds), "\n", flush=True)
    if "iam" in which:
        print(f"### IAM audit, all rules, one core, {options.rounds} rounds\n")
        print(iam_accounts.measure(options.roles, options.rounds, beside=options.beside), flush=True)
    if "scale" in which:
        print("### compliance.yml over SSH\n")
        print(scale_runs.measure(options.parts), flush=True)


if __name__ == "__main__":
    main()
