# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says on the terminal how far a run is, and at its end what is wrong and what to do about it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: summary
type: aggregate
short_description: Progress over the hosts, and at the end what is wrong and what to do about it
version_added: 0.1.0
author:
  - softtoken.compliance contributors (@softtoken)
description:
  - While M(softtoken.compliance.host_facts) runs, one line at the bottom of the terminal says how many hosts are
    measured, by verdict, for how long, and about how long it will still take. It is never in a log, a pipe or a job of
    AWX.
  - At the end it shows the verdict, the worst hosts with offset and bound, the hosts that could not be measured with
    their error, what to do for each reason with the command for it, the worst findings of the AWS account, and where
    the report is.
  - It shows what M(softtoken.compliance.compliance_report) reported. In a run without that, or one that ended before
    it, it shows what M(softtoken.compliance.host_facts) returned.
  - It says nothing in runs that measured nothing and reported nothing, and hides nothing that Ansible says.
  - Colours are Ansible's own, and so is the setting for them.
requirements:
  - enabled in the configuration, C(callbacks_enabled = softtoken.compliance.summary) in the section C(defaults) of
    C(ansible.cfg), or E(ANSIBLE_CALLBACKS_ENABLED)
options:
  max_hosts:
    description:
      - How many hosts, things to do and reasons each table names at most. The report has all of them.
    type: int
    default: 10
    ini:
      - section: callback_softtoken_summary
        key: max_hosts
    env:
      - name: SOFTTOKEN_SUMMARY_MAX_HOSTS
  progress:
    description:
      - Whether the line about the progress is shown.
      - V(auto) shows it on a terminal, unless the run is a job of AWX, ansible-runner or a CI service, which give jobs
        a terminal that is a log. V(on) shows it there as well. Without a terminal there is none in any case.
    type: str
    choices: [auto, "on", "off"]
    default: auto
    ini:
      - section: callback_softtoken_summary
        key: progress
    env:
      - name: SOFTTOKEN_SUMMARY_PROGRESS
"""

import atexit
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812  # as it is called everywhere in Ansible
from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.commands import Commands, commands_like
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_reader import NotAReport, read_json
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_report import summary_to_dict
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import Report
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.terminal import terminal_lines
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.terminal_line import TITLE
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.watched import Progress, Watched

_COLLECTION = "softtoken.compliance"
_REDRAW_S = 0.1
_WIDEST = 120  # what is longer does not read well


class StatusLine:
    """A line at the bottom of a terminal that goes away before Ansible writes anything.

    Ansible writes through one Display: its method is replaced by one that clears the line first. Processes that Ansible
    forks have a copy of it, and no business here.
    """

    def __init__(self, display: Any) -> None:
        self._pid = os.getpid()
        self._shown = ""
        self._display = display.display
        display.display = self._cleared_first(display.display)

    @property
    def shown(self) -> bool:
        """Whether the line is on the terminal now."""
        return bool(self._shown)

    def show(self, text: str) -> None:
        """Draw the line, in place of what was there."""
        if text != self._shown:
            self._shown = text
            self._write(f"\r{text}\x1b[K")

    def hide(self) -> None:
        """Take the line away."""
        if self._shown and os.getpid() == self._pid:
            self._shown = ""
            self._write("\r\x1b[K")

    def _cleared_first(self, display: Callable[..., Any]) -> Callable[..., Any]:
        def cleared(*args: Any, **kwargs: Any) -> Any:
            self.hide()
            return display(*args, **kwargs)

        return cleared

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


class CallbackModule(CallbackBase):
    """Watches a run, and tells."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "softtoken.compliance.summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watched = Watched()
        self._reported: Mapping[str, Any] | None = None
        self._account = ""
        self._hosts_of_play = 0
        self._play: str | None = None
        self._progress: Progress | None = None
        self._measuring: str | None = None  # the task that measures now
        self._line: StatusLine | None = None
        self._drawn_s = 0.0
        self._told = False

    def set_options(self, *args: Any, **kwargs: Any) -> None:
        """Take the options; called once, before the run."""
        super().set_options(*args, **kwargs)
        if self._wants_progress():
            self._line = StatusLine(self._display)

    # --- the run -----------------------------------------------------------------------------------------------------

    def v2_playbook_on_start(self, playbook: Any) -> None:  # noqa: ARG002  # Ansible's signature
        """Be there when the run ends early: then Ansible calls no callback."""
        atexit.register(self._tell_what_there_is, os.getpid())

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Learn how many hosts a play has. It begins anew for each batch of hosts."""
        self._pause()
        if play._uuid == self._play:  # noqa: SLF001  # nothing else tells a batch from a play
            return
        self._play, self._measuring = play._uuid, None  # noqa: SLF001  # as above
        variables = play.get_variable_manager().get_vars(play=play)
        self._hosts_of_play = len(variables.get("ansible_play_hosts_all") or ())
        account = variables.get("softtoken_account")
        self._account = account if isinstance(account, str) else self._account

    def v2_playbook_on_task_start(self, task: Any, is_conditional: Any) -> None:  # noqa: ARG002  # Ansible's signature
        """Begin to count where a task measures."""
        self._pause()
        if not _is(task, "host_facts"):
            return
        if task.get_name() != self._measuring:
            self._measuring = task.get_name()
            self._progress = Progress(self._hosts_of_play, time.monotonic())
        self._draw()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note a measurement, or the report."""
        task = _task(result)
        if _is(task, "host_facts"):
            self._measured(result, {})
        elif _is(task, "compliance_report") and "summary" in _values(result):
            # In check mode no file is written, and what lies there is of another run.
            self._reported = {**_values(result), **({"files": []} if task.check_mode else {})}

    # The signature is Ansible's.
    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Note a measurement that failed."""
        if _is(_task(result), "host_facts"):
            self._measured(result, {"failed": True})

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Note a host that was not reached, by whatever task."""
        if _is(_task(result), "host_facts"):
            self._measured(result, {"unreachable": True})
        else:
            self._watched.lost(_host(result), _values(result))

    def v2_playbook_on_vars_prompt(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002  # Ansible's signature
        """Leave the terminal to the question."""
        self._pause()

    def v2_playbook_on_stats(self, stats: Any) -> None:  # noqa: ARG002  # Ansible's signature
        """Tell what came out."""
        self._pause()
        self._tell("")

    # --- progress ----------------------------------------------------------------------------------------------------

    def _wants_progress(self) -> bool:
        wanted = self.get_option("progress")
        if wanted == "off" or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
            return False
        return wanted == "on" or not (_is_job() or os.environ.get("CI"))

    def _measured(self, result: Any, status: Mapping[str, Any]) -> None:
        host = _host(result)
        # Ansible leaves the status out of what a callback sees: the event says it.
        verdict = self._watched.measured(host, {**_values(result), **status})
        if self._progress is None:
            return
        self._progress.measured(host, verdict)
        self._draw()

    def _draw(self) -> None:
        if self._line is None or self._progress is None:
            return
        if self._progress.ended:
            self._line.hide()
            return
        now_s = time.monotonic()
        # What Ansible wrote took the line away. A line that is still there is drawn anew only so often.
        if not self._line.shown or now_s - self._drawn_s >= _REDRAW_S:
            self._drawn_s = now_s
            self._line.show(self._progress.line(now_s, shutil.get_terminal_size().columns))

    def _pause(self) -> None:
        if self._line is not None:
            self._line.hide()

    # --- the end -----------------------------------------------------------------------------------------------------

    def _tell_what_there_is(self, pid: int) -> None:
        """Tell what was measured until Ansible gave up, or somebody stopped it."""
        if os.getpid() == pid and not self._told:
            self._pause()
            seen = f"{len(self._watched)} of {max(len(self._watched), self._hosts_of_play)} hosts"
            self._tell(f"The run ended early: {seen} were measured until then.")

    def _tell(self, note: str) -> None:
        self._told = True
        if self._reported is None and not len(self._watched):
            return
        written = None if self._reported is None else _written(self._reported)
        said: list[tuple[str, str]] = []
        if self._reported is not None and written is None:
            # What was seen of the run may be less than what was reported.
            said, note = _said(self._reported), note or _why_not_written(self._reported["files"])
        lines = terminal_lines(
            written or self._seen(),
            width=min(shutil.get_terminal_size().columns, _WIDEST),
            limit=max(1, self.get_option("max_hosts")),
            commands=None if _is_job() else self._commands(),
            files=[] if self._reported is None else self._reported["files"],
            note=note,
            said=said,
        )
        self._display.banner("SOFTTOKEN COMPLIANCE")
        for line in lines:
            self._display.display(_encodable(line.text), color=_COLOURS.get(line.tone))

    def _seen(self) -> Report:
        """Return what was seen, for where no report can be read."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._watched.report(generated_at=now, dry_run=False)

    def _commands(self) -> Commands:
        return commands_like(
            context.CLIARGS,
            program=sys.argv[0],
            directory=str(Path.cwd()),
            account=self._account,
            inventory=C.DEFAULT_HOST_LIST or (),
        )


_COLOURS = {
    "noncompliant": C.COLOR_ERROR,
    "unknown": C.COLOR_WARN,
    "compliant": C.COLOR_OK,
    TITLE: C.COLOR_HIGHLIGHT,
}


def _is(task: Any, module: str) -> bool:
    name = getattr(task, "resolved_action", None) or task.action
    return name in {f"{_COLLECTION}.{module}", module}


def _task(result: Any) -> Any:
    # ansible-core before 2.19 has only the private names.
    return getattr(result, "task", None) or result._task  # noqa: SLF001  # its name before 2.19


def _host(result: Any) -> str:
    host = getattr(result, "host", None) or result._host  # noqa: SLF001  # its name before 2.19
    return str(host.get_name())


def _values(result: Any) -> Mapping[str, Any]:
    values = getattr(result, "result", None)
    return values if values is not None else result._result  # noqa: SLF001  # its name before 2.19


def _is_job() -> bool:
    """Whether ansible-runner started this, as AWX does: its jobs have a terminal, and it is a log."""
    return C.DEFAULT_STDOUT_CALLBACK == "awx_display" or "AWX_ISOLATED_DATA_DIR" in os.environ


def _written(result: Mapping[str, Any]) -> Report | None:
    """Return the report as it was written, unless the file is of another run."""
    path = next((path for path in result["files"] if path.endswith(".json")), None)
    try:
        report = None if path is None else read_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, NotAReport):
        return None
    return report if report is not None and summary_to_dict(report) == result["summary"] else None


def _said(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the verdicts as the report's own result has them, each with its line."""
    summary, headline, account = result["summary"], result.get("headline"), result.get("account_headline")
    said = [(summary["verdict"], headline)] if headline and headline != account else []
    return [*said, *([(summary["account_summary"]["verdict"], account)] if account else [])]


def _why_not_written(files: Sequence[str]) -> str:
    if any(path.endswith(".json") for path in files):
        return "report.json could not be read: this is what was seen of the run."
    if not files:
        return "No report was written, as in check mode: the hosts as they were seen in the run."
    return "The hosts as they were seen in the run: more is told here where softtoken_formats has json."


def _encodable(text: str) -> str:
    """Write out what the terminal cannot show."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)
