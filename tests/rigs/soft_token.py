"""A soft token on a virtual machine: a user with an AWS configuration and a seed, who signs in by the host's clock."""

# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import urlsplit

from .vm import VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The user of a host and the profile that sign in where nothing else is said.
USER, PROFILE = "deploy", "mfa"
_CLIENT = Path(__file__).with_name("sign_in.sh")


class SignIn(NamedTuple):
    """What STS answered to one sign-in: a session's key, or the error's code and message."""

    made_at: float  # by the host's clock
    status: int
    session: str
    code: str
    message: str

    @classmethod
    def of(cls, printed: str) -> Self:
        """Read what the client printed."""
        made_at, _newline, answer = printed.strip().partition("\n")
        document, _newline, status = answer.rpartition("\n")

        def said(name: str) -> str:
            found = re.search(f"<{name}>(.*?)</{name}>", document, re.DOTALL)
            return " ".join(found[1].split()) if found else ""

        return cls(float(made_at), int(status), said("AccessKeyId"), said("Code"), said("Message"))

    @property
    def accepted(self) -> bool:
        """Whether AWS has taken the code, and given a session."""
        return self.status == 200 and bool(self.session)


class SoftToken(NamedTuple):
    """Where it is."""

    machine: VirtualMachine
    user: str = USER

    def install(self, *, environment: Mapping[str, str], seed: str, profiles: Mapping[str, Mapping[str, str]]) -> None:
        """Make the user, who signs in with access key and endpoint of an environment that the AWS double gives.

        ``profiles`` are those of the user's AWS configuration: ``mfa_serial``, and perhaps ``role_arn``.
        """
        home = f"/home/{self.user}"
        port = urlsplit(environment["AWS_ENDPOINT_URL"]).port
        default = {"region": environment["AWS_REGION"], "endpoint_url": f"http://{self.machine.gateway}:{port}"}
        sections = {"default": default, **{f"profile {name}": settings for name, settings in profiles.items()}}
        key = {name.lower(): environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        files = {
            f"{home}/.aws/config": _ini(sections),
            f"{home}/.aws/credentials": _ini({"default": key}),
            f"{home}/.soft-token": f"{seed}\n",
            "/usr/local/bin/sign-in": _CLIENT.read_text(encoding="utf-8"),
        }
        # By standard input, since it holds secrets.
        script = "".join(
            [
                f"set -e\nuseradd --create-home {self.user}\n",
                *(_write(path, text) for path, text in files.items()),
                f"chmod 755 /usr/local/bin/sign-in\nchown -R {self.user}: {home}\n",
            ]
        )
        self.machine.run("sh -s", stdin=script)

    def sign_in(self, profile: str = PROFILE) -> SignIn:
        """Let the user sign in, and return what AWS said."""
        return SignIn.of(self.machine.run(f"runuser -l {self.user} -c {shlex.quote(f'sign-in {profile}')}").stdout)


def _write(path: str, text: str) -> str:
    return f"install -D -m 600 /dev/stdin {path} <<'END-OF-FILE'\n{text}END-OF-FILE\n"


def _ini(sections: Mapping[str, Mapping[str, str]]) -> str:
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
        for name, settings in sections.items()
    )
