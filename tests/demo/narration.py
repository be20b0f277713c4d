"""Tells the story: a heading before each act, and after it what was measured, in words."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .facts import known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .checks import Check
    from .facts import Clock, Compliance, Facts, SignIn

_LABEL = 12
_BOLD, _GREEN, _RED = "1", "32", "31"
_HEADINGS = {
    "look": "What {host} believes, and what is true",
    "sign_in": "What AWS says",
    "audit": "Audit: compliance.yml measures the host, asks the account, changes nothing",
    "enforce": "Enforce: the same playbook puts the host right, and proves it",
    "sign_in_again": "What AWS says now",
}

#: The acts that are runs of compliance.yml, called as its modes are.
_RUNS = ("audit", "enforce")


class Line(NamedTuple):
    """One thing that is told: a label, words that carry a colour, and the rest."""

    label: str
    text: str
    marked: str = ""
    colour: str = ""


class Narrator:
    """Writes text of a width, in colours where they can be seen."""

    def __init__(self, width: int, *, colours: bool) -> None:
        self._width = min(max(width, 60), 100)
        self._colours = colours
        self._act = 0

    def opening(self, facts: Facts) -> str:
        """Introduce what there is."""
        first, *_others, last = facts.true_servers
        lines = (
            Line(facts.host, f"a virtual machine with {facts.system}, chrony {facts.chrony}, and its own clock"),
            Line("servers", f"{first} to {last} tell true time (chronyd)"),
            Line("", f"{facts.wrong_server} is five minutes fast, and {facts.host} follows it"),
            Line(facts.user, f"signs in from {facts.host}, with codes of a soft token there (oathtool)"),
            *(Line("", f"profile {profile} has mfa_serial {serial}") for profile, serial in facts.serials.items()),
            Line("AWS", "a double on this machine, which checks codes, serials and signatures as AWS does"),
        )
        title = self._paint("A code is refused, twice, and the two refusals look alike", _BOLD)
        return "\n".join((title, *(self._told(line) for line in lines)))

    def heading(self, act: str, facts: Facts) -> str:
        """Announce an act."""
        self._act += 1
        heading = self._paint(f"{self._act}  {_HEADINGS[act].format(host=facts.host)}", _BOLD)
        if act not in _RUNS:
            return f"\n{heading}"
        command = f"ansible-playbook -i inventory.yml playbooks/compliance.yml -e softtoken_mode={act}"
        return f"\n{heading}\n{self._told(Line('$', command))}"

    def told(self, act: str, facts: Facts) -> str:
        """Tell what an act measured."""
        return "\n".join(self._told(line) for line in _TELL[act](facts))

    def failed(self, checks: Sequence[Check]) -> str:
        """Tell what is not as the story has it."""
        lines = [Line("NOT SO", f"{check.statement}. Measured: {check.measured}", "NOT SO", _RED) for check in checks]
        return "\n".join(self._told(line) for line in lines)

    def closing(self, facts: Facts, checks: int, seconds: float) -> str:
        """Tell where to read on."""
        lines = (
            Line("checked", f"{checks} statements about what was measured, and each holds; {seconds:.0f} s in all"),
            Line("reports", _near(known(facts.audit).page)),
            Line("", _near(known(facts.enforce).page)),
        )
        return "\n" + "\n".join(self._told(line) for line in lines)

    def _told(self, line: Line) -> str:
        indent = " " * (3 + _LABEL)
        wrapped = textwrap.fill(
            line.text,
            self._width,
            initial_indent=f"   {line.label:<{_LABEL}}",
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return wrapped.replace(line.marked, self._paint(line.marked, line.colour), 1) if line.marked else wrapped

    def _paint(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._colours else text


def _look(facts: Facts) -> Iterator[Line]:
    yield from _clock(known(facts.clock_before))


def _sign_in(facts: Facts) -> Iterator[Line]:
    for sign_in in facts.before:
        yield from _answer(sign_in)


def _audit(facts: Facts) -> Iterator[Line]:
    run = known(facts.audit)
    yield _host(run)
    for reason, message in zip(run.host["reasons"], run.host["messages"], strict=True):
        yield Line("", f"{reason}: {message}")
    yield from _findings(run)
    yield _cost(run)


def _enforce(facts: Facts) -> Iterator[Line]:
    run, done = known(facts.enforce), known(facts.enforced)
    yield Line("configured", done.file)
    for source in done.sources:
        yield Line("", source)
    how = "by chrony_makestep, whose guard let it" if done.asked_for else "by chronyd itself"
    for seconds in done.steps:
        yield Line("stepped", f"{seconds:+.3f} s, {how}")
    if not done.steps:
        yield Line("stepped", "not at all", "not at all", _RED)
    yield _host(run)
    yield from _clock(known(facts.clock_after))
    yield _cost(run)


def _sign_in_again(facts: Facts) -> Iterator[Line]:
    for sign_in in facts.after:
        yield from _answer(sign_in)
    seconds = known(facts.enforced).seconds_to_an_answer
    yield Line("", f"{facts.after[0].profile} was answered {seconds:.1f} s after enforcing began.")
    yield Line("", "No clock mends the other. The report of the same run names it, and what to do:")
    findings = known(facts.enforce).findings
    for found in findings:
        yield Line(found["rule"], f"{_place(found)}: {found['title']}")
    for found in findings[-1:]:
        yield Line("", found["message"])


_TELL = {
    "look": _look,
    "sign_in": _sign_in,
    "audit": _audit,
    "enforce": _enforce,
    "sign_in_again": _sign_in_again,
}


def _clock(clock: Clock) -> Iterator[Line]:
    believed = "follows no server"
    if clock.believed_off_s is not None:
        believed = f"follows {clock.source}, {_amount(clock.believed_off_s)} off (chronyc tracking)"
    yield Line("believes", f"{_time(clock.shown)}; {believed}")
    off = f"{abs(clock.off_s):.2f} s {'fast' if clock.off_s > 0 else 'slow'}"
    read = f"give or take {clock.uncertainty_s:.2f} s (both clocks, read at once)"
    colour = _GREEN if abs(clock.off_s) <= 1 + clock.uncertainty_s else _RED
    yield Line("true", f"{_time(clock.shown - clock.off_s)}; {off}, {read}", off, colour)


def _answer(sign_in: SignIn) -> Iterator[Line]:
    words, colour = ("accepted", _GREEN) if sign_in.accepted else ("refused", _RED)
    yield Line(sign_in.profile, f"{words}: code of {_time(sign_in.made_at)}, {sign_in.serial}", words, colour)
    yield Line("", f"session {sign_in.session}" if sign_in.accepted else f"{sign_in.code}: {sign_in.message}")


def _host(run: Compliance) -> Line:
    facts, verdict = run.host["facts"], run.host["verdict"]
    clock, probability = facts["clock"], facts["totp"]["accept_probability"]["rfc6238"]
    off, most = _amount(clock["offset_s"]), _amount(clock["bound_s"], signed=False)
    text = f"{verdict}: {off} off, at most {most}; {probability:.0%} of codes made there are taken at first try"
    return Line("verdict", text, verdict, _GREEN if verdict == "compliant" else _RED)


def _findings(run: Compliance) -> Iterator[Line]:
    for found in run.findings:
        yield Line(found["rule"], f"{found['severity']}: {_place(found)}")
        yield Line("", found["message"])


def _place(found: dict[str, Any]) -> str:
    return f"{found['resource']}, {found['document']}"


def _cost(run: Compliance) -> Line:
    modules = ", ".join(run.executions)
    changed = f"{run.changed} tasks changed the host" if run.changed else "nothing was changed"
    return Line(
        "cost", f"{run.seconds:.1f} s, {run.round_trips} remote executions (agent's report?, {modules}); {changed}"
    )


def _near(path: str) -> str:
    """Return a path as one types it here."""
    here = Path.cwd()
    return str(Path(path).relative_to(here) if Path(path).is_relative_to(here) else path)


def _time(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, tz=UTC):%H:%M:%S} UTC"


def _amount(seconds: float, *, signed: bool = True) -> str:
    units = ((1.0, 1.0, "s"), (1e-3, 1e3, "ms"), (0.0, 1e6, "us"))
    factor, unit = next((factor, unit) for least, factor, unit in units if abs(seconds) >= least)
    return f"{seconds * factor:{'+' if signed else ''}.1f} {unit}"
