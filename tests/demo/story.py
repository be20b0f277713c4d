"""The story: what happens, act by act, and what of it is measured. Nothing is told or judged here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import guest
from .facts import Enforced, Facts, Recorded, SignIn
from .stage import HOST, OFTEN, TRUE_SERVERS, USER, WRONG_SERVER

if TYPE_CHECKING:
    from .stage import Stage

_SOURCES = "/etc/chrony/sources.d/softtoken.sources"
_VARIABLES: dict[str, Any] = {
    # Of the account only what is about devices is of interest here.
    "softtoken_account": "live",
    "softtoken_account_organization": False,
    "softtoken_account_monitoring": False,
    "softtoken_detail": True,
    "timesync_sources": [{"address": address, **OFTEN} for address in TRUE_SERVERS],
}
#: The acts by their names, in order.
ACTS = ("look", "sign_in", "audit", "enforce", "sign_in_again")


class Story:
    """Plays the acts on a stage; each adds to the facts what it measured."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._machine = stage.machine
        issued = self._machine.run(". /etc/os-release && echo $PRETTY_NAME; chronyd --version").stdout.splitlines()
        listed = stage.aws.client("iam").list_mfa_devices(UserName=USER)["MFADevices"]
        self.facts = Facts(
            host=HOST,
            system=issued[0],
            chrony=issued[1].split()[3],
            user=USER,
            wrong_server=WRONG_SERVER,
            true_servers=list(TRUE_SERVERS),
            serials=stage.serials,
            devices=[device["SerialNumber"] for device in listed],
        )

    def play(self, act: str) -> None:
        """Play one act."""
        getattr(self, act)()

    def look(self) -> None:
        """See what the host believes of its clock, and what is true."""
        self.facts.clock_before = guest.look_at_clock(self._machine)

    def sign_in(self) -> None:
        """Let the user sign in with each profile."""
        self.facts.before = [self._sign_in(profile) for profile in self.facts.serials]
        self.facts.recorded = self._trail()

    def audit(self) -> None:
        """Run compliance.yml, which changes nothing."""
        self.facts.audit = self._stage.runner.compliance("audit", **_VARIABLES)
        self.facts.clock_audited = guest.look_at_clock(self._machine)

    def enforce(self) -> None:
        """Run compliance.yml again, to put right what is wrong, and sign in as soon as it has ended."""
        cursor = guest.journal_cursor(self._machine)
        start = time.monotonic()
        self.facts.enforce = self._stage.runner.compliance("enforce", **_VARIABLES)
        self.facts.after = [self._sign_in("prod")]
        seconds = time.monotonic() - start
        written = self._machine.run(f"cat {_SOURCES}").stdout.splitlines()
        self.facts.enforced = Enforced(
            file=_SOURCES,
            sources=[line for line in written if line and not line.startswith("#")],
            steps=guest.steps_since(self._machine, cursor),
            asked_for="chrony_makestep" in self.facts.enforce.executions,
            seconds_to_an_answer=seconds,
        )
        self.facts.clock_after = guest.look_at_clock(self._machine)

    def sign_in_again(self) -> None:
        """Let the user sign in with the other profile too."""
        self.facts.after.append(self._sign_in("legacy"))
        self.facts.recorded = self._trail()

    def _sign_in(self, profile: str) -> SignIn:
        answer = self._stage.token.sign_in(profile)
        return SignIn(profile, self.facts.serials[profile], **answer._asdict())

    def _trail(self) -> list[Recorded]:
        return [
            Recorded(
                at=event["eventTime"],
                serial=event["requestParameters"].get("serialNumber", ""),
                error=" ".join(event.get("errorMessage", "").split()),
            )
            for event in reversed(self._stage.aws.events)
            if event["eventName"] == "GetSessionToken"
        ]
