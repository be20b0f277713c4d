"""Runs playbooks the way AWX does: ``ansible-runner transmit | ansible-runner worker | ansible-runner process``.

AWX cuts the sorted enabled hosts of an inventory into slices, gives each job its part as an inventory script and its
variables as a file whose texts are not templated, takes what the statistics of the run carry as the job's artifacts,
and hands those of all jobs before on as extra variables of the next.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import yaml

from tests.integration.playbooks import ROOT, THIS_MACHINE
from tests.rigs.containers import ENVIRONMENT
from tests.rigs.shell import wait_for

_RUNNER = str(Path(sys.executable).with_name("ansible-runner"))
TIMEOUT_S = 900

#: The jobs of a test, so that none outlives it.
STARTED: list[Job] = []


class Ended(NamedTuple):
    """One job, as AWX knows it afterwards."""

    rc: int
    events: list[dict[str, Any]]
    folder: Path  # where the playbook ran
    errors: str  # what the three processes complained of

    @property
    def artifacts(self) -> dict[str, Any]:
        """What the job hands on."""
        told = [event["event_data"]["artifact_data"] for event in self.events if event["event"] == "playbook_on_stats"]
        return told[-1] if told else {}

    @property
    def output(self) -> str:
        """What the job printed."""
        return "\n".join([*(event.get("stdout", "") for event in self.events), self.errors])

    @property
    def report(self) -> dict[str, Any]:
        """report.json of the job."""
        document: dict[str, Any] = json.loads((self.folder / "project/report/report.json").read_text(encoding="utf-8"))
        return document


class _Unsafe(yaml.SafeDumper):
    """Marks every text as AWX does, so that Ansible takes no template from it."""


_Unsafe.add_representer(str, lambda dumper, text: dumper.represent_scalar("!unsafe", text))


def cut(hosts: Mapping[str, Any], number: int, count: int) -> dict[str, Any]:
    """Return AWX's slice of an inventory."""
    names = sorted(hosts)[number - 1 :: count]
    return {name: hosts[name] for name in names}


class Job:
    """One job: a playbook of the collection over an inventory, in three processes that know of nothing but a stream."""

    def __init__(self, folder: Path, playbook: str, hosts: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        self._sent, self._worked, self._kept = (folder / name for name in ("sent", "worked", "kept"))
        for part in ("inventory", "env", "project"):
            (self._sent / part).mkdir(parents=True)
        self._worked.mkdir()
        self._kept.mkdir()
        self._said = folder / "said"
        play = [{"name": "Run", "ansible.builtin.import_playbook": f"softtoken.compliance.{playbook}"}]
        (self._sent / "project" / "run.yml").write_text(yaml.safe_dump(play), encoding="utf-8")
        script = self._sent / "inventory" / "hosts"
        script.write_text(f"#!/usr/bin/env python3\nprint({json.dumps(_script_data(hosts))!r})\n", encoding="utf-8")
        script.chmod(0o700)
        extra = yaml.dump(dict(variables), Dumper=_Unsafe)
        (self._sent / "env" / "extravars").write_text(extra, encoding="utf-8")
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> Job:
        """Start the three processes."""
        STARTED.append(self)
        sending = self._spawn(["transmit", str(self._sent), "-p", "run.yml"], stdin=subprocess.DEVNULL)
        working = self._spawn(["worker", "--private-data-dir", str(self._worked)], stdin=sending.stdout)
        self._spawn(["process", str(self._kept), "-i", "job"], stdin=working.stdout, stdout=subprocess.DEVNULL)
        for process in (sending, working):
            if process.stdout is not None:
                process.stdout.close()
        return self

    def _spawn(self, argv: Sequence[str], stdin: Any, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            **ENVIRONMENT,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
            "ANSIBLE_FORKS": "8",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        with self._said.open("ab") as said:
            process = subprocess.Popen([_RUNNER, *argv], stdin=stdin, stdout=stdout, stderr=said, env=environment)
        self._processes.append(process)
        return process

    def kill_in_the_middle(self, task: str, hosts: int) -> None:
        """Kill whatever works, once the task has ended on some hosts: nothing gets to say a last word."""

        def done() -> bool:
            return sum(event["event_data"].get("task") == task for event in self._events("runner_on_ok")) >= hosts

        wait_for(done, f"{hosts} hosts to be through {task!r}", timeout=TIMEOUT_S, every=0.05)
        self.kill()

    def kill(self) -> None:
        """Kill whatever still works for this job."""
        if self._processes[1].poll() is None:
            for process in _stopped(psutil.Process(self._processes[1].pid)):
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def end(self) -> Ended:
        """Wait until the job has ended."""
        rcs = [process.wait(timeout=TIMEOUT_S) for process in self._processes]
        return Ended(rcs[1], self._events(), self._worked, self._said.read_text(encoding="utf-8"))

    def _events(self, kind: str = "") -> list[dict[str, Any]]:
        folder = self._kept / "artifacts" / "job" / "job_events"
        paths = sorted(folder.glob("*-*.json"), key=lambda path: int(path.name.partition("-")[0]))
        events = []
        for path in paths:
            try:
                event = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:  # it is being written
                continue
            if not kind or event["event"] == kind:
                events.append(event)
        return events


def slice_job(folder: Path, hosts: Mapping[str, Any], number: int, run: int, **variables: Any) -> Job:
    """Return the job of one slice: AWX tells it its own id and that of the workflow job, and no number."""
    own = {"awx_job_id": run + number, "awx_workflow_job_id": run, "softtoken_slice": True, "softtoken_fail_on": []}
    return Job(folder, "compliance", hosts, {**own, **variables})


def _script_data(hosts: Mapping[str, Any]) -> dict[str, Any]:
    return {"all": {"hosts": list(hosts), "vars": THIS_MACHINE}, "_meta": {"hostvars": dict(hosts)}}


def _stopped(process: psutil.Process) -> list[psutil.Process]:
    """Stop a process and all that it started, so that none of them starts another one meanwhile."""
    stopped: list[psutil.Process] = []
    while new := [one for one in [process, *process.children(recursive=True)] if one not in stopped]:
        for one in new:
            stopped.append(one)
            with suppress(psutil.NoSuchProcess):
                one.suspend()
    return stopped
