"""Whatever hosts sent comes back out of an artifact as a report has it, and no artifact fails in another way."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_report import report_to_dict
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    assemble,
    build_report,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.reduce import reduce_slices
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.slices import (
    Slice,
    SliceError,
    SliceName,
    pack,
    unpack,
)
from hypothesis import given
from hypothesis import strategies as st

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
plain = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
codes = st.lists(st.sampled_from(["chrony.missing", "clock.stale", "\x1b", "x" * 600]) | scalars, max_size=3)
facts = st.fixed_dictionaries(
    {"schema": st.just(1), "verdict": st.sampled_from(["compliant", "noncompliant", "unknown", "perfect"])},
    optional={"reasons": codes, "warnings": codes, "clock": plain, "serials": plain, "more": plain},
)
history = st.lists(st.lists(st.floats() | st.none() | st.integers(), max_size=4) | plain, max_size=4)
results = (
    st.none()
    | st.fixed_dictionaries(
        {"ansible_facts": st.fixed_dictionaries({"softtoken": facts | plain})},
        optional={"detail": st.fixed_dictionaries({"messages": codes, "history": history}) | plain},
    )
    | st.fixed_dictionaries({"unreachable": st.booleans(), "failed": st.booleans(), "msg": scalars})
)
enforcements = st.none() | st.fixed_dictionaries(
    {"status": st.sampled_from(["ok", "failed", "unreachable", "else"]), "task": scalars, "message": scalars}
)
answers = st.dictionaries(
    st.text(min_size=1, max_size=12),
    st.tuples(results, enforcements, results, st.none() | facts),
    max_size=6,
).map(
    lambda hosts: [
        HostAnswers(host=host, measured=measured, enforced=enforced, measured_again=again, cached=cached)
        for host, (measured, enforced, again, cached) in hosts.items()
    ]
)


def artifact_of(name: SliceName, hosts: tuple[Any, ...]) -> dict[str, Any]:
    written_at = "2026-11-21T12:00:05.000001Z"
    made = pack(Slice(name=name, run="7", written_at=written_at, mode="enforce", dry_run=False, hosts=hosts))
    copy: dict[str, Any] = json.loads(json.dumps(made, allow_nan=False))
    return copy


@given(answers, st.integers(1, 4))
def test_the_report_of_slices_is_that_of_the_run(hosts: list[HostAnswers], count: int) -> None:
    whole = build_report(hosts, generated_at="now", mode="enforce")
    names = [SliceName(number, count) for number in range(1, count + 1)]
    artifacts = [(name.key, artifact_of(name, whole.hosts[index::count])) for index, name in enumerate(names)]
    reduced = reduce_slices(artifacts, hosts=[answer.host for answer in hosts])
    again = assemble(reduced.hosts, generated_at="now", mode=reduced.mode, dry_run=reduced.dry_run)
    assert report_to_dict(again) == report_to_dict(whole)


NAME = SliceName(1, 1)
GOOD = artifact_of(NAME, build_report([HostAnswers(host="a")], generated_at="", mode="audit").hosts)
records = st.lists(
    st.lists(
        plain | st.sampled_from(["host.failed", ["host.failed", []], [{"schema": 1, "verdict": "compliant"}, []]]),
        min_size=4,
        max_size=6,
    )
    | plain,
    max_size=3,
)
HEADER = json.loads(zlib.decompress(base64.b64decode(GOOD["data"])).splitlines()[0])
headers = st.integers(0, 3).map(lambda number: HEADER | {"hosts": number}) | st.dictionaries(
    st.sampled_from(sorted(HEADER)), plain
).map(lambda change: HEADER | change)
lines = st.tuples(headers, records).map(lambda some: "\n".join(json.dumps(one) for one in [some[0], *some[1]]))
data = st.one_of(
    lines.map(lambda text: base64.b64encode(zlib.compress(text.encode())).decode()),
    st.binary(max_size=60).map(lambda some: base64.b64encode(some).decode()),
    st.binary(max_size=60).map(lambda some: base64.b64encode(zlib.compress(some)).decode()),
    scalars,
)
artifacts = plain | st.dictionaries(st.sampled_from(sorted(GOOD)), plain).map(lambda change: GOOD | change)
with_data = data.map(lambda some: GOOD | {"data": some})


@given(artifacts | with_data)
def test_no_artifact_fails_in_another_way_than_it_says(artifact: Any) -> None:
    try:
        part = unpack(NAME.key, artifact)
    except SliceError:
        reduced = reduce_slices([(NAME.key, artifact)], hosts=["a"])
        assert [(entry.host, entry.state.verdict) for entry in reduced.hosts] == [("a", "unknown")]
        return
    # What was read can be told on, and says the same again.
    assert unpack(NAME.key, pack(part)) == part
