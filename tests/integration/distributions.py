"""What each distribution that cannot be run here ships as chrony's configuration, and a way to run programs on that.

The files are facts of public packaging: the spec files and patches of Red Hat Enterprise Linux 8 and 9 and of openSUSE,
the build recipes of Alpine and Arch, Ubuntu's package, and what instances of Amazon Linux 2 and 2023 show. Comments are
left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from tests.rigs.roots import SUITES, Suite, unpacked
from tests.rigs.shell import Result, need_root, run

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]


class Distribution(NamedTuple):
    """One distribution: its os-release, what its chrony package puts below /etc and what /run holds, and its names."""

    os_release: str
    files: Mapping[str, str]
    main: str
    drop_ins: str
    sources: str
    group: str
    manager: str
    packages: str
    #: The releases of chrony, as Debian has them, that know all of the file's directives.
    suites: tuple[Suite, ...] = SUITES


class _Layout(TypedDict):
    main: str
    drop_ins: str
    sources: str
    group: str


_DIRECTORIES = "keyfile /etc/chrony.keys\nntsdumpdir /var/lib/chrony\nleapsectz right/UTC\nlogdir /var/log/chrony\n"
_POLICY = "driftfile /var/lib/chrony/drift\nmakestep 1.0 3\nrtcsync\n"
_EC2 = "server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4\n"
_ETC: _Layout = {"main": "/etc/chrony.conf", "drop_ins": "/etc/chrony.d", "sources": "/etc/chrony.d", "group": "chrony"}
_UBUNTU = """confdir /etc/chrony/conf.d
pool ntp.ubuntu.com        iburst maxsources 4
pool 0.ubuntu.pool.ntp.org iburst maxsources 1
pool 1.ubuntu.pool.ntp.org iburst maxsources 1
pool 2.ubuntu.pool.ntp.org iburst maxsources 2
sourcedir /run/chrony-dhcp
sourcedir /etc/chrony/sources.d
keyfile /etc/chrony/chrony.keys
driftfile /var/lib/chrony/chrony.drift
ntsdumpdir /var/lib/chrony
logdir /var/log/chrony
maxupdateskew 100.0
rtcsync
makestep 1 3
leapsectz right/UTC
"""


def _red_hat(zone: str) -> dict[str, str]:
    """Return what EL 9, EL 10 and Fedora ship: DHCP's sources come from a directory."""
    return {
        "/etc/chrony.conf": f"pool 2.{zone}.pool.ntp.org iburst\nsourcedir /run/chrony-dhcp\n{_POLICY}{_DIRECTORIES}",
        "/etc/chrony.keys": "",
        "/run/chrony-dhcp/eth0.sources": "server 192.0.2.9 iburst\n",
    }


DISTRIBUTIONS: dict[str, Distribution] = {
    "ubuntu": Distribution(
        'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n',
        {
            "/etc/chrony/chrony.conf": _UBUNTU,
            "/etc/chrony/chrony.keys": "",
            "/etc/chrony/conf.d/README": "",
            "/etc/chrony/sources.d/README": "",
            "/run/chrony-dhcp/eth0.sources": "server 192.0.2.9 iburst\n",
        },
        main="/etc/chrony/chrony.conf",
        drop_ins="/etc/chrony/conf.d",
        sources="/etc/chrony/sources.d",
        group="_chrony",
        manager="apt",
        packages="chrony, python3-psutil, python3-ntplib",
    ),
    # DHCP's servers are added to the running daemon by a helper, beside the configuration.
    "el8": Distribution(
        'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="8.10"\n',
        {
            "/etc/chrony.conf": f"pool 2.rocky.pool.ntp.org iburst\n{_POLICY}keyfile /etc/chrony.keys\n"
            "leapsectz right/UTC\nlogdir /var/log/chrony\n",
            "/etc/chrony.keys": "",
        },
        **_ETC,
        manager="dnf",
        packages="chrony, python3-psutil",
    ),
    "el9": Distribution(
        'ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.6"\n',
        _red_hat("rhel"),
        **_ETC,
        manager="dnf",
        packages="chrony, python3-psutil",
    ),
    "el10": Distribution(
        'ID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="10.0"\n',
        _red_hat("almalinux"),
        **_ETC,
        manager="dnf",
        packages="chrony, python3-psutil",
    ),
    "oracle": Distribution(
        'ID="ol"\nID_LIKE="fedora"\nVERSION_ID="9.5"\n',
        _red_hat("rhel"),
        **_ETC,
        manager="dnf",
        packages="chrony, python3-psutil",
    ),
    "fedora": Distribution(
        "ID=fedora\nVERSION_ID=43\n",
        _red_hat("fedora"),
        **_ETC,
        manager="dnf5",
        packages="chrony, python3-psutil, python3-ntplib",
    ),
    "amazon2": Distribution(
        'ID="amzn"\nID_LIKE="centos rhel fedora"\nVERSION_ID="2"\n',
        {
            "/etc/chrony.conf": f"confdir /etc/chrony.d\nsourcedir /etc/chrony.d\n{_POLICY}{_DIRECTORIES}",
            "/etc/chrony.keys": "",
            "/etc/chrony.d/README": "",
            "/etc/chrony.d/link-local.sources": _EC2,
            "/etc/chrony.d/ntp-pool.sources": "pool 2.amazon.pool.ntp.org iburst\n",
        },
        **_ETC,
        manager="yum",
        packages="chrony",
    ),
    "amazon2023": Distribution(
        'ID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"\n',
        {
            "/etc/chrony.conf": f"sourcedir /run/chrony.d\nsourcedir /etc/chrony.d\n{_POLICY}{_DIRECTORIES}",
            "/etc/chrony.keys": "",
            "/run/chrony.d/link-local-ipv4.sources": _EC2,
            "/run/chrony.d/amazon-pool.sources": "pool time.aws.com iburst\n",
        },
        **_ETC,
        manager="dnf",
        packages="chrony, python3-psutil",
    ),
    "suse": Distribution(
        'ID="sles"\nID_LIKE="suse"\nVERSION_ID="15.6"\n',
        {
            "/etc/chrony.conf": f"! pool pool.ntp.org iburst\n{_POLICY}ntsdumpdir /var/lib/chrony\n"
            "logdir /var/log/chrony\ninclude /etc/chrony.d/*.conf\nsourcedir /run/chrony-dhcp\n",
            "/etc/chrony.keys": "",
            "/etc/chrony.d/pool.conf": "pool 2.suse.pool.ntp.org iburst\n",
            "/run/chrony-dhcp/eth0.sources": "server 192.0.2.9 iburst\n",
        },
        **_ETC,
        manager="zypper",
        packages="chrony, python3-psutil",
    ),
    "alpine": Distribution(
        "ID=alpine\nVERSION_ID=3.22.1\n",
        {
            "/etc/chrony/chrony.conf": "pool pool.ntp.org iburst\nmakestep 1.0 3\n"
            "driftfile /var/lib/chrony/chrony.drift\nrtcsync\ncmdport 0\n"
        },
        main="/etc/chrony/chrony.conf",
        drop_ins="/etc/chrony/conf.d",
        sources="/etc/chrony/sources.d",
        group="chrony",
        manager="apk",
        packages="chrony, py3-psutil",
    ),
    "arch": Distribution(
        "ID=arch\n",
        {
            "/etc/chrony.conf": "! server 0.arch.pool.ntp.org iburst\npool 2.arch.pool.ntp.org iburst\n"
            f"{_POLICY}leapseclist /usr/share/zoneinfo/leap-seconds.list\n"
        },
        **_ETC,
        manager="pacman",
        packages="chrony, python-psutil",
        suites=("trixie",),  # leapseclist is of 4.6
    ),
}

#: Enters a root with /etc and /run of a tree, this checkout's collection and Ansible beside it, in mounts of its own.
_ENTER = """set -e
root=$1 tree=$2 ansible=$3 collection=$4
shift 4
mount --bind "$tree/etc" "$root/etc"
mount --bind "$tree/run" "$root/run"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/tmp/ansible" "$root/tmp/ansible_collections/softtoken/compliance"
mount --bind "$ansible" "$root/tmp/ansible"
mount --bind "$collection" "$root/tmp/ansible_collections/softtoken/compliance"
exec chroot "$root" "$@"
"""


class Tree:
    """A distribution's /etc and /run as directories, changed by what runs on it."""

    def __init__(self, folder: Path, files: Mapping[str, str], os_release: str, group: str) -> None:
        need_root("a mount namespace")
        self.folder = folder
        accounts = {"/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/group": f"root:x:0:\n{group}:x:990:\n"}
        for path, text in {**files, **accounts, "/etc/os-release": os_release, "/run/.keep": ""}.items():
            self.path(path).parent.mkdir(parents=True, exist_ok=True)
            self.path(path).write_text(text, encoding="utf-8")

    def path(self, path: str) -> Path:
        """Return where a file of the tree lies."""
        return self.folder / path.lstrip("/")

    def texts(self) -> dict[str, str]:
        """Return every file of the tree with its text."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {f"/{path.relative_to(self.folder)}": path.read_text(encoding="utf-8") for path in found}

    def run(self, suite: Suite, *command: str, stdin: str | None = None) -> Result:
        """Run a command of a Debian release with this tree for /etc and /run."""
        import ansible  # noqa: PLC0415  the one that runs the tests

        places = [str(unpacked(suite)), str(self.folder), str(Path(ansible.__file__).parents[1]), str(ROOT)]
        environment = [
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL=C.UTF-8",
            "PYTHONPATH=/tmp/ansible:/tmp",
        ]
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh", *places, *environment]
        return run([*argv, *command], stdin=stdin, check=False)
