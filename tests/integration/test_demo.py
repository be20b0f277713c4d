"""`make demo` tells the truth: a real run, held against what it left, and against a world where one thing is not so."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.demo.checks import checks_of
from tests.demo.facts import Clock, Compliance, Enforced, Facts, Recorded, SignIn, known
from tests.demo.story import ACTS
from tests.rigs.network import namespaces
from tests.rigs.shell import need_root, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
#: What somebody may have set who works with a real account: none of it may be used.
SOMEBODY = {
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAOFSOMEBODYELSE00",
    "AWS_SECRET_ACCESS_KEY": "somebody-elses",
    "AWS_SESSION_TOKEN": "somebody-elses",
    "ANSIBLE_INVENTORY": "/nonexistent/hosts",
    "ANSIBLE_BECOME": "true",
    "http_proxy": "http://127.0.0.1:9",
}


class Demo:
    """A run of the demo as a process; whatever it starts carries its mark."""

    def __init__(self, folder: Path) -> None:
        need_root("the demo")
        self.folder = folder
        self._mark = f"SOFTTOKEN_TEST={uuid.uuid4()}"
        name, _equals, value = self._mark.partition("=")
        argv = [sys.executable, "-m", "tests.demo", "--folder", str(folder), "--json", str(folder / "measured.json")]
        self.process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env={**os.environ, **SOMEBODY, "COLUMNS": "100", name: value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def left(self) -> list[str]:
        """Return what of it is still there: processes and namespaces."""
        processes = [path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if self._carries(path)]
        return processes + [name for name in namespaces() if name.startswith(f"softtoken-{self.process.pid}-")]

    def _carries(self, path: Path) -> bool:
        try:
            return self._mark.encode() in path.read_bytes().split(b"\0")
        except OSError:  # it has ended
            return False


class Played(NamedTuple):
    """An ended run."""

    status: int
    text: str  # in single spaces, as lines are broken anywhere
    errors: str
    measured: dict[str, Any]
    folder: Path
    left: list[str]

    @property
    def facts(self) -> Facts:
        """What was measured, in the demo's own form."""
        return facts_of(self.measured)


def facts_of(measured: dict[str, Any]) -> Facts:
    given = {name: value for name, value in measured.items() if name not in ("holds", "seconds", "checks")}
    for name in ("clock_before", "clock_audited", "clock_after"):
        given[name] = Clock(**given[name])
    for name in ("before", "after"):
        given[name] = [SignIn(**each) for each in given[name]]
    given["recorded"] = [Recorded(**each) for each in given["recorded"]]
    audit, enforce = (Compliance(**given.pop(name)) for name in ("audit", "enforce"))
    return Facts(**{**given, "audit": audit, "enforce": enforce, "enforced": Enforced(**given["enforced"])})


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    demo = Demo(tmp_path_factory.mktemp("demo"))
    text, errors = demo.process.communicate()
    path = demo.folder / "measured.json"
    assert path.exists(), text + errors
    measured = json.loads(path.read_text(encoding="utf-8"))
    return Played(demo.process.returncode, " ".join(text.split()), errors, measured, demo.folder, demo.left())


def test_the_story_is_true(played: Played) -> None:
    assert played.status == 0, played.text + played.errors
    assert played.measured["holds"] is True
    assert {check["holds"] for check in played.measured["checks"]} == {True}
    assert "\033" not in played.text


def test_it_tells_what_was_measured_and_no_other_figure(played: Played) -> None:
    facts = played.facts
    before, after, done = known(facts.clock_before), known(facts.clock_after), known(facts.enforced)
    audit, enforce = known(facts.audit), known(facts.enforce)
    told = [
        f"; {before.off_s:.2f} s fast, give or take {before.uncertainty_s:.2f} s",
        f"; {abs(after.off_s):.2f} s {'fast' if after.off_s > 0 else 'slow'}, give or take {after.uncertainty_s:.2f} s",
        f"follows {before.source}, ",
        f"follows {after.source}, ",
        f"stepped {done.steps[0]:+.3f} s, by chrony_makestep",
        f"answered {done.seconds_to_an_answer:.1f} s after enforcing began",
        f"cost {audit.seconds:.1f} s, {audit.round_trips} remote executions",
        f"cost {enforce.seconds:.1f} s, {enforce.round_trips} remote executions",
        f"prod accepted: code of {_of_day(facts.after[0].made_at)} UTC, {facts.serials['prod']}",
        f"session {facts.after[0].session} ",
        *(f"AccessDenied: {each.message}" for each in [*facts.before, *facts.after] if not each.accepted),
        *audit.host["messages"],
        *(found["message"] for found in enforce.findings),
        *done.sources,
    ]
    assert [words for words in told if words not in played.text] == []


def test_its_figures_are_those_of_the_reports(played: Played) -> None:
    for mode in ("audit", "enforce"):
        told = played.measured[mode]
        report = json.loads((played.folder / mode / "report" / "report.json").read_text(encoding="utf-8"))
        assert [told["host"]] == report["hosts"]
        assert told["findings"]
        assert all(found in report["account"]["findings"] for found in told["findings"])
        assert Path(told["page"]).read_text(encoding="utf-8").startswith("<!doctype html>")
        assert f"{mode}/report/index.html" in played.text
        assert (
            f"{round(report['hosts'][0]['facts']['totp']['accept_probability']['rfc6238'] * 100)}% of codes"
            in played.text
        )


def test_the_guest_really_was_five_minutes_fast_and_aws_really_was_asked(played: Played) -> None:
    facts = played.facts
    refused, accepted = facts.before[0], facts.after[0]
    at = dict(zip(("refused", "stale", "accepted", "still stale"), facts.recorded, strict=True))
    # What AWS noted of its own time, beside the second of the host's clock that the code was made of: the request took
    # its time after that, up to the limit that the client has.
    assert 300 - 90 < refused.made_at - _second(at["refused"].at) < 300 + 6
    assert -90 < accepted.made_at - _second(at["accepted"].at) < 6


def test_it_leaves_nothing_behind(played: Played) -> None:
    assert played.left == []


def test_somebody_elses_account_is_never_used(played: Played) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in played.folder.rglob("output.txt"))
    assert "Audit the account]" in text
    assert [value for value in SOMEBODY.values() if value != "true" and value in text] == []


def _taken(sign_in: SignIn) -> SignIn:
    return replace(sign_in, status=200, session="ASIAEXAMPLE", code="", message="")


def _refused(sign_in: SignIn, message: str) -> SignIn:
    return replace(sign_in, status=403, session="", code="AccessDenied", message=message)


def _host(run: Compliance | None, **changes: Any) -> Compliance:
    return replace(known(run), host={**known(run).host, **changes})


def _probability(run: Compliance | None, value: float) -> Compliance:
    host = copy.deepcopy(known(run).host)
    host["facts"]["totp"]["accept_probability"]["rfc6238"] = value
    return replace(known(run), host=host)


def _finding(run: Compliance | None, number: int, **changes: Any) -> Compliance:
    findings = copy.deepcopy(known(run).findings)
    findings[number].update(changes)
    return replace(known(run), findings=findings)


#: The world otherwise, each time in one thing, and the statements that are not so then.
OTHERWISE: dict[str, Callable[[Facts], Any]] = {
    "chronyd follows nobody": lambda f: {"clock_before": replace(known(f.clock_before), source="")},
    "chronyd sees the offset": lambda f: {"clock_before": replace(known(f.clock_before), believed_off_s=300.0)},
    "chronyd sees nothing": lambda f: {"clock_before": replace(known(f.clock_before), believed_off_s=None)},
    "the clock was right": lambda f: {"clock_before": replace(known(f.clock_before), off_s=0.0)},
    "the device is no longer the user's": lambda _f: {"devices": []},
    "the stale device is the user's": lambda f: {"devices": [*f.devices, f.serials["legacy"]]},
    "the wrong code was taken": lambda f: {"before": [_taken(f.before[0]), f.before[1]]},
    "the stale serial was taken": lambda f: {"before": [f.before[0], _taken(f.before[1])]},
    "both were refused for the serial": lambda f: {"before": [_refused(f.before[0], f.before[1].message), f.before[1]]},
    "AWS was never asked": lambda _f: {"recorded": []},
    "the audit was content": lambda f: {"audit": _host(f.audit, verdict="compliant")},
    "the audit did not fail the run": lambda f: {"audit": replace(known(f.audit), status=0)},
    "the audit's figure is wrong": lambda f: {"clock_audited": replace(known(f.clock_audited), off_s=270.0)},
    "the audit hopes": lambda f: {"audit": _probability(f.audit, 0.1)},
    "the audit changed something": lambda f: {"audit": replace(known(f.audit), changed=1)},
    "the stale serial is not found": lambda f: {"audit": replace(known(f.audit), findings=[])},
    "it is found elsewhere": lambda f: {"audit": _finding(f.audit, 0, document="profile:prod")},
    "a good serial is called stale": lambda f: {"enforce": _finding(f.enforce, 0, serial=f.serials["prod"])},
    "no device is proposed": lambda f: {"enforce": _finding(f.enforce, 1, message="It is stale.")},
    "nobody says what was before": lambda f: {"enforce": _host(f.enforce, before=None)},
    "enforcing was of no use": lambda f: {"enforce": _host(f.enforce, verdict="noncompliant")},
    "enforcing failed": lambda f: {"enforce": _host(f.enforce, enforcement={"status": "failed"})},
    "it was only audited": lambda f: {"enforce": _host(f.enforce, before=None, enforcement=None)},
    "codes are still at risk": lambda f: {"enforce": _probability(f.enforce, 0.5)},
    "the wrong server stays": lambda f: {"enforced": replace(known(f.enforced), sources=[f"server {f.wrong_server}"])},
    "chronyd follows it still": lambda f: {"clock_after": replace(known(f.clock_after), source=f.wrong_server)},
    "nothing was stepped": lambda f: {"enforced": replace(known(f.enforced), steps=[])},
    "it was stepped by too little": lambda f: {"enforced": replace(known(f.enforced), steps=[-1.0])},
    "chronyd stepped by itself": lambda f: {"enforced": replace(known(f.enforced), asked_for=False)},
    "the clock is still wrong": lambda f: {"clock_after": replace(known(f.clock_after), off_s=30.0)},
    "the code is refused still": lambda f: {"after": [_refused(f.after[0], f.before[0].message), f.after[1]]},
    "the stale serial is taken now": lambda f: {"after": [f.after[0], _taken(f.after[1])]},
}  # fmt: skip


@pytest.mark.parametrize("otherwise", OTHERWISE)
def test_it_fails_where_one_thing_is_not_so(played: Played, otherwise: str) -> None:
    assert _not_so(played.facts) == set()
    assert _not_so(replace(played.facts, **OTHERWISE[otherwise](played.facts)))


def test_every_statement_can_fail(played: Played) -> None:
    statements = {check["statement"] for check in played.measured["checks"]}
    failed: set[str] = set()
    for change in OTHERWISE.values():
        failed |= _not_so(replace(played.facts, **change(played.facts)))
    assert statements - failed == set()


def test_ctrl_c_ends_all_that_it_started(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    assert demo.process.stdout is not None
    try:
        # In the middle of Ansible's work on the machine.
        read = next((line for line in demo.process.stdout if line.startswith("3  Audit")), None)
        assert read is not None, demo.process.communicate()
        demo.process.send_signal(signal.SIGINT)
        _text, errors = demo.process.communicate()
    finally:
        demo.process.terminate()
    assert demo.process.returncode == 130, errors
    assert "ended by SIGINT" in errors
    # What was killed takes a moment to go where processors are busy.
    wait_for(lambda: not demo.left(), "all that it started to end", timeout=20)


def _not_so(facts: Facts) -> set[str]:
    return {check.statement for act in ACTS for check in checks_of(act, facts) if not check.holds}


def _second(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


def _of_day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, tz=UTC):%H:%M:%S}"
