from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report import slices
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    HostEntry,
    host_entry,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.slices import (
    Slice,
    SliceError,
    SliceName,
    name_of_key,
    pack,
    run_name,
    slice_name,
    unpack,
)

Maker = Callable[..., dict[str, Any]]
NAME = SliceName(3, 4)


def slice_of(*hosts: HostEntry, **other: Any) -> Slice:
    sliced: dict[str, Any] = {"name": NAME, "run": "4711", "written_at": "2026-11-21T12:00:05.000001Z"}
    return Slice(**{**sliced, "mode": "audit", "dry_run": False, "hosts": hosts, **other})


def packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode())).decode()


def lines_of(artifact: dict[str, Any]) -> list[Any]:
    return [json.loads(line) for line in zlib.decompress(base64.b64decode(artifact["data"])).splitlines()]


HEADER = lines_of(pack(slice_of()))[0] | {"hosts": 1}


def with_host(text: str, **changed: Any) -> str:
    """Return the data of an artifact with one host; ``changed`` is what else its header says."""
    return packed(json.dumps(HEADER | changed) + "\n" + text)


HOST = '["a", ["host.failed", ["no python"]], null, null, []]'


def test_what_was_found_on_hosts_comes_back_as_it_was(result: Maker) -> None:
    bad = result(verdict="noncompliant", reasons=["chrony.missing"], warnings=["config.no_rtcsync"], messages=["No."])
    hosts = [
        HostAnswers(host="good", measured=result()),
        HostAnswers(host="bad", measured=bad),
        HostAnswers(host="gone", measured={"unreachable": True, "msg": "Connection refused"}),
        HostAnswers(host="broken", measured={"failed": True, "msg": "no python"}),
        HostAnswers(host="odd", measured={"ansible_facts": {"softtoken": {"schema": 9}}}),
        HostAnswers(host="left out", cached={"verdict": "compliant", "measured_at": "2026"}),
        HostAnswers(host="mended", measured=bad, enforced={"status": "ok"}, measured_again=result()),
        HostAnswers(host="stuck", measured=bad, enforced={"status": "failed", "task": "t", "message": "m"}),
        HostAnswers(host="agent", measured=result(messages=[]) | {"detail": {"history": [[1, 0.5, None], [2, 0, 1]]}}),
    ]
    part = slice_of(*map(host_entry, hosts), mode="enforce", dry_run=True)
    assert unpack(NAME.key, json.loads(json.dumps(pack(part)))) == part


def test_which_way_the_facts_came_is_handed_on(result: Maker) -> None:
    reported = result() | {"source": "agent", "report_age_s": 244.1}
    refused = result() | {"source": "module", "report": "it is stale"}
    hosts = [
        HostAnswers(host="believed", measured=reported),
        HostAnswers(host="mended", measured=reported, enforced={"status": "ok"}, measured_again=refused),
    ]
    part = slice_of(*map(host_entry, hosts))
    assert unpack(NAME.key, json.loads(json.dumps(pack(part)))) == part


def test_a_slice_that_does_not_say_which_way_is_read_all_the_same(result: Maker) -> None:
    artifact = pack(slice_of(host_entry(HostAnswers(host="a", measured=result()))))
    assert len(lines_of(artifact)[1][1]) == 2
    assert unpack(NAME.key, artifact).hosts[0].state.origin is None


@pytest.mark.parametrize("origin", [7, {}, [], ["agent"], None])
def test_a_host_with_another_word_on_it_is_none(origin: Any) -> None:
    line = json.dumps(["a", [{"schema": 1, "verdict": "compliant"}, [], origin], None, None, []])
    with pytest.raises(SliceError, match="no usable state"):
        unpack(NAME.key, pack(slice_of()) | {"data": with_host(line)})


@pytest.mark.parametrize("origin", [["root", None, None], [None, 3, "x"], [[], {}, 7]])
def test_a_source_that_is_none_is_not_told(origin: Any) -> None:
    line = json.dumps(["a", [{"schema": 1, "verdict": "compliant"}, [], origin], None, None, []])
    artifact = pack(slice_of()) | {"data": with_host(line)}
    assert unpack(NAME.key, artifact).hosts[0].state.origin is None


def test_no_text_of_an_artifact_is_a_number_or_a_date_in_yaml() -> None:
    # AWX writes variables as YAML with the tag !unsafe, and Ansible makes of a text with it what it looks like.
    artifact = pack(slice_of(run="7"))
    assert {key: yaml.safe_load(str(value)) for key, value in artifact.items()} == artifact


def test_an_empty_slice_is_one() -> None:
    assert unpack(NAME.key, pack(slice_of())) == slice_of()


def test_a_thousand_like_hosts_pack_into_little(result: Maker) -> None:
    part = slice_of(*(host_entry(HostAnswers(host=f"web-{number}", measured=result())) for number in range(1000)))
    assert len(pack(part)["data"]) < 30_000


def test_numbers_that_json_has_not_are_none(result: Maker) -> None:
    entry = host_entry(HostAnswers(host="a", measured=result(offset_s=float("nan"))))
    state = unpack(NAME.key, pack(slice_of(entry))).hosts[0].state
    assert state.facts is not None
    assert state.facts["clock"]["offset_s"] is None


@pytest.mark.parametrize("depth", [slices.DEPTH_LIMIT, 100_000])
def test_a_host_that_sends_depths_costs_no_other_host(result: Maker, depth: int) -> None:
    deep: list[Any] = []
    for _level in range(depth):
        deep = [deep]
    hosts = [host_entry(HostAnswers(host="deep", measured=result(more=deep)))]
    hosts.append(host_entry(HostAnswers(host="good", measured=result())))
    read = {entry.host: entry.state for entry in unpack(NAME.key, pack(slice_of(*hosts))).hosts}
    assert (read["deep"].verdict, read["deep"].reasons) == ("unknown", ("host.malformed_facts",))
    assert "does not fit" in read["deep"].messages[0]
    assert read["good"].verdict == "compliant"


@pytest.mark.parametrize("more", ["x" * slices.HOST_LIMIT, 10**5000], ids=["text", "number"])
def test_a_host_that_sends_too_much_costs_no_other_host(result: Maker, more: Any) -> None:
    hosts = [host_entry(HostAnswers(host="a", measured=result(more=more)))]
    hosts.append(host_entry(HostAnswers(host="good", measured=result())))
    read = unpack(NAME.key, pack(slice_of(*hosts))).hosts
    assert [entry.state.verdict for entry in read] == ["unknown", "compliant"]


def test_history_that_does_not_fit_is_left_out_and_this_is_said(monkeypatch: pytest.MonkeyPatch, result: Maker) -> None:
    measured = result() | {"detail": {"history": [[number, 0.25, 0.5] for number in range(500)]}}
    part = slice_of(host_entry(HostAnswers(host="a", measured=measured)))
    monkeypatch.setattr(slices, "RAW_LIMIT", 3000)
    read = unpack(NAME.key, pack(part))
    assert read.without_history
    assert (read.hosts[0].host, read.hosts[0].history) == ("a", ())


def test_what_does_not_fit_at_all_is_not_written(monkeypatch: pytest.MonkeyPatch, result: Maker) -> None:
    part = slice_of(host_entry(HostAnswers(host="a", measured=result())))
    for limit in ("RAW_LIMIT", "TEXT_LIMIT", "HOSTS_LIMIT"):
        with monkeypatch.context() as patch:
            patch.setattr(slices, limit, 0)
            with pytest.raises(SliceError, match="make more slices"):
                pack(part)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "schema '2', and this release reads schema 1"),
        ({"schema": True}, "schema"),
        ({"data": None}, "no usable data"),
        ({"data": "%%%"}, "damaged"),
        ({"data": "é"}, "damaged"),
        ({"data": base64.b64encode(b"none").decode()}, "damaged"),
        ({"data": with_host(HOST)[:-8]}, "damaged"),
        ({"data": base64.b64encode(zlib.compress(b"[]") + b"more").decode()}, "does not end where it should"),
        ({"data": packed("é")}, "damaged"),
        ({"data": packed("")}, "does not say what it is"),
        ({"data": packed("[]")}, "does not say what it is"),
        ({"data": packed("{" * 900)}, "does not say what it is"),
        ({"data": with_host(HOST, more="x" * 2000)}, "does not say what it is"),
        ({"data": with_host(HOST, slice="slice 2 of 4")}, "no usable slice"),
        ({"data": with_host(HOST, run="../../etc")}, "no usable run"),
        ({"data": with_host(HOST, run=4711)}, "no usable run"),
        ({"data": with_host(HOST, written_at="yesterday")}, "no usable written_at"),
        ({"data": with_host(HOST, mode="account")}, "no usable mode"),
        ({"data": with_host(HOST, mode=["audit"])}, "no usable mode"),
        ({"data": with_host(HOST, dry_run="no")}, "no usable dry_run"),
        ({"data": with_host(HOST, hosts=True)}, "no usable hosts"),
        ({"data": with_host(HOST, hosts=2)}, "it says 2 hosts and has 1"),
        ({"data": with_host(HOST, without_history=0)}, "no usable without_history"),
        ({"data": with_host("no json")}, "a host in it is no JSON"),
        ({"data": with_host('["a", [{"schema": NaN}, []], null, null, []]')}, "no JSON"),
        ({"data": with_host("[" * 200_000)}, "a host in it is no JSON"),
        ({"data": with_host("[" * 40 + "]" * 40)}, "a host in it is none"),
        ({"data": with_host("{}")}, "a host in it is none"),
        ({"data": with_host('["a", null, null, null]')}, "a host in it is none"),
        ({"data": with_host('["", ["host.failed", []], null, null, []]')}, "no usable name"),
        ({"data": with_host('[7, ["host.failed", []], null, null, []]')}, "no usable name"),
        ({"data": with_host('["a", null, null, null, []]')}, "no usable state"),
        ({"data": with_host('["a", ["compliant", []], null, null, []]')}, "neither facts nor a reason"),
        ({"data": with_host('["a", [["host.failed"], []], null, null, []]')}, "neither facts nor a reason"),
        ({"data": with_host('["a", ["host.failed", []], "no", null, []]')}, "no usable state"),
        ({"data": with_host('["a", ["host.failed", []], null, ["fine", null, null], []]')}, "how enforcing went"),
        ({"data": with_host('["a", ["host.failed", []], null, {"status": "ok"}, []]')}, "how enforcing went"),
        ({"data": with_host("x" * (slices.HOST_LIMIT + 1))}, "a host in it has 262145 characters"),
        ({"data": "A" * (slices.TEXT_LIMIT + 4)}, "its data has 16777220 characters"),
        ({"data": packed("x" * (slices.RAW_LIMIT + 1))}, "unpacks to more than 32 MiB"),
        ({"data": packed("\n" * (slices.HOSTS_LIMIT + 1))}, "it has 100001 hosts"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_an_artifact_that_is_none_is_refused_with_the_reason(result: Maker, change: dict[str, Any], words: str) -> None:
    artifact = pack(slice_of(host_entry(HostAnswers(host="a", measured=result()))))
    with pytest.raises(SliceError, match=words):
        unpack(NAME.key, artifact | change)


@pytest.mark.parametrize("artifact", [None, "softtoken", [], 7])
def test_what_is_no_dictionary_is_no_artifact(artifact: object) -> None:
    with pytest.raises(SliceError, match="no dictionary"):
        unpack(NAME.key, artifact)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compressobj(9)
    data = b"".join(bomb.compress(b"\0" * 2**20) for _mebibyte in range(300)) + bomb.flush()
    artifact = pack(slice_of()) | {"data": base64.b64encode(data).decode()}
    with pytest.raises(SliceError, match="more than 32 MiB"):
        unpack(NAME.key, artifact)


def test_a_host_in_an_artifact_is_judged_by_its_facts(result: Maker) -> None:
    artifact = pack(slice_of(host_entry(HostAnswers(host="a", measured=result(verdict="noncompliant")))))
    _header, line = lines_of(artifact)
    line[1][0]["verdict"] = "perfect"
    state = unpack(NAME.key, artifact | {"data": with_host(json.dumps(line))}).hosts[0].state
    assert (state.verdict, state.reasons) == ("unknown", ("host.malformed_facts",))


@pytest.mark.parametrize(
    ("value", "job", "key"),
    [
        (True, 17, "softtoken_slice_job_17"),
        ("true", "17", "softtoken_slice_job_17"),
        ("Yes", "17", "softtoken_slice_job_17"),
        ("3/4", "", "softtoken_slice_3_of_4"),
        (" 3 / 4 ", "17", "softtoken_slice_3_of_4"),
        ("1000/1000", "", "softtoken_slice_1000_of_1000"),
    ],
)
def test_the_name_of_a_slice(value: object, job: object, key: str) -> None:
    name = slice_name(value, job)
    assert name.key == key
    assert name_of_key(key) == name


@pytest.mark.parametrize(
    ("value", "job", "words"),
    [
        ("true", "", "no awx_job_id"),
        ("true", "17; rm", "no awx_job_id"),
        ("5/4", "17", "slice 5 of 4"),
        ("1/1001", "17", "at most 1000"),
        ("0/4", "17", "softtoken_slice is '0/4'"),
        ("3", "17", "as 3/4"),
        ("\uff13/4", "17", "as 3/4"),
    ],
)
def test_what_is_no_name_of_a_slice(value: object, job: object, words: str) -> None:
    with pytest.raises(SliceError, match=words):
        slice_name(value, job)


@pytest.mark.parametrize(
    "key",
    [
        "softtoken",
        "softtoken_slice",
        "softtoken_slices_run",
        "softtoken_slice_5_of_4",
        "softtoken_slice_01_of_4",
        "softtoken_slice_1_of_9999",
        "softtoken_slice_job_",
        "softtoken_slice_job_1\n",
    ],
)
def test_other_variables_are_no_artifacts(key: str) -> None:
    assert name_of_key(key) is None
    with pytest.raises(SliceError, match="not the name of an artifact"):
        unpack(key, pack(slice_of()))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "not known which run"),
        ("  ", "not known which run"),
        ("a/b", "softtoken_slices_run is 'a/b'"),
        (".x", "to start with"),
        ("x" * 65, "1 to 64"),
    ],
)
def test_a_run_has_a_plain_name(value: object, words: str) -> None:
    with pytest.raises(SliceError, match=words):
        run_name(value)


def test_a_number_names_a_run_as_well() -> None:
    assert run_name(4711) == "4711"
