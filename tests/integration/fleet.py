"""A small fleet that tests measure: a Debian host of each release, with systemd and chronyd, beside NTP servers.

The hosts are containers on a network that leads nowhere. Ansible reaches them through a shell that enters the
container's namespaces: one process instead of one ``podman exec`` for each of a connection's steps. Everything from
there on is a run as any other: the action plugin here, its commands in the host's own shell, the module in its Python.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tests.rigs.containers import Container, boot, podman
from tests.rigs.false_server import Behaviour, FalseServer
from tests.rigs.network import Network
from tests.rigs.ntp import FAST, NtpServer
from tests.rigs.roots import SUITES, Suite
from tests.rigs.shell import PATIENCE_S, RigError, environment, run, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.rigs.network import Host

ROOT = Path(__file__).resolve().parents[2]
_ANSIBLE = Path(sys.executable).with_name("ansible")
PRODUCT = ROOT / ".ansible" / "collections"

SERVERS = ("10.92.0.1", "10.92.0.2", "10.92.0.3")
AWS = "169.254.169.123"
LIAR = "10.92.0.4"
MORTAL = "10.92.0.5"
NOBODY = "10.92.0.99"
#: What Debian's own configuration names, and what else resolves here; Debian's pool is the second server.
DEBIAN_POOL = "2.debian.pool.ntp.org"
NAMES = {DEBIAN_POOL: SERVERS[1], "0.pool.ntp.org": SERVERS[0]}
CONFIG = "/etc/chrony/chrony.conf"
SOCKET = "/run/chrony/chronyd.sock"

#: How Ansible tells of a module that ended without a result of its own.
_CRASHED = ("Traceback", "module_stderr", "Module failed")
_LINE = re.compile(r"^(\S+) \| (\w+)!? => (\{.*)$", re.MULTILINE)
_SAVE = "mkdir /root/saved && cp -a /etc/chrony /root/saved/"
_RESTORE = (
    "rm -rf /etc/chrony /etc/chrony.conf /usr/local/bin/chronyc /run/chrony-dhcp"
    " && mkdir /run/chrony-dhcp && cp -a /root/saved/chrony /etc/chrony"
)
# pidof sees the container's own processes only: a chronyd beside the service is one that a test let start.
_RESTART = (
    "systemctl stop chrony; kill $(pidof chronyd) 2>/dev/null; systemctl reset-failed chrony; systemctl start chrony"
)


class Where(NamedTuple):
    """Which collection is run, and on which host if not on all."""

    collections: Path
    only: Suite | None = None


EVERYWHERE = Where(PRODUCT)


class Managed(NamedTuple):
    """One host of the fleet."""

    name: str
    suite: Suite
    container: Container
    pid: int

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run a shell script on the host and return what it printed."""
        return run([*_enter(self.pid), "/bin/sh", "-c", script], check=check).stdout

    def csv(self, *report: str) -> list[list[str]]:
        """Return the rows of a chronyc report; none when chronyd does not answer."""
        printed = self.sh(shlex.join(["chronyc", "-n", "-c", *report]), check=False)
        return [line.split(",") for line in printed.splitlines() if "," in line]

    def selected(self) -> bool:
        """Whether chronyd follows a source."""
        return any(row[1] == "*" for row in self.csv("sources"))

    def read(self, path: str) -> str:
        """Return a file of the host."""
        return self.sh(f"cat {shlex.quote(path)}")

    def daemon_arguments(self) -> list[str]:
        """Return the options that the running chronyd was started with."""
        pid = self.sh("pidof -s chronyd").strip()
        return self.read(f"/proc/{pid}/cmdline").split("\0")[1:-1]


class Fleet:
    """The hosts, and the servers around them; everything ends with the ``with`` block."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as building:
            self._build(building)
            self._stack = building.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _build(self, stack: ExitStack) -> None:
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="softtoken-fleet-")))
        network = stack.enter_context(Network(names=NAMES))
        for number, address in enumerate((*SERVERS, AWS), start=1):
            stack.enter_context(NtpServer(network.host(f"server{number}", address)))
        self.liar = stack.enter_context(FalseServer(namespace=network.host("liar", LIAR).path))
        self.mortal = stack.enter_context(NtpServer(network.host("mortal", MORTAL)))
        # One after the other: each takes the next port of the bridge. AWS's address is reached by the second one.
        hosts = [
            network.host(suite, f"10.92.1.{number}", f"169.254.1.{number}") for number, suite in enumerate(SUITES, 1)
        ]
        with ThreadPoolExecutor() as pool:
            self.hosts = list(pool.map(lambda pair: _boot(stack, *pair), zip(hosts, SUITES, strict=True)))
        self._inventory = self._write_inventory()
        self.each(lambda host: host.sh(_SAVE))

    def _write_inventory(self) -> Path:
        hosts = {}
        for host in self.hosts:
            shells = {}
            for user, number in (("root", "0"), ("nobody", "65534")):
                script = self._folder / f"shell-{user}-{host.suite}"
                enter = shlex.join(_enter(host.pid, "--setuid", number, "--setgid", number))
                entered = f"echo {user} >> {self._entered(host)}"
                script.write_text(f'#!/bin/sh\n{entered}\nexec {enter} /bin/sh "$@"\n', encoding="utf-8")
                script.chmod(0o755)
                shells[user] = str(script)
                # Once inside, become starts a shell by the same name.
                host.sh(f"mkdir -p {self._folder} && ln -s /bin/sh {script}")
            hosts[host.name] = {"shells": shells}
        common = {
            "ansible_connection": "local",
            "ansible_pipelining": True,
            "ansible_shell_executable": "{{ shells[as_user | default('root')] }}",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        path = self._folder / "inventory.json"
        path.write_text(json.dumps({"all": {"hosts": hosts, "vars": common}}), encoding="utf-8")
        return path

    def _entered(self, host: Managed) -> Path:
        return self._folder / f"entered-{host.suite}"

    def round_trips(self, host: Managed) -> int:
        """Return how often Ansible has run something on a host since the last time that this was asked."""
        path = self._entered(host)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return len(lines)

    def host(self, suite: Suite) -> Managed:
        """Return the host of a release."""
        return next(host for host in self.hosts if host.suite == suite)

    def each(self, action: Callable[[Managed], object]) -> None:
        """Do something on all hosts at once."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(action, self.hosts))

    def wait(self, condition: Callable[[Managed], bool], what: str, *, timeout: float = PATIENCE_S) -> None:
        """Wait until a condition holds on every host."""

        def one(host: Managed) -> None:
            said = "chronyc -n -m tracking 'sources -a'; systemctl status chrony --no-pager; journalctl -n 20 -u chrony"
            wait_for(
                lambda: condition(host),
                f"{what} on {host.name}",
                timeout=timeout,
                hint=lambda: host.sh(said, check=False),
            )

        self.each(one)

    def configure(self, *lines: str, files: Mapping[str, str] | None = None, options: str = "-x") -> None:
        """Give every chronyd exactly these lines, and start it anew."""
        text = "\n".join((*lines, "driftfile /var/lib/chrony/chrony.drift", "rtcsync", ""))
        self.restore({CONFIG: text, **(files or {})}, options)

    def restore(self, files: Mapping[str, str] | None = None, options: str = "-x") -> None:
        """Put Debian's own configuration back with a pool that is polled fast, add files, start every chronyd anew."""
        assert options.startswith("-x"), "no chronyd may touch the clock of the machine that tests"

        def one(host: Managed) -> None:
            host.sh(f"{_RESTORE} && echo 'DAEMON_OPTS=\"{options}\"' > /etc/default/chrony")
            host.sh(f"sed -i 's/iburst/{FAST}/' {CONFIG}")
            for path, content in (files or {}).items():
                host.sh(f"mkdir -p $(dirname {path}) && printf %s {shlex.quote(content)} > {path}")
            host.sh(_RESTART)

        self.liar.behaviour = Behaviour()
        self.each(one)

    def ansible(
        self,
        module: str,
        options: Mapping[str, Any],
        where: Where = EVERYWHERE,
        user: str = "root",
        variables: Mapping[str, Any] | None = None,
    ) -> dict[Suite, dict[str, Any]]:
        """Run a module on every host, or on one; the result of each, with ``failed``."""
        hosts = [host for host in self.hosts if where.only in (None, host.suite)]
        argv = [str(_ANSIBLE), ",".join(host.name for host in hosts), "-i", str(self._inventory), "-o"]
        argv += ["-e", json.dumps({"as_user": user, **(variables or {})}), "-m", f"softtoken.compliance.{module}"]
        ran = run(
            [*argv, "-a", json.dumps(options)] if options else argv,
            check=False,
            env=environment(
                {
                    "LC_ALL": "C.UTF-8",
                    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                    "ANSIBLE_COLLECTIONS_PATH": str(where.collections),
                    "PATH": f"/usr/local/sbin:/usr/local/bin:{os.environ['PATH']}",
                }
            ),
        )
        lines = _LINE.findall(ran.stdout)
        found = {name: {**json.loads(text), "failed": word == "FAILED"} for name, word, text in lines}
        printed = ran.stdout + ran.stderr
        # A module that crashed has judged nothing: no test may take that for an answer.
        if set(found) != {host.name for host in hosts} or any(word in printed for word in _CRASHED):
            raise RigError(f"{module} did not run on every host: {printed[-6000:]}")
        return {host.suite: found[host.name] for host in hosts}

    def facts(self, where: Where = EVERYWHERE, *, user: str = "root", **options: Any) -> dict[Suite, dict[str, Any]]:
        """Run ``host_facts`` on every host; the facts of each, and the long form when that was asked for."""
        facts = {}
        for suite, result in self.ansible("host_facts", options, where, user).items():
            if "ansible_facts" not in result:
                raise RigError(f"host_facts failed on {suite}: {result}")
            facts[suite] = {**result["ansible_facts"]["softtoken"], "detail": result.get("detail")}
        return facts


def server(address: str, options: str = FAST) -> str:
    """Return a source's line."""
    return f"server {address} {options}"


def _enter(pid: int, *options: str) -> list[str]:
    """Return the argv start that runs a program in a container, as unable to set the clock as what runs in it."""
    return ["setpriv", "--bounding-set", "-sys_time", "nsenter", "--target", str(pid), "--all", *options, "--"]


def _boot(stack: ExitStack, host: Host, suite: Suite) -> Managed:
    container = stack.enter_context(boot(host, suite))
    pid = int(podman("inspect", "--format", "{{.State.Pid}}", container.name).stdout)
    return Managed(suite, suite, container, pid)
