"""Check, without a network, that each requirements/*.txt is what `make lock` makes of its *.in.

Every requirement of an .in file is pinned in the .txt at a version that satisfies it, every pin carries hashes, no
file names an index, and files that are installed together agree.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).resolve().parents[2] / "requirements"
TOGETHER = ("bootstrap", "runtime", "dev")


def requirements(path: Path) -> list[Requirement]:
    """Return what an .in file asks for, without comments and options."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def pins(path: Path) -> dict[str, tuple[str, int]]:
    """Return name -> (version, number of hashes) of a compiled file."""
    found: dict[str, tuple[str, int]] = {}
    for block in re.split(r"\n(?=[a-zA-Z0-9])", path.read_text(encoding="utf-8")):
        match = re.match(r"([\w.-]+)(?:\[[\w,.-]+\])?==([^\s;\\]+)", block)
        if match:
            found[canonicalize_name(match[1])] = (match[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}", block)))
    return found


def faults_of(source: Path) -> list[str]:
    """List what is out of step between an .in file and its .txt."""
    compiled = source.with_suffix(".txt")
    if not compiled.is_file():
        return [f"{compiled.name} is missing"]
    pinned = pins(compiled)
    faults = [f"{compiled.name}: {name} has no hashes" for name, pin in pinned.items() if not pin[1]]
    for requirement in requirements(source):
        version = pinned.get(canonicalize_name(requirement.name), ("", 0))[0]
        if not version:
            faults.append(f"{compiled.name}: {requirement.name} of {source.name} is not in it")
        elif not requirement.specifier.contains(version, prereleases=True):
            faults.append(f"{compiled.name}: {requirement.name} {version} does not satisfy {requirement}")
    if "://" in compiled.read_text(encoding="utf-8"):
        faults.append(f"{compiled.name}: names an address")
    return faults


def disagreements() -> list[str]:
    """List packages that files of one environment pin differently."""
    seen: dict[str, tuple[str, str]] = {}
    faults = []
    for name in TOGETHER:
        for package, pin in pins(FOLDER / f"{name}.txt").items():
            version = pin[0]
            other, where = seen.setdefault(package, (version, name))
            if other != version:
                faults.append(f"{package}: {other} in {where}.txt, {version} in {name}.txt")
    return faults


def main() -> int:
    """Print the faults; the exit status says whether there are any."""
    sources = sorted(FOLDER.glob("*.in"))
    faults = [fault for source in sources for fault in faults_of(source)] + disagreements()
    for fault in faults:
        print(f"requirements: {fault}; run `make lock`", file=sys.stderr)
    if not faults:
        print(f"requirements: {len(sources)} files in step")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
