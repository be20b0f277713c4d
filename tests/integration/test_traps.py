"""The traps of docs/traps.md, on real hosts of three Debian releases, and the proof that each test sees its check.

Every test brings real chronyd processes into a state in which other tools are content, shows that this state is there,
and runs the module. Then it runs a copy of the collection that lacks the check (mutations.py): that has to fail.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.fleet import (
    AWS,
    CONFIG,
    DEBIAN_POOL,
    EVERYWHERE,
    LIAR,
    MORTAL,
    NOBODY,
    SERVERS,
    SOCKET,
    Fleet,
    Managed,
    Where,
    server,
)
from tests.integration.mutations import MUTATIONS, Proof
from tests.rigs.false_server import Behaviour
from tests.rigs.ntp import FAST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rigs.roots import Suite

FIRST = SERVERS[0]
#: What chrony_config is told in every test: one source, and how long to wait for chronyd to have it.
DECLARED: dict[str, Any] = {
    "sources": [{"address": FIRST, "iburst": True, "minpoll": -2, "maxpoll": -2}],
    "timeout": 20,
}
#: A chronyc that says what chronyd says when makestep has nothing to correct.
OBLIGING = '#!/bin/sh\ncase "$*" in *makestep*) echo "200 OK"; exit 0;; esac\nexec /usr/bin/chronyc "$@"\n'


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet() as started:
        yield started


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    return Proof(tmp_path)


def tracking(host: Managed) -> list[str]:
    return host.csv("tracking")[0]


def followed(fleet: Fleet, *lines: str) -> None:
    fleet.configure(*lines)
    fleet.wait(Managed.selected, "a selected source")


# --- 1 ---------------------------------------------------------------------------------------------------------------


def test_dead_server(fleet: Fleet, proof: Proof) -> None:
    followed(fleet, server(MORTAL))
    fleet.wait(lambda host: host.csv("sources")[0][5] == "377", "a full reach register")
    fleet.mortal.stop()
    try:
        fleet.wait(lambda host: host.csv("sources")[0][5] == "0", "an empty reach register")
        for host in fleet.hosts:
            assert tracking(host)[13] == "Normal"
            assert abs(float(tracking(host)[4])) + float(tracking(host)[11]) < 0.1
            host.sh("chronyc -n waitsync 1 0.1")

        def expect(facts: dict[str, Any]) -> None:
            assert facts["verdict"] == "noncompliant"
            assert facts["reasons"] == ["source.none_usable"]
            assert facts["clock"]["leap"] == "normal"
            assert facts["clock"]["bound_s"] < 0.5
            assert facts["chrony"]["usable_sources"] == 0

        proof.holds(fleet.facts, expect, "every-source-usable")
    finally:
        fleet.mortal.start()


# --- 2 ---------------------------------------------------------------------------------------------------------------


def test_never_synchronised(fleet: Fleet, proof: Proof) -> None:
    fleet.configure(server(NOBODY))
    fleet.wait(lambda host: bool(host.csv("tracking")), "a report")
    for host in fleet.hosts:
        assert abs(float(tracking(host)[4])) < 0.001

    def expect(facts: dict[str, Any]) -> None:
        assert facts["verdict"] == "noncompliant"
        assert facts["reasons"] == ["clock.unsynchronised", "source.none_usable"]
        assert facts["clock"]["offset_s"] is None
        assert facts["clock"]["bound_s"] is None
        assert facts["clock"]["synchronised"] is False
        assert facts["totp"] is None

    proof.holds(fleet.facts, expect, "unsynchronised-offset-believed", "never-synchronised-unseen")


# --- 3 ---------------------------------------------------------------------------------------------------------------


def test_makestep_is_no_measurement(fleet: Fleet, proof: Proof) -> None:
    fleet.configure(server(LIAR), files={"/usr/local/bin/chronyc": OBLIGING})
    fleet.liar.behaviour = Behaviour(offset_s=300)
    fleet.each(lambda host: host.sh("chmod 755 /usr/local/bin/chronyc"))
    # One host keeps the real chronyc: its chronyd may not touch the clock, and says so.
    fleet.host("trixie").sh("rm /usr/local/bin/chronyc")
    fleet.wait(lambda host: host.selected() and float(tracking(host)[4]) > 299, "a pending correction")

    def look(where: Where) -> dict[Suite, dict[str, Any]]:
        return fleet.ansible("chrony_makestep", {"chronyc_address": SOCKET}, where)

    def expect_nothing_moved(result: dict[str, Any]) -> None:
        assert result["before"]["offset_s"] == pytest.approx(-300, abs=0.5)
        assert (result["failed"], result["changed"], result["stepped_s"]) == (True, False, 0.0)

    def expect_disbelief(result: dict[str, Any]) -> None:
        expect_nothing_moved(result)
        assert result["reasons"] == ["step.unverified"]
        assert "The clock did not move" in result["msg"]

    def expect_refusal(result: dict[str, Any]) -> None:
        expect_nothing_moved(result)
        assert result["reasons"] == ["step.uncontrolled"]
        assert "500 Failure" in result["msg"]

    results = look(EVERYWHERE)
    expect_disbelief(results["bullseye"])
    expect_disbelief(results["bookworm"])
    expect_refusal(results["trixie"])
    proof.breaks("makestep-believed", look, expect_disbelief)
    fleet.wait(lambda host: host.selected() and float(tracking(host)[4]) > 299, "the correction to be pending again")
    proof.breaks("makestep-status-ignored", look, expect_refusal, on="trixie")


# --- 4 ---------------------------------------------------------------------------------------------------------------


def test_broken_sources_file(fleet: Fleet, proof: Proof) -> None:
    broken = "/etc/chrony/sources.d/broken.sources"
    fleet.restore({broken: "# two\nserver 192.0.2.60 minpoll four\n"})
    fleet.wait(Managed.selected, "a selected source")
    for host in fleet.hosts:
        host.sh(f"chronyd -p -f {CONFIG}")

    def expect_found(facts: dict[str, Any]) -> None:
        assert facts["verdict"] == "noncompliant"
        assert facts["reasons"] == ["config.invalid"]
        assert f"{broken}, line 2" in facts["detail"]["messages"][0]

    proof.holds(lambda where: fleet.facts(where, detail=True), expect_found, "sources-files-unlinted")

    def expect_refused(result: dict[str, Any]) -> None:
        assert (result["failed"], result["rolled_back"]) == (True, False)
        assert f"{broken}, line 2" in result["msg"]

    def look(where: Where) -> dict[Suite, dict[str, Any]]:
        return fleet.ansible("chrony_config", DECLARED, where)

    proof.holds(look, expect_refused)
    for host in fleet.hosts:
        assert "softtoken" not in host.sh("ls /etc/chrony/*")
    proof.breaks("sources-files-unread", look, expect_refused)


# --- 5 ---------------------------------------------------------------------------------------------------------------


def test_local_orphan(fleet: Fleet, proof: Proof) -> None:
    fleet.configure("local stratum 10", server(NOBODY))
    fleet.wait(lambda host: bool(host.csv("tracking")) and tracking(host)[0] == "7F7F0101", "the local reference")
    for host in fleet.hosts:
        assert tracking(host)[13] == "Normal"

    def expect(facts: dict[str, Any]) -> None:
        assert facts["verdict"] == "noncompliant"
        assert facts["reasons"] == ["clock.local_reference", "source.none_usable"]
        assert facts["clock"]["offset_s"] is None
        assert facts["clock"]["synchronised"] is False

    proof.holds(fleet.facts, expect, "local-reference-believed")


# --- 6 ---------------------------------------------------------------------------------------------------------------


def test_staleness_grows_the_bound(fleet: Fleet, proof: Proof) -> None:
    # A poll every 17 minutes. A drift of 0.5 s each second stands for a slow one over a long time.
    followed(fleet, server(FIRST))
    fleet.wait(lambda host: host.csv("sources")[0][5] == "377", "a full reach register")
    fleet.each(lambda host: host.sh(f"chronyc -m 'maxpoll {FIRST} 10' 'minpoll {FIRST} 10'"))
    fleet.wait(lambda host: int(host.csv("sources")[0][6]) > 2, "a reference of some age")
    for host in fleet.hosts:
        assert host.csv("sources")[0][5] == "377"
        assert float(tracking(host)[10]) + float(tracking(host)[11]) < 0.1

    def expect_grown(facts: dict[str, Any]) -> None:
        assert "clock.bound_exceeded" in facts["reasons"]
        assert facts["clock"]["bound_s"] > 1.0
        assert abs(facts["clock"]["offset_s"]) < 0.1

    def expect_stale(facts: dict[str, Any]) -> None:
        assert "clock.stale" in facts["reasons"]
        assert facts["clock"]["bound_s"] < 0.1

    for facts in fleet.facts().values():
        assert facts["verdict"] == "compliant"
    proof.holds(lambda where: fleet.facts(where, max_drift=500000), expect_grown, "bound-not-grown")
    proof.holds(lambda where: fleet.facts(where, max_reference_age=1), expect_stale, "age-not-limited")


# --- 7 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host_is", ["slow", "fast"])
def test_signs(fleet: Fleet, proof: Proof, host_is: str) -> None:
    offset = {"slow": -45.5, "fast": 45.5}[host_is]
    fleet.configure(server(LIAR), server(FIRST, f"{FAST} noselect"))
    fleet.liar.behaviour = Behaviour(offset_s=-offset)
    fleet.wait(lambda host: host.selected() and abs(float(tracking(host)[4])) > 45, "a pending correction")
    for host in fleet.hosts:
        assert float(tracking(host)[4]) == pytest.approx(-offset, abs=0.5)

    def expect(facts: dict[str, Any]) -> None:
        about = pytest.approx(offset, abs=0.5)
        assert facts["verdict"] == "noncompliant"
        assert facts["reasons"] == ["clock.offset_exceeded", "totp.at_risk", "clock.bound_exceeded"]
        assert facts["clock"]["offset_s"] == about
        assert facts["clock"]["witnesses"][0]["offset_s"] == about
        measured = facts["detail"]["measurement"]
        assert measured["tracking"]["offset_s"] == about
        # chronyd compares the others with the time that it believes in: the liar's, as far off as this host, reversed.
        honest = next(source for source in measured["sources"] if source["name"] == FIRST)
        assert honest["offset_s"] == pytest.approx(-offset, abs=0.5)
        assert facts["totp"]["steps_off"] == {"slow": -1, "fast": 1}[host_is]
        half = pytest.approx(0.4833, abs=0.02)
        past_only = {"slow": half, "fast": 0.0}[host_is]
        assert facts["totp"]["accept_probability"] == {"strict": 0.0, "rfc6238": past_only, "window1": half}

    without = ("tracking-sign", "sources-sign", "witness-sign", "totp-sign") if host_is == "slow" else ()
    proof.holds(lambda where: fleet.facts(where, witness_servers=[LIAR], detail=True), expect, *without)


# --- 8 ---------------------------------------------------------------------------------------------------------------


def test_smearing_and_other_servers(fleet: Fleet, proof: Proof) -> None:
    followed(fleet, server(AWS), f"pool 0.pool.ntp.org {FAST} maxsources 1")
    fleet.wait(lambda host: {row[1] for row in host.csv("sources")} == {"*", "+"}, "both sources in use")

    def expect(facts: dict[str, Any]) -> None:
        assert facts["verdict"] == "noncompliant"
        assert facts["reasons"] == ["config.smear_mixed"]
        assert facts["chrony"]["usable_sources"] == 2

    proof.holds(fleet.facts, expect, "smear-not-linted")


# --- 9 ---------------------------------------------------------------------------------------------------------------


def test_required_authentication(fleet: Fleet, proof: Proof) -> None:
    fleet.configure("authselectmode require", server(FIRST))
    fleet.wait(lambda host: bool(rows := host.csv("sources")) and rows[0][5] == "377", "a full reach register")
    for host in fleet.hosts:
        host.sh(f"chronyd -p -f {CONFIG}")
        assert not host.selected()

    def expect(facts: dict[str, Any]) -> None:
        assert facts["verdict"] == "noncompliant"
        assert facts["reasons"] == ["clock.unsynchronised", "source.none_usable", "config.authselectmode"]

    proof.holds(fleet.facts, expect, "authselectmode-not-linted")
    task = {**DECLARED, "exclusive": True, "authselectmode": "require"}

    def expect_refused(result: dict[str, Any]) -> None:
        assert (result["failed"], result.get("rolled_back")) == (True, False)
        assert "never synchronises" in result["msg"]

    def look(where: Where) -> dict[Suite, dict[str, Any]]:
        return fleet.ansible("chrony_config", task, where)

    proof.holds(look, expect_refused, "authselectmode-not-linted")


def test_no_command_port(fleet: Fleet, proof: Proof) -> None:
    followed(fleet, server(FIRST), "cmdport 0")
    for host in fleet.hosts:
        host.sh("! chronyc -n -h 127.0.0.1 tracking")

    def expect_warning(facts: dict[str, Any]) -> None:
        assert (facts["verdict"], facts.get("warnings")) == ("compliant", ["config.cmdport_disabled"])

    def expect_unknown(facts: dict[str, Any]) -> None:
        assert (facts["verdict"], facts["reasons"]) == ("unknown", ["chrony.unreachable_daemon"])
        assert facts["clock"]["offset_s"] is None

    proof.holds(fleet.facts, expect_warning, "cmdport-not-linted")
    proof.holds(lambda where: fleet.facts(where, user="nobody"), expect_unknown, "doubt-is-compliant")


def test_two_configuration_files(fleet: Fleet, proof: Proof) -> None:
    other = "/etc/chrony.conf"
    text = server(NOBODY) + "\n"
    fleet.restore({other: text})
    fleet.wait(Managed.selected, "a selected source")

    def expect_warning(facts: dict[str, Any]) -> None:
        assert (facts["verdict"], facts.get("warnings")) == ("compliant", ["config.ambiguous_main"])

    def expect_right_one(result: dict[str, Any]) -> None:
        assert not result["failed"]
        assert set(result["sources"]) == {FIRST, DEBIAN_POOL}

    def look(where: Where) -> dict[Suite, dict[str, Any]]:
        return fleet.ansible("chrony_config", DECLARED, where)

    proof.holds(fleet.facts, expect_warning, "second-config-not-linted")
    proof.breaks("second-config-managed", look, expect_right_one)
    proof.holds(look, expect_right_one)
    for host in fleet.hosts:
        assert host.read(other) == text
        assert FIRST in host.read("/etc/chrony/sources.d/softtoken.sources")


def test_distribution_defaults_stay_active(fleet: Fleet, proof: Proof) -> None:
    fleet.restore({"/run/chrony-dhcp/eth0.sources": server(SERVERS[2]) + "\n"})
    fleet.wait(Managed.selected, "a selected source")
    for result in fleet.ansible("chrony_config", DECLARED).values():
        assert (result["failed"], result["changed"]) == (False, True)
    fleet.wait(lambda host: {row[1] for row in host.csv("sources")} == {"*", "+"}, "all sources in use")

    def look(where: Where) -> dict[Suite, dict[str, Any]]:
        return fleet.facts(where, authorised_sources=[FIRST])

    def expect_found(facts: dict[str, Any]) -> None:
        assert (facts["verdict"], facts["reasons"]) == ("noncompliant", ["source.unauthorised"])
        found = " ".join(facts["chrony"]["unauthorised"])
        assert SERVERS[1] in found
        assert SERVERS[2] in found

    def expect_gone(result: dict[str, Any]) -> None:
        assert not result["failed"]
        assert result["sources"] == [FIRST]

    def enforce(where: Where) -> dict[Suite, dict[str, Any]]:
        return fleet.ansible("chrony_config", {**DECLARED, "exclusive": True}, where)

    proof.holds(look, expect_found, "unauthorised-allowed")
    proof.breaks("exclusive-ignored", enforce, expect_gone)
    proof.holds(enforce, expect_gone)
    fleet.wait(Managed.selected, "the managed source to be selected")
    for facts in look(EVERYWHERE).values():
        assert (facts["verdict"], facts["chrony"]["unauthorised"]) == ("compliant", [])


def test_unit_options_survive(fleet: Fleet, proof: Proof) -> None:
    options = ["-x", "-F", "1"]
    fleet.restore(options=" ".join(options))
    fleet.wait(Managed.selected, "a selected source")
    unit = "systemctl cat chrony; cat /etc/default/chrony"
    before = {host.name: host.sh(unit) for host in fleet.hosts}

    def look(where: Where) -> dict[Suite, dict[str, Any]]:
        results = fleet.ansible("chrony_config", {**DECLARED, "exclusive": True}, where)
        return {
            suite: {**result, "arguments": fleet.host(suite).daemon_arguments()} for suite, result in results.items()
        }

    def expect(result: dict[str, Any]) -> None:
        assert (result["failed"], result["action"]) == (False, "restarted")
        assert result["arguments"] == options

    proof.holds(look, expect)
    assert {host.name: host.sh(unit) for host in fleet.hosts} == before
    fleet.restore(options=" ".join(options))
    fleet.wait(Managed.selected, "a selected source")
    proof.breaks("restart-without-unit", look, expect)


# --- 10 --------------------------------------------------------------------------------------------------------------


def test_facts_of_a_healthy_host_are_small(fleet: Fleet, proof: Proof) -> None:
    followed(fleet, *map(server, SERVERS))
    fleet.wait(lambda host: {row[1] for row in host.csv("sources")} == {"*", "+"}, "all sources in use")

    def expect(facts: dict[str, Any]) -> None:
        assert facts["verdict"] == "compliant"
        assert len(json.dumps({name: value for name, value in facts.items() if name != "detail"})) < 1024

    options: dict[str, Any] = {"witness_servers": list(SERVERS), "authorised_sources": list(SERVERS), "detail": True}
    proof.holds(lambda where: fleet.facts(where, **options), expect, "facts-with-measurement")


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_names_every_mutation_and_test() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "traps.md").read_text(encoding="utf-8")
    tests = {name for name in globals() if name.startswith("test_")} - {"test_the_page_names_every_mutation_and_test"}
    assert {name for name in (*MUTATIONS, *tests) if f"`{name}`" not in page} == set()
    here = Path(__file__).read_text(encoding="utf-8")
    assert {name for name in MUTATIONS if f'"{name}"' not in here} == set()
