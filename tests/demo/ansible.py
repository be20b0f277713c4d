"""Runs Ansible as a user does, on the one host of the demo, and ends it when the demo ends."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.integration.playbooks import PLAYBOOKS, Run, command_line, inventory_of
from tests.rigs.shell import RigError

from .facts import Compliance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_MODULE = re.compile(r"Using module file \S+/(\w+)\.py\n(?:Pipelining is enabled\.\n)?<(\S+)>")
_TIME_LIMIT_S = 900


class Runner(NamedTuple):
    """Ansible for one host and one AWS account."""

    folder: Path
    host: str
    variables: Mapping[str, str]
    aws: Mapping[str, str]

    def module(self, name: str, **options: Any) -> None:
        """Run one module on the host."""
        argv, environment = self._command(self.folder / "setup", {})
        ansible = argv[0].removesuffix("-playbook")
        words = [ansible, *argv[1:3], self.host, "-m", name, "-a", json.dumps(options)]
        status, said = _run(words, self.folder / "setup", environment)
        if status:
            raise RigError(f"{name} failed on {self.host}: {said.strip()[-2000:]}")

    def compliance(self, mode: str, **variables: Any) -> Compliance:
        """Run compliance.yml in a mode; ``variables`` are the inventory's."""
        folder = self.folder / mode
        argv, environment = self._command(folder, variables, softtoken_mode=mode)
        start = time.monotonic()
        status, said = _run([*argv, "-vvv"], folder, environment)
        seconds = time.monotonic() - start
        (folder / "output.txt").write_text(said, encoding="utf-8")
        run = Run(status, said, folder)
        if not (folder / "report" / "report.json").exists():
            raise RigError(f"compliance.yml wrote no report: {said.strip()[-2000:]}\nAll of it: {folder}/output.txt")
        return Compliance(
            status=status,
            seconds=seconds,
            report=str(folder / "report" / "report.json"),
            page=str(folder / "report" / "index.html"),
            host=run.hosts[self.host],
            findings=[f for f in run.report["account"]["findings"] if f["resource"].startswith(f"{self.host}:")],
            changed=run.recap[self.host]["changed"],
            executions=_remote_modules(said),
            round_trips=said.count("SSH: EXEC"),
        )

    def _command(self, folder: Path, variables: Mapping[str, Any], **extra: str) -> tuple[list[str], dict[str, str]]:
        folder.mkdir(parents=True)
        inventory = inventory_of({self.host: dict(self.variables)}, **variables)
        argv, environment = command_line(folder, PLAYBOOKS / "compliance.yml", inventory, **extra)
        return argv, {**environment, **self.aws}


def _remote_modules(said: str) -> list[str]:
    return [module for module, host in _MODULE.findall(said) if host != "localhost"]


def _run(argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run to the end, or end it with all that it started: Ctrl-C at the terminal reaches the demo alone."""
    process = subprocess.Popen(
        list(argv),
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _nothing = process.communicate(timeout=_TIME_LIMIT_S)
    except subprocess.TimeoutExpired as exc:
        raise RigError(f"{shlex.join(argv[:4])} did not end within {_TIME_LIMIT_S} s") from exc
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process.returncode, said
