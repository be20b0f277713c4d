"""Plans on the configurations that distributions come with: what is written where, and what then takes effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_plan import Plan, make_plan
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_write import (
    ConfigError,
    Declared,
    Key,
)

from tests.fakes.files import DeniedFiles, RootedFiles

POLICY = "driftfile /var/lib/chrony/drift\nmakestep 1.0 3\nrtcsync\nleapsectz right/UTC\n"

#: Main file and drop-ins as each distribution has them (what matters here), and where managed files belong.
DISTRIBUTIONS: dict[str, tuple[dict[str, str], tuple[str, str], list[str]]] = {
    "debian": (
        {
            "/etc/chrony/chrony.conf": (
                "confdir /etc/chrony/conf.d\npool 2.debian.pool.ntp.org iburst\nsourcedir /run/chrony-dhcp\n"
                f"sourcedir /etc/chrony/sources.d\nkeyfile /etc/chrony/chrony.keys\n{POLICY}"
            ),
            "/run/chrony-dhcp/eth0.sources": "server 192.0.2.9\n",
        },
        ("/etc/chrony/conf.d/softtoken.conf", "/etc/chrony/sources.d/softtoken.sources"),
        [],
    ),
    "ubuntu": (
        {
            "/etc/chrony/chrony.conf": (
                "confdir /etc/chrony/conf.d\nsourcedir /run/chrony-dhcp\nsourcedir /etc/chrony/sources.d\n" + POLICY
            ),
            "/etc/chrony/sources.d/ubuntu-ntp-pools.sources": "pool 1.ntp.ubuntu.com iburst maxsources 1 nts prefer\n",
        },
        ("/etc/chrony/conf.d/softtoken.conf", "/etc/chrony/sources.d/softtoken.sources"),
        [],
    ),
    "rhel": (
        {"/etc/chrony.conf": f"pool 2.rhel.pool.ntp.org iburst\nsourcedir /run/chrony-dhcp\n{POLICY}"},
        ("/etc/chrony.d/softtoken.conf", "/etc/chrony.d/softtoken.sources"),
        ["confdir /etc/chrony.d", "sourcedir /etc/chrony.d"],
    ),
    "amazon 2023": (
        {
            "/etc/chrony.conf": (
                f"sourcedir /run/chrony.d\nsourcedir /etc/chrony.d\npool 2.amazon.pool.ntp.org iburst\n{POLICY}"
            ),
            "/run/chrony.d/link-local-ipv4.sources": "server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4\n",
        },
        ("/etc/chrony.d/softtoken.conf", "/etc/chrony.d/softtoken.sources"),
        ["confdir /etc/chrony.d"],
    ),
    "amazon 2": (
        {
            "/etc/chrony.conf": (
                f"server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4\npool 2.amazon.pool.ntp.org iburst\n{POLICY}"
            )
        },
        ("/etc/chrony.d/softtoken.conf", "/etc/chrony.d/softtoken.sources"),
        ["confdir /etc/chrony.d", "sourcedir /etc/chrony.d"],
    ),
    "suse": (
        {
            "/etc/chrony.conf": f"{POLICY}include /etc/chrony.d/*.conf\n",
            "/etc/chrony.d/pool.conf": "pool 2.opensuse.pool.ntp.org iburst\n",
        },
        ("/etc/chrony.d/softtoken.conf", "/etc/chrony.d/softtoken.sources"),
        ["sourcedir /etc/chrony.d"],
    ),
    "alpine": (
        {"/etc/chrony/chrony.conf": "pool pool.ntp.org iburst\ninitstepslew 10 pool.ntp.org\nrtcsync\ncmdport 0\n"},
        ("/etc/chrony/conf.d/softtoken.conf", "/etc/chrony/sources.d/softtoken.sources"),
        ["confdir /etc/chrony/conf.d", "sourcedir /etc/chrony/sources.d"],
    ),
    "arch": (
        {"/etc/chrony.conf": "! server 0.arch.pool.ntp.org\npool 2.arch.pool.ntp.org iburst\n" + POLICY},
        ("/etc/chrony.d/softtoken.conf", "/etc/chrony.d/softtoken.sources"),
        ["confdir /etc/chrony.d", "sourcedir /etc/chrony.d"],
    ),
}

DECLARED = Declared(
    ntp=("server 10.0.0.1 iburst", "server 10.0.0.2 iburst"),
    policy=("makestep 0.1 -1",),
    absent=("leapsectz",),
    exclusive=True,
)


def lay_out(tmp_path: Path, texts: dict[str, str]) -> RootedFiles:
    files = RootedFiles(tmp_path)
    for path, text in texts.items():
        files.write(path, text)
    return files


def carry_out(files: RootedFiles, plan: Plan) -> None:
    for path in plan.changed:
        text = plan.texts[path]
        if text is None:
            Path(f"{files.root}{path}").unlink()
        else:
            files.write(path, text)


def content(files: RootedFiles) -> dict[str, str]:
    return {
        str(path)[len(str(files.root)) :]: path.read_text(encoding="utf-8")
        for path in files.root.rglob("*")
        if path.is_file()
    }


def main_of(texts: dict[str, str]) -> str:
    return next(path for path in texts if path.endswith("/chrony.conf"))


@pytest.mark.parametrize(
    ("name", "modern"),
    # The others never had chrony before 4.0 in this form.
    [*((name, True) for name in DISTRIBUTIONS), *((name, False) for name in ("amazon 2", "suse", "alpine", "arch"))],
)
def test_distributions(tmp_path: Path, name: str, modern: bool) -> None:
    texts, (policy, sources), block = DISTRIBUTIONS[name]
    if not modern:
        block = [] if name == "suse" else [f"include {Path(policy).parent}/*.conf"]
    files = lay_out(tmp_path, texts)
    main = main_of(texts)
    plan = make_plan(files, main, DECLARED, modern=modern)
    assert plan.paths.policy == policy
    assert [one.text for one in plan.sources] == list(DECLARED.ntp)
    assert plan.effective.last("makestep").args == ("0.1", "-1")  # type: ignore[union-attr]
    assert plan.effective.named("leapsectz", "initstepslew") == ()
    if "driftfile" in texts[main]:
        assert plan.effective.named("driftfile")
    after = plan.texts[main] or ""
    assert [line for line in after.splitlines() if line not in texts[main].splitlines() and line[0] != "#"] == block
    assert (plan.texts.get(sources) is not None) == modern
    assert not any(path.startswith("/run/") for path in plan.changed)
    carry_out(files, plan)
    assert make_plan(files, main, DECLARED, modern=modern).changed == ()
    # Not exclusive any more: every source of others is back, and so they are when nothing is declared.
    shared = make_plan(files, main, DECLARED._replace(exclusive=False), modern=modern)
    assert len(shared.sources) > len(plan.sources)
    carry_out(files, make_plan(files, main, Declared(), modern=modern))
    assert content(files) == texts


def test_an_address_is_declared_in_one_place(tmp_path: Path) -> None:
    texts, _paths, _block = DISTRIBUTIONS["amazon 2"]
    files = lay_out(tmp_path, texts)
    declared = Declared(ntp=("server 169.254.169.123 prefer iburst minpoll 2",))
    plan = make_plan(files, "/etc/chrony.conf", declared, modern=True)
    assert [one.text for one in plan.sources] == ["pool 2.amazon.pool.ntp.org iburst", declared.ntp[0]]


def test_only_later_lines_that_say_something_else_are_disabled(tmp_path: Path) -> None:
    text = "minsources 9\nconfdir /etc/chrony/conf.d\nminsources 2\nMAKESTEP 1.0 3\nmaxdistance 1\n"
    files = lay_out(tmp_path, {"/etc/chrony/chrony.conf": text})
    declared = Declared(policy=("minsources 3", "makestep 1 3", "ntstrustedcerts /a", "ntstrustedcerts /b"))
    plan = make_plan(files, "/etc/chrony/chrony.conf", declared, modern=True)
    assert [(one.name, one.line) for one in plan.disabled] == [("minsources", 3)]
    assert len(plan.effective.named("ntstrustedcerts")) == 2


def test_a_directory_that_becomes_read_brings_nothing_else_in(tmp_path: Path) -> None:
    texts = {
        "/etc/chrony.conf": "",
        "/etc/chrony.d/old.conf": "peer a\nmakestep 9 9\n",
        "/etc/chrony.d/b.sources": "server b\n",
    }
    files = lay_out(tmp_path, texts)
    plan = make_plan(files, "/etc/chrony.conf", DECLARED, modern=True)
    assert [one.text for one in plan.sources] == list(DECLARED.ntp)
    carry_out(files, plan)
    assert make_plan(files, "/etc/chrony.conf", DECLARED, modern=True).changed == ()
    carry_out(files, make_plan(files, "/etc/chrony.conf", Declared(), modern=True))
    assert content(files) == texts


def test_managed_files_move_with_the_directories(tmp_path: Path) -> None:
    files = lay_out(tmp_path, {"/etc/chrony.conf": "server a\n"})
    declared = Declared(ntp=("server b",))
    carry_out(files, make_plan(files, "/etc/chrony.conf", declared, modern=True))
    files.write("/etc/chrony.conf", "sourcedir /etc/other\n" + content(files)["/etc/chrony.conf"])
    plan = make_plan(files, "/etc/chrony.conf", declared, modern=True)
    carry_out(files, plan)
    assert sorted(content(files)) == ["/etc/chrony.conf", "/etc/other/softtoken.sources"]
    assert [one.text for one in plan.sources] == ["server a", "server b"]


def test_a_certset_needs_certificates(tmp_path: Path) -> None:
    main = "/etc/chrony/chrony.conf"
    declared = Declared(ntp=("server a certset 3 nts", "server b certset 0 nts"), policy=("ntstrustedcerts /own",))
    files = lay_out(tmp_path, {main: "ntstrustedcerts 4 /other\n"})
    with pytest.raises(ConfigError, match=r"server a certset 3 nts.*ntstrustedcerts 3"):
        make_plan(files, main, declared, modern=True)
    files.write(main, "ntstrustedcerts 4 /other\nntstrustedcerts 03 /theirs\n")
    assert make_plan(files, main, declared, modern=True).changed


def test_keys(tmp_path: Path) -> None:
    main = "/etc/chrony/chrony.conf"
    files = lay_out(tmp_path, {main: "keyfile /etc/chrony/chrony.keys\nserver old key 1\n"})
    files.write("/etc/chrony/chrony.keys", "# ids\n1 MD5 old\n")
    declared = Declared(ntp=("server a key 5",), keys=(Key(5, "SHA256", "HEX:00"),), exclusive=True)
    plan = make_plan(files, main, declared, modern=True)
    assert plan.texts["/etc/chrony/softtoken.keys"].endswith("\n5 SHA256 HEX:00\n")  # type: ignore[union-attr]
    assert [one.args for one in plan.effective.named("keyfile")] == [("/etc/chrony/softtoken.keys",)]
    # The host's own key file serves as well; what is in neither is refused.
    make_plan(files, main, Declared(ntp=("server a key 1",)), modern=True)
    with pytest.raises(ConfigError, match=r"key 6 is not in /etc/chrony/chrony\.keys"):
        make_plan(files, main, Declared(ntp=("server a key 6",)), modern=True)
    with pytest.raises(ConfigError, match=r"server old key 1 .* is not in /etc/chrony/softtoken.keys"):
        make_plan(files, main, declared._replace(exclusive=False), modern=True)


@pytest.mark.parametrize(
    ("texts", "declared", "said"),
    [
        ({"/etc/x.conf": ""}, {}, "install chrony first"),
        (
            {"/etc/chrony.conf": "include /gone\n"},
            {"ntp": ("server a",)},
            "/etc/chrony.conf, line 1: cannot read /gone",
        ),
        (
            {"/etc/chrony.conf": "sourcedir /s\n", "/s/a.sources": "makestep 1 3\n"},
            {"absent": ("x",)},
            "ignores makestep",
        ),
        (
            {"/etc/chrony.conf": "sourcedir /s\n", "/s/softtoken.sources": "server mine\n"},
            {"ntp": ("server a",)},
            "was not written by this module",
        ),
        (
            {"/etc/chrony.conf": "sourcedir /s /t\n", "/s/softtoken.sources": "server mine\n"},
            {"ntp": ("server a",)},
            "was not written by this module",
        ),
    ],
)
def test_refuses(tmp_path: Path, texts: dict[str, str], declared: dict[str, Any], said: str) -> None:
    files = lay_out(tmp_path, texts)
    with pytest.raises(ConfigError) as caught:
        make_plan(files, "/etc/chrony.conf", Declared(**declared), modern=True)
    assert said in str(caught.value)


def test_the_way_back_is_open_whatever_it_leads_back_to(tmp_path: Path) -> None:
    texts = {"/etc/chrony.conf": "sourcedir /s\nserver a key 9\n", "/s/a.sources": "server b ibrust\nmakestep 1 3"}
    files = lay_out(tmp_path, texts)
    declared = Declared(ntp=("server c",), exclusive=True)
    carry_out(files, make_plan(files, "/etc/chrony.conf", declared, modern=True))
    plan = make_plan(files, "/etc/chrony.conf", Declared(), modern=True)
    # What chronyd will not understand it cannot be asked to have.
    assert [one.text for one in plan.sources] == ["server a key 9"]
    carry_out(files, plan)
    assert content(files) == texts


def test_refuses_without_the_right_to_read(tmp_path: Path) -> None:
    files = DeniedFiles(tmp_path, "/etc/secret.conf")
    files.write("/etc/secret.conf", "server a\n")
    files.write("/etc/chrony.conf", "include /etc/secret.conf\n")
    with pytest.raises(ConfigError, match="become"):
        make_plan(files, "/etc/chrony.conf", Declared(), modern=True)


def test_a_broken_file_that_a_program_writes_does_not_stop_the_rest(tmp_path: Path) -> None:
    files = lay_out(
        tmp_path, {"/etc/chrony.conf": "sourcedir /run/chrony-dhcp\n", "/run/chrony-dhcp/x.sources": "server cut"}
    )
    plan = make_plan(files, "/etc/chrony.conf", Declared(ntp=("server a",)), modern=True)
    assert [one.text for one in plan.sources] == ["server a"]
