"""What a check does beside measuring. Real checks: tests/integration/test_drift_agent.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.config import Outputs
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import from_json
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics

from roles.drift_agent.files.softtoken_agent.check import _leave, _next_number, mark_stale
from roles.drift_agent.files.softtoken_agent.store import Places
from tests.fakes.agent_report import report_of

ROLE = Path(__file__).resolve().parents[4] / "roles" / "drift_agent"
FACTS = {"schema": 1, "verdict": "compliant", "reasons": [], "agent": {"sequence": 7, "stale": None}}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    for name in ("run", "state"):
        (tmp_path / name).mkdir()
    found = Places(str(tmp_path / "agent.conf"), str(tmp_path / "run"), str(tmp_path / "state"))
    Path(found.config).write_text(
        f"[output]\nfacts_file = {tmp_path}/softtoken.fact\nmetrics_file = {tmp_path}/softtoken.prom\n"
        "[policy]\nmax_eror = 1\n",
        encoding="utf-8",
    )
    return found


def marked(places: Places, reason: str = "line 5 is wrong") -> dict[str, Any]:
    assert mark_stale(places, reason) == []
    found: dict[str, Any] = json.loads(Path(places.config).with_name("softtoken.fact").read_text("utf-8"))
    return found


def test_facts_and_metrics_that_outlived_their_report_are_marked_too(places: Places, tmp_path: Path) -> None:
    # The report goes with the boot. The facts say compliant for ever, if nobody takes that back.
    (tmp_path / "softtoken.fact").write_text(json.dumps(FACTS), encoding="utf-8")
    (tmp_path / "softtoken.prom").write_text("softtoken_verdict 1\n", encoding="utf-8")
    facts = marked(places)
    assert (facts["verdict"], facts["reasons"]) == ("unknown", ["agent.config_invalid"])
    assert facts["agent"]["stale"].startswith("line 5 is wrong (since ")
    assert facts["agent"]["sequence"] == 7
    metrics = {
        (sample.name, *sample.labels.values()): sample.value
        for family in read_openmetrics((tmp_path / "softtoken.prom").read_text("utf-8"))
        for sample in family.samples
    }
    assert metrics["softtoken_verdict", "unknown"] == 1
    assert metrics["softtoken_check_stale",] == 1


def test_stale_since_the_first_time(places: Places, tmp_path: Path) -> None:
    said = "line 5 is wrong (since 2026-01-01T00:00:00Z)"
    (tmp_path / "softtoken.fact").write_text(json.dumps({**FACTS, "agent": {"stale": said}}), encoding="utf-8")
    assert marked(places)["agent"]["stale"] == said
    facts = marked(places, "line 6 is wrong")
    assert facts["agent"]["stale"].startswith("line 6 is wrong (since ")
    assert facts["reasons"] == ["agent.config_invalid"]


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100000, "\x00"])
def test_no_facts_are_made_of_what_is_none(places: Places, tmp_path: Path, text: str) -> None:
    (tmp_path / "softtoken.fact").write_text(text, encoding="utf-8")
    assert mark_stale(places, "wrong") == []
    assert (tmp_path / "softtoken.fact").read_text("utf-8") == text


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 8), ("", 1), ("abc", 1), ("-5", 1), ("9007199254740990", 9007199254740991), ("9007199254740991", 1)]
    + [("9" * digits, 1) for digits in (17, 31, 32, 5000)],
)
def test_the_number_fits_a_report_whatever_stood_in_the_file(places: Places, text: str, number: int) -> None:
    Path(places.sequence).write_text(text, encoding="utf-8")
    assert _next_number(places, None) == number


def test_a_report_that_is_too_long_leaves_none_that_says_otherwise(places: Places) -> None:
    report = from_json(report_of({}))
    outputs = Outputs(facts_file="", metrics_file="")
    assert _leave(places, outputs, report, None) == []
    assert Path(places.report).exists()
    (problem,) = _leave(places, outputs, report._replace(messages=["x" * 300000]), None)
    assert "at most 262144 are read" in problem
    assert not Path(places.report).exists()


def publish(source: Path, target: Path, *shell: str) -> subprocess.CompletedProcess[str]:
    argv = [*(shell or ["sh"]), str(ROLE / "files" / "softtoken_agent" / "publish"), str(source), str(target)]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)


def test_facts_are_published_whole_or_not_at_all(tmp_path: Path) -> None:
    source, target = tmp_path / "from", tmp_path / "ansible" / "facts.d" / "softtoken.fact"
    source.write_text("{}", encoding="utf-8")
    assert publish(source, target).returncode == 0
    assert target.parent.stat().st_mode & 0o777 == 0o755
    (target.parent / "softtoken.fact.new").write_text("left by a copy that was killed", encoding="utf-8")
    source.write_text(json.dumps(FACTS), encoding="utf-8")
    assert publish(source, target).returncode == 0
    assert json.loads(target.read_text("utf-8")) == FACTS
    source.write_text(json.dumps({**FACTS, "serials": ["x" * 262144]}), encoding="utf-8")
    refused = publish(source, target)
    assert refused.returncode == 1
    assert "longer than 262144 bytes" in refused.stderr
    # The old ones would go on to say what held before.
    assert list(target.parent.iterdir()) == []


@pytest.fixture(params=["sh", "busybox"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """A shell, with its own programs where it brings some."""
    if request.param == "sh":
        return ["sh"]
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("there is no BusyBox here")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "mkdir", "rm", "head", "wc", "chmod", "mv", "stat", "id"):
        (programs / name).symlink_to(busybox)
    return ["env", f"PATH={programs}", "sh"]


@pytest.mark.parametrize("spoil", ["others", "group", "link", "owner"])
def test_nothing_is_published_where_others_may_write(tmp_path: Path, shell: list[str], spoil: str) -> None:
    source, folder = tmp_path / "from", tmp_path / "facts.d"
    target, precious = folder / "softtoken.fact", tmp_path / "precious"
    source.write_text("{}", encoding="utf-8")
    precious.write_text("kept", encoding="utf-8")
    done = publish(source, target, *shell)
    assert (done.returncode, done.stderr, target.read_text("utf-8")) == (0, "", "{}")
    (folder / "softtoken.fact.new").symlink_to(precious)
    if spoil == "link":
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
    elif spoil == "owner":
        if os.geteuid() != 0:
            pytest.skip("only root can give a directory to somebody else")
        os.chown(folder, 65534, 65534)
    else:
        folder.chmod({"others": 0o757, "group": 0o775}[spoil])
    refused = publish(source, target, *shell)
    assert refused.returncode == 1
    assert f"{folder} is no directory that only root may write to" in refused.stderr
    assert (folder / "softtoken.fact.new").is_symlink()
    assert precious.read_text("utf-8") == "kept"
    # They would go on to say what held before.
    assert not target.exists()
