"""What the demo measured. The narration, the checks and the JSON file are made of this and of nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Clock:
    """A host's clock at one moment: what its own chronyd says of it, and what it is."""

    shown: float  # seconds since 1970 that the host's clock showed
    off_s: float  # by how much that is ahead of true time
    uncertainty_s: float  # how exactly that could be read: half of what the look took
    source: str  # the server that chronyd follows
    believed_off_s: float | None  # by how much chronyd takes the clock to be ahead; None: it follows nobody


@dataclass(frozen=True)
class SignIn:
    """One request for a session with MFA, made on the host, and AWS's answer."""

    profile: str
    serial: str
    made_at: float  # seconds since 1970 by the host's clock, of which the code is
    status: int
    session: str  # access key of the session that AWS opened; none: refused
    code: str  # the error's
    message: str

    @property
    def accepted(self) -> bool:
        """Whether AWS opened a session."""
        return self.status == 200 and self.session != ""


@dataclass(frozen=True)
class Compliance:
    """One run of compliance.yml."""

    status: int
    seconds: float
    report: str  # report.json
    page: str
    host: dict[str, Any]  # what the report says of the host
    findings: list[dict[str, Any]]  # and of the account: those that name the host
    changed: int  # tasks that changed the host
    executions: list[str]  # modules that ran on the host, in order
    round_trips: int  # commands that went to the host, these included


@dataclass(frozen=True)
class Enforced:
    """What enforcing left on the host, as the host tells."""

    file: str  # that the collection wrote
    sources: list[str]  # and the directives in it
    steps: list[float]  # of the clock, in seconds, as chronyd logged them
    asked_for: bool  # the step was chrony_makestep's, and not one that chronyd made by itself
    seconds_to_an_answer: float  # from the start of enforcing to what AWS said to the first code after it


@dataclass(frozen=True)
class Recorded:
    """What AWS's own trail keeps of a request for a session."""

    at: str
    serial: str
    error: str  # its message; none: a session was opened


@dataclass
class Facts:
    """Everything, filled in as the story goes on."""

    host: str
    system: str = ""
    chrony: str = ""
    user: str = ""
    wrong_server: str = ""
    true_servers: list[str] = field(default_factory=list)
    serials: dict[str, str] = field(default_factory=dict)  # profile to serial, as the user's configuration has them
    devices: list[str] = field(default_factory=list)  # the user's devices, as IAM lists them
    clock_before: Clock | None = None
    before: list[SignIn] = field(default_factory=list)
    audit: Compliance | None = None
    clock_audited: Clock | None = None
    enforce: Compliance | None = None
    enforced: Enforced | None = None
    clock_after: Clock | None = None
    after: list[SignIn] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)  # in AWS's trail, the oldest first

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def known(value: T | None) -> T:
    """Return what an act has measured."""
    if value is None:
        raise LookupError("that act was not played")
    return value
