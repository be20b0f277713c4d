"""What has to be so for the story to be true, act by act. Where one thing is not, the demo fails and says which."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .facts import known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .facts import Compliance, Facts, Recorded, SignIn

WRONG_CODE = "invalid MFA one time pass code"
WRONG_SERIAL = "unable to validate MFA code"
#: How far the host's clock is to be off, how exactly that is so, and how far off a clock may be that is right.
WRONG_S = 300.0
_SET_S, _RIGHT_S = 5.0, 1.0
#: What chronyd may have slewed before the step, in a second: a twelfth, at most (maxslewrate).
_SLEW_RATE = 1 / 12


class Check(NamedTuple):
    """A statement about what was measured, whether it holds, and what was measured."""

    statement: str
    holds: bool
    measured: object


def checks_of(act: str, facts: Facts) -> list[Check]:
    """Return what has to be so after an act."""
    return list(_CHECKS[act](facts))


def _look(facts: Facts) -> Iterator[Check]:
    clock = known(facts.clock_before)
    believed = clock.believed_off_s
    yield Check(f"{facts.host} follows {facts.wrong_server}", clock.source == facts.wrong_server, clock.source)
    yield Check(
        f"{facts.host} believes its clock to be right", believed is not None and abs(believed) < _RIGHT_S, believed
    )
    yield Check(
        f"the clock of {facts.host} is five minutes fast",
        abs(clock.off_s - WRONG_S) < _SET_S + clock.uncertainty_s,
        clock.off_s,
    )


def _sign_in(facts: Facts) -> Iterator[Check]:
    prod, legacy = _by_profile(facts.before)
    yield Check("the device of the profile prod is the user's", prod.serial in facts.devices, facts.devices)
    yield Check("the device of the profile legacy is not", legacy.serial not in facts.devices, facts.devices)
    yield _refused(prod, WRONG_CODE, "for its code")
    yield _refused(legacy, WRONG_SERIAL, "for its serial")
    yield _recorded(facts.before, facts.recorded[: len(facts.before)])


def _audit(facts: Facts) -> Iterator[Check]:
    run, clock = known(facts.audit), known(facts.clock_audited)
    host = run.host["facts"]
    yield Check("the audit calls the host noncompliant", run.host["verdict"] == "noncompliant", run.host["verdict"])
    yield Check("the audit fails the run", run.status == 2, run.status)
    (witness,) = host["clock"]["witnesses"]
    error = abs(host["clock"]["offset_s"] - clock.off_s)
    yield Check(
        "the audit's figure is the true one, as exactly as it says",
        error <= witness["uncertainty_s"] + clock.uncertainty_s,
        (host["clock"]["offset_s"], witness["uncertainty_s"], clock.off_s),
    )
    probability = host["totp"]["accept_probability"]["rfc6238"]
    yield Check("the audit says that no code made there is taken", probability == 0, probability)
    yield Check("the audit changed nothing", run.changed == 0, run.changed)
    yield Check(
        "the audit left the clock alone", abs(clock.off_s - WRONG_S) < _SET_S + clock.uncertainty_s, clock.off_s
    )
    yield from _stale_serial_is_named(facts, run)


def _enforce(facts: Facts) -> Iterator[Check]:
    run, done, clock = known(facts.enforce), known(facts.enforced), known(facts.clock_after)
    before, after = run.host["before"] or {}, run.host["facts"]
    yield Check("the report says what was before", before.get("verdict") == "noncompliant", before.get("verdict"))
    yield Check("the report calls the host compliant now", run.host["verdict"] == "compliant", run.host["verdict"])
    enforcement = run.host["enforcement"] or {}
    yield Check("enforcing went well", enforcement.get("status") == "ok", enforcement)
    named = [line.split()[1] for line in done.sources]
    yield Check("the right servers are configured, and no other", named == facts.true_servers, done.sources)
    yield Check("chronyd follows one of them", clock.source in facts.true_servers, clock.source)
    yield Check("the clock was stepped, once", len(done.steps) == 1, done.steps)
    off_s, slewed_s = known(facts.clock_audited).off_s, _SLEW_RATE * run.seconds
    stepped = [seconds for seconds in done.steps if abs(seconds + off_s) < _SET_S + slewed_s]
    yield Check("the step is as large as the clock was off", stepped == done.steps, done.steps)
    yield Check("the step was the guarded one", done.asked_for, run.executions)
    yield Check("the clock is right now", abs(clock.off_s) < _RIGHT_S + clock.uncertainty_s, clock.off_s)
    probability = after["totp"]["accept_probability"]["rfc6238"]
    yield Check("the report says that codes are taken now", probability > 0.95, probability)


def _sign_in_again(facts: Facts) -> Iterator[Check]:
    prod, legacy = _by_profile(facts.after)
    yield Check("AWS takes the code of the profile prod", prod.accepted, prod.message or prod.status)
    yield _refused(legacy, WRONG_SERIAL, "for its serial, still")
    yield _recorded([*facts.before, *facts.after], facts.recorded)
    yield from _stale_serial_is_named(facts, known(facts.enforce))


_CHECKS = {
    "look": _look,
    "sign_in": _sign_in,
    "audit": _audit,
    "enforce": _enforce,
    "sign_in_again": _sign_in_again,
}


def _refused(sign_in: SignIn, why: str, words: str) -> Check:
    said = f"{sign_in.status} {sign_in.code} {sign_in.message}"
    holds = not sign_in.accepted and sign_in.code == "AccessDenied" and why in sign_in.message
    return Check(f"AWS refuses the profile {sign_in.profile} {words}", holds, said)


def _recorded(sign_ins: list[SignIn], records: list[Recorded]) -> Check:
    """AWS's own trail says of each request what the host was told."""
    told = [(each.serial, each.message) for each in sign_ins]
    kept = [(each.serial, each.error) for each in records]
    return Check("AWS's trail has the same requests, with the same outcome", told == kept, kept)


def _stale_serial_is_named(facts: Facts, run: Compliance) -> Iterator[Check]:
    stale, right = facts.serials["legacy"], facts.serials["prod"]
    by_rule = {found["rule"]: found for found in run.findings if found["serial"] == stale}
    where = {(found["resource"], found["document"]) for found in by_rule.values()}
    place = (f"{facts.host}:/home/{facts.user}/.aws/config", "profile:legacy")
    yield Check(
        "the report names the stale serial and its place", "MFA-S01" in by_rule and where == {place}, sorted(where)
    )
    said = by_rule.get("MFA-S05", {}).get("message", "")
    yield Check("the report proposes the device to name instead", f"{right} is meant" in said, said)
    others = [found["serial"] for found in run.findings if found["serial"] != stale]
    yield Check("the report names no other serial", not others, others)


def _by_profile(sign_ins: list[SignIn]) -> tuple[SignIn, SignIn]:
    by_name = {each.profile: each for each in sign_ins}
    return by_name["prod"], by_name["legacy"]
