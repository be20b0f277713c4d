from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    HostEntry,
    host_entry,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.reduce import Reduced, reduce_slices
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.slices import (
    Slice,
    SliceError,
    SliceName,
    pack,
)

Maker = Callable[..., dict[str, Any]]
Artifact = tuple[str, Any]
Cut = Callable[..., Artifact]


@pytest.fixture
def cut(result: Maker) -> Cut:
    """Return a maker of artifacts: ``hosts`` are names of compliant hosts, or entries."""

    def make(number: int, of: int | None, *hosts: str | HostEntry, at: int = 0, **other: Any) -> Artifact:
        name = SliceName(number, of)
        entries = tuple(
            host_entry(HostAnswers(host=host, measured=result())) if isinstance(host, str) else host for host in hosts
        )
        sliced = {"run": "7", "mode": "audit", "dry_run": False, "written_at": f"2026-11-21T12:00:{at:02}.000000Z"}
        return name.key, pack(Slice(**{"name": name, "hosts": entries, **sliced, **other}))

    return make


def verdicts(reduced: Reduced) -> dict[str, str]:
    assert len({entry.host for entry in reduced.hosts}) == len(reduced.hosts)
    return {entry.host: entry.state.verdict for entry in reduced.hosts}


def why(reduced: Reduced, host: str) -> str:
    state = next(entry.state for entry in reduced.hosts if entry.host == host)
    assert (state.verdict, state.reasons) == ("unknown", ("host.not_measured",))
    return state.messages[0]


def gone(host: str) -> HostEntry:
    return host_entry(HostAnswers(host=host, measured={"unreachable": True}))


def test_all_slices_together_are_the_run(cut: Cut) -> None:
    reduced = reduce_slices([cut(1, 2, "a", gone("c")), cut(2, 2, "b")], hosts=["a", "b", "c"])
    assert verdicts(reduced) == {"a": "compliant", "b": "compliant", "c": "unknown"}
    assert (reduced.run, reduced.slices, reduced.lost) == ("7", ("slice 1 of 2", "slice 2 of 2"), ())
    assert reduced.notes == ("made of 2 slices of run 7",)
    assert (reduced.mode, reduced.dry_run) == ("audit", False)


def test_an_empty_slice_is_fine(cut: Cut) -> None:
    reduced = reduce_slices([cut(1, 2, "a"), cut(2, 2)])
    assert verdicts(reduced) == {"a": "compliant"}
    assert reduced.lost == ()


@pytest.mark.parametrize(("modes", "whole"), [(("audit", "enforce"), "enforce"), (("audit", "audit"), "audit")])
def test_the_run_enforced_where_one_slice_did(cut: Cut, modes: tuple[str, str], whole: str) -> None:
    reduced = reduce_slices([cut(1, 2, "a", mode=modes[0]), cut(2, 2, "b", mode=modes[1], dry_run=True)])
    assert (reduced.mode, reduced.dry_run) == (whole, True)


def test_hosts_of_a_slice_that_is_missing_are_unknown_and_it_is_named(cut: Cut) -> None:
    reduced = reduce_slices([cut(1, 3, "a"), cut(3, 3, "c")], hosts=["a", "b", "c"])
    assert verdicts(reduced) == {"a": "compliant", "b": "unknown", "c": "compliant"}
    assert why(reduced, "b") == "no slice told of this host; slice 2 of 3 left no artifact"
    assert reduced.lost == ("slice 2 of 3 left no artifact",)
    assert "slice 2 of 3 left no artifact: what it would have told is unknown" in reduced.notes
    assert "no slice told of 1 host: b" in reduced.notes


def test_a_missing_slice_stands_in_the_report_where_no_inventory_names_its_hosts(cut: Cut) -> None:
    for hosts in ([], ["localhost"]):
        reduced = reduce_slices([cut(1, 2, "a")], hosts=hosts)
        assert verdicts(reduced)["(slice 2 of 2)"] == "unknown"
        assert "the inventory here does not name its hosts" in why(reduced, "(slice 2 of 2)")


def test_a_missing_slice_of_which_every_host_was_told_is_only_said(cut: Cut) -> None:
    reduced = reduce_slices([cut(1, 2, "a", "b")], hosts=["a", "b"])
    assert verdicts(reduced) == {"a": "compliant", "b": "compliant"}
    assert reduced.lost == ("slice 2 of 2 left no artifact",)


def test_jobs_do_not_know_their_number_but_the_count_can_be_told(cut: Cut) -> None:
    reduced = reduce_slices([cut(101, None, "a"), cut(103, None, "c")], hosts=["a", "b", "c"], count=3)
    assert why(reduced, "b") == "no slice told of this host; 1 of 3 slices left no artifact"
    whole = reduce_slices([cut(101, None, "a"), cut(103, None, "c")], hosts=["a", "c"], count=2)
    assert (whole.lost, verdicts(whole)) == ((), {"a": "compliant", "c": "compliant"})


def test_without_a_count_the_inventory_tells_what_is_missing(cut: Cut) -> None:
    reduced = reduce_slices([cut(101, None, "a")], hosts=["a", "b"])
    assert "its slice ended before it left an artifact" in why(reduced, "b")


def test_without_a_count_and_an_inventory_nothing_tells_that_no_slice_is_missing(cut: Cut) -> None:
    reduced = reduce_slices([cut(101, None, "a")])
    assert "softtoken_slices_count" in why(reduced, "(some slice)")


@pytest.mark.parametrize("hosts", [[], ["a", "b"]])
def test_no_slice_at_all_is_unknown(hosts: list[str]) -> None:
    reduced = reduce_slices([], hosts=hosts)
    assert set(verdicts(reduced).values()) == {"unknown"}
    assert reduced.run is None


def test_no_slice_at_all_with_a_count_names_every_one() -> None:
    assert reduce_slices([], count=2).lost == ("slice 1 of 2 left no artifact", "slice 2 of 2 left no artifact")


def test_a_host_that_came_into_the_inventory_meanwhile_is_unknown(cut: Cut) -> None:
    reduced = reduce_slices([cut(1, 1, "a")], hosts=["a", "new"])
    assert "none is missing: the inventory has changed meanwhile" in why(reduced, "new")


def test_of_a_host_in_two_slices_the_newer_word_counts_and_it_is_said(cut: Cut) -> None:
    for order in (1, -1):
        reduced = reduce_slices([cut(1, 2, gone("a"), at=9), cut(2, 2, "a", "b", at=5)][::order])
        assert verdicts(reduced) == {"a": "unknown", "b": "compliant"}
        said = "a is in two slices: the newer word, of slice 1 of 2, counts, that of slice 2 of 2 does not"
        assert said in reduced.notes


def test_of_two_words_of_one_time_the_worse_counts(cut: Cut) -> None:
    for hosts in (("a", gone("a")), (gone("a"), "a")):
        assert verdicts(reduce_slices([cut(1, 2, hosts[0]), cut(2, 2, hosts[1])])) == {"a": "unknown"}


def test_an_artifact_that_came_on_two_ways_counts_once(cut: Cut) -> None:
    reduced = reduce_slices([cut(1, 1, "a"), cut(1, 1, "a")])
    assert (reduced.slices, reduced.notes) == (("slice 1 of 1",), ("made of 1 slice of run 7",))


def test_another_runs_artifacts_are_refused_and_their_hosts_unknown(cut: Cut) -> None:
    artifacts = [cut(1, 2, "a", at=9), cut(2, 2, "b", at=1, run="6")]
    reduced = reduce_slices(artifacts, hosts=["a", "b"])
    assert verdicts(reduced) == {"a": "compliant", "b": "unknown"}
    assert "slice 2 of 2 left no artifact" in why(reduced, "b")
    assert "refused, as of another run, 6: 1 artifact: slice 2 of 2" in reduced.notes


def test_the_run_that_is_wanted_can_be_named(cut: Cut) -> None:
    artifacts = [cut(1, 1, "a", at=9), cut(1, 1, gone("a"), at=1, run="6")]
    assert verdicts(reduce_slices(artifacts)) == {"a": "compliant"}
    assert verdicts(reduce_slices(artifacts, run="6")) == {"a": "unknown"}
    none = reduce_slices(artifacts, run="5", hosts=["a"])
    assert (none.slices, verdicts(none)) == ((), {"a": "unknown"})


@pytest.mark.parametrize("broken", [{"schema": 1}, "x", None, SliceError("no permission")])
def test_an_artifact_that_cannot_be_read_is_said_and_its_hosts_are_unknown(cut: Cut, broken: object) -> None:
    artifacts: Iterable[Artifact] = [cut(1, 2, "a"), ("softtoken_slice_2_of_2", broken)]
    reduced = reduce_slices(artifacts, hosts=["a", "b"])
    assert "slice 2 of 2 left an artifact that cannot be read: " in why(reduced, "b")
    assert len(reduced.lost) == 1
    alone = reduce_slices([cut(101, None, "a"), ("softtoken_slice_job_102", broken)], count=2)
    assert verdicts(alone) == {"a": "compliant", "(the slice of job 102)": "unknown"}


def test_a_thousand_faults_are_told_in_few_lines(cut: Cut) -> None:
    names = [f"host-{number}" for number in range(1000)]
    artifacts = [cut(1, 1000, *names), cut(2, 1000, *names), *(cut(3, 4, run=str(run)) for run in range(10, 15))]
    reduced = reduce_slices(artifacts, run="7", hosts=[*names, *(f"lost-{number}" for number in range(1000))])
    assert len(reduced.notes) < 60
    assert max(map(len, reduced.notes)) < 1000
    assert any("and 978 more lost slices" in note for note in reduced.notes)
    assert why(reduced, "lost-0").endswith("; and 995 more")


def test_notes_steer_no_terminal(cut: Cut) -> None:
    reduced = reduce_slices([cut(1, 1, "a")], hosts=["a", "b\x1b[2J\nc"])
    assert all(note.isprintable() for note in reduced.notes)


@pytest.mark.parametrize("count", [0, -3, 1001, 10**9])
def test_a_count_of_slices_that_there_cannot_be_is_refused(cut: Cut, count: int) -> None:
    with pytest.raises(SliceError, match=f"softtoken_slices_count is {count}: it has to be 1 to 1000"):
        reduce_slices([cut(11, None, "a")], count=count)
