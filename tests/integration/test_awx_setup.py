"""awx_setup.yml against the modelled AWX: made, made again, tried, changed, refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.fakes.awx import FakeAwx
from tests.integration.awx_objects import GIVEN, awx_setup, found_by_awx, playbook_names
from tests.integration.playbooks import Run

# What awx.awx sends and AWX passes over, because it is read only there.
PASSED_OVER = {
    ("workflow_job_template_nodes", "type"),
    ("job_templates", "organization"),
    ("credential_types", "managed"),
}
PLAYBOOKS = found_by_awx()
#: What the model's set is changed to.
CHANGED: dict[str, Any] = {"softtoken_awx_slices": 8, "softtoken_awx_approval": False}


class Lived(NamedTuple):
    """The model after four runs, and what each left."""

    awx: FakeAwx
    tried: Run
    after_try: str
    first: Run
    after_first: str
    again: Run
    writes_again: int
    after_again: str


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    folder = tmp_path_factory.mktemp("setup")
    with FakeAwx(PLAYBOOKS) as awx:
        empty = awx.state.snapshot()
        tried = awx_setup(folder, awx, "--check")
        assert not awx.writes
        assert awx.state.snapshot() == empty
        after_try = awx.state.snapshot()
        first = awx_setup(folder, awx)
        after_first = awx.state.snapshot()
        written = len(awx.writes)
        again = awx_setup(folder, awx)
        yield Lived(awx, tried, after_try, first, after_first, again, len(awx.writes) - written, awx.state.snapshot())


def linked(awx: FakeAwx, identifier: str) -> dict[str, list[str]]:
    node = awx.named("workflow_job_template_nodes", identifier)
    kinds = ("success_nodes", "failure_nodes", "always_nodes")
    found = {
        kind: awx.names("workflow_job_template_nodes", node["id"], kind, "workflow_job_template_nodes")
        for kind in kinds
    }
    return {kind: names for kind, names in found.items() if names}


def test_trying_the_first_run_changes_nothing_and_says_what_would_be_made(lived: Lived) -> None:
    assert lived.tried.rc == 0, lived.tried.output
    assert "changed: [localhost] => (item=softtoken account weekly)" in lived.tried.output
    assert lived.tried.recap["localhost"]["failed"] == 0


def test_the_first_run_makes_everything(lived: Lived) -> None:
    assert lived.first.rc == 0, lived.first.output
    awx = lived.awx
    assert lived.after_first != lived.after_try
    assert {Path(one["playbook"]).stem for one in awx.state.objects["job_templates"].values()} == set(playbook_names())
    assert awx.named("projects", "softtoken")["status"] == "successful"
    assert awx.state.ignored == PASSED_OVER


def test_every_template_has_its_survey(lived: Lived) -> None:
    awx = lived.awx
    assert {number for name, number in awx.state.surveys if name == "job_templates"} == set(
        awx.state.objects["job_templates"]
    )


def test_the_workflow_reports_before_anybody_is_asked(lived: Lived) -> None:
    assert {
        name: linked(lived.awx, name) for name in ("inventory", "audit", "report", "approve", "enforce", "result")
    } == {
        "inventory": {"success_nodes": ["audit"]},
        "audit": {"always_nodes": ["report"]},
        "report": {"failure_nodes": ["approve"]},
        "approve": {"success_nodes": ["enforce"]},
        "enforce": {"always_nodes": ["result"]},
        "result": {},
    }


def test_the_report_is_what_is_told_of(lived: Lived) -> None:
    awx = lived.awx
    report = awx.named("job_templates", "softtoken compliance report")
    told = ["softtoken chat", "softtoken mail"]

    for event in ("error", "success"):
        key = f"notification_templates_{event}"
        assert awx.names("job_templates", report["id"], key, "notification_templates") == told
    [workflow] = awx.state.objects["workflow_job_templates"]
    approvals = awx.names(
        "workflow_job_templates", workflow, "notification_templates_approvals", "notification_templates"
    )
    assert approvals == told


def test_the_jobs_own_names_reach_awx_unresolved(lived: Lived) -> None:
    audit = lived.awx.named("job_templates", "softtoken compliance audit")
    ntp_key = lived.awx.named("credential_types", "softtoken NTP key")

    assert (
        json.loads(audit["extra_vars"])["softtoken_report_dir"]
        == "{{ softtoken_awx_state_dir }}/report/{{ awx_job_id }}"
    )
    assert ntp_key["injectors"]["extra_vars"]["timesync_keys"][0]["value"] == "{{ value }}"


def test_the_second_run_changes_nothing(lived: Lived) -> None:
    assert lived.again.rc == 0, lived.again.output
    assert lived.again.recap["localhost"]["changed"] == 0
    assert lived.writes_again == 0
    assert lived.after_again == lived.after_first


def test_what_is_changed_here_is_all_that_changes_there(lived: Lived, tmp_path: Path) -> None:
    """Late among those that share the model: the number of slices, and no approval any more."""
    before = json.loads(lived.awx.state.snapshot())[0]
    run = awx_setup(tmp_path, lived.awx, **CHANGED)
    after = json.loads(lived.awx.state.snapshot())[0]

    assert run.rc == 0, run.output
    changed = {
        (resource, item.get("name") or item["identifier"], key)
        for resource, items in after.items()
        for number, item in items.items()
        for key in item
        if before[resource][number][key] != item[key]
    }
    assert changed == {
        ("job_templates", "softtoken compliance audit", "job_slice_count"),
        ("job_templates", "softtoken compliance enforce", "job_slice_count"),
    }
    assert linked(lived.awx, "report") == {"failure_nodes": ["enforce"]}
    assert "approve" not in {one["identifier"] for one in after["workflow_job_template_nodes"].values()}


def test_another_organisation_has_a_set_of_its_own_beside_it(lived: Lived, tmp_path: Path) -> None:
    """Last of those that share the model, in which each name is there once before."""
    notifications = [{**one, "name": f"Acme {one['name']}"} for one in GIVEN["softtoken_awx_notifications"]]
    acme = {"softtoken_awx_organization": "Acme", "softtoken_awx_notifications": notifications}
    before = json.loads(lived.awx.state.snapshot())[0]
    second = awx_setup(tmp_path, lived.awx, **acme)
    assert second.rc == 0, second.output
    after = json.loads(lived.awx.state.snapshot())[0]
    assert all(after[kind][number] == one for kind, items in before.items() for number, one in items.items())
    made = [one for number, one in after["job_templates"].items() if number not in before["job_templates"]]
    assert len(made) == len(before["job_templates"])
    assert all(one["name"].startswith("softtoken Acme ") for one in made)
    # With the other one beside it the first set is found by its names as before, and the other one is left alone.
    again = awx_setup(tmp_path, lived.awx, **CHANGED)
    assert again.rc == 0, again.output
    last = json.loads(lived.awx.state.snapshot())[0]
    for kind, items in after.items():
        assert all(last[kind][number] == one for number, one in items.items() if number not in before[kind])
        assert kind == "workflow_job_template_nodes" or last[kind].keys() == items.keys()


def test_awx_finds_the_playbooks_and_takes_nothing_else_for_one() -> None:
    assert [Path(one).stem for one in PLAYBOOKS if one != "playbooks/awx_setup.yml"] == playbook_names()


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"softtoken_awx_ee_image": ""}, "softtoken_awx_ee_image has to be the image"),
        ({"softtoken_awx_slices": 2000}, "softtoken_awx_slices is 2000: it has to be 1 to 1000"),
        ({"softtoken_awx_forks": -1}, "softtoken_awx_forks is -1: it has to be 1 or more"),
        ({"softtoken_awx_time": "2am"}, "softtoken_awx_time is 2am"),
        ({"softtoken_awx_notifications": [{"name": "chat"}]}, "softtoken_awx_notifications: each has to have a name"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_asked(
    tmp_path: Path, variables: dict[str, Any], said: str
) -> None:
    with FakeAwx(PLAYBOOKS) as awx:
        run = awx_setup(tmp_path, awx, **variables)

        assert run.rc == 2
        assert said in run.output
        assert not awx.requests


def test_without_an_address_it_says_where_to_give_one(tmp_path: Path) -> None:
    run = awx_setup(tmp_path, None)

    assert run.rc == 2
    assert "aap_hostname, or CONTROLLER_HOST in the environment, has to be the address of AWX" in run.output
    assert "aap_token, or CONTROLLER_OAUTH_TOKEN" in run.output


def test_without_the_collection_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package ansible has it beside itself, where Ansible is told not to look."""
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_SCAN_SYS_PATH", "false")
    with FakeAwx(PLAYBOOKS) as awx:
        run = awx_setup(tmp_path, awx)

        assert run.rc == 2
        assert "The collection awx.awx is not installed" in run.output
        assert "ansible-galaxy collection install awx.awx" in " ".join(run.output.split())
        assert not awx.requests


def test_a_wrong_token_is_named_as_the_reason(tmp_path: Path) -> None:
    with FakeAwx(PLAYBOOKS) as awx:
        run = awx_setup(tmp_path, None, aap_hostname=awx.url, aap_token="wrong-token-of-the-test")  # noqa: S106 - wrong

        assert run.rc == 2
        assert "Invalid authentication credentials" in run.output
        assert "wrong-token-of-the-test" not in run.output
        assert not awx.requests


def test_what_awx_refuses_of_a_notification_is_said_without_its_secrets(tmp_path: Path) -> None:
    wrong = {
        "name": "softtoken slack",
        "notification_type": "slack",
        "notification_configuration": {"token": "secret-of-the-test"},
    }
    with FakeAwx(PLAYBOOKS) as awx:
        run = awx_setup(tmp_path, awx, softtoken_awx_notifications=[wrong])

        assert run.rc == 2
        assert '"msg": "softtoken slack: ' in run.output  # and not only where Ansible prints what no_log hides
        assert "Missing required fields for Notification Configuration: channels" in " ".join(run.output.split())
        assert "secret-of-the-test" not in run.output


def test_an_address_where_nobody_listens_is_named(tmp_path: Path) -> None:
    with FakeAwx(PLAYBOOKS) as awx:
        gone = awx.url
    run = awx_setup(tmp_path, None, aap_hostname=gone, aap_token="x")  # noqa: S106 - of nobody

    assert run.rc == 2
    assert gone in run.output
    assert "Connection refused" in run.output


def test_user_and_password_do_as_well_and_the_token_made_of_them_is_given_back(tmp_path: Path) -> None:
    with FakeAwx(PLAYBOOKS) as awx:
        run = awx_setup(
            tmp_path, None, aap_hostname=awx.url, aap_username=awx.USERNAME, aap_password="wrong",  # noqa: S106
        )  # fmt: skip
        assert run.rc == 2
        assert "Failed to get token" in run.output
        assert not awx.writes
