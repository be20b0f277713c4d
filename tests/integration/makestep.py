"""Runs ``chrony_makestep`` by Ansible, for the tests of this folder."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.rigs.shell import run

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = Path(sys.executable).with_name("ansible")


def makestep(
    host: str, connection: Sequence[str], options: dict[str, Any], *, check: bool = False, path: Path | None = None
) -> dict[str, Any]:
    """Run the module on ``host``; ``path`` is a folder of programs that the host finds before its own."""
    environment = {"LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    if path is not None:
        environment["PATH"] = f"{path}:{os.environ['PATH']}"
    arguments = ["-m", "softtoken.compliance.chrony_makestep", *(["-a", json.dumps(options)] if options else [])]
    result = run(
        [str(ANSIBLE), host, *connection, *(["--check"] if check else []), *arguments],
        check=False,
        env=environment,
        timeout=900,
    )
    _status, arrow, printed = result.stdout.partition(" => ")
    assert arrow, result.stdout + result.stderr
    returned, _end = json.JSONDecoder().raw_decode(printed)
    return {"failed": result.returncode != 0, "printed": result.stderr, **returned}
