"""What AWX's serializers and models say about each resource: fields, types, choices, defaults, what is unique.

Taken from AWX 24.6.1 (awx/api/serializers.py, awx/main/models), written down by hand for the resources that the modules
of awx.awx ask for here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["RESOURCES", "UNIFIED", "Field", "Resource"]

AWX_VERSION = "24.6.1"
NAME_LENGTH = 512


class Field(NamedTuple):
    """One field that can be written."""

    kind: str  # str | int | bool | choice | id | json | vars
    required: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    of: str = ""  # id: of which resource
    least: int | None = None
    length: int | None = None


class Resource(NamedTuple):
    """One collection of the API."""

    type: str
    fields: dict[str, Field]
    unique: tuple[str, ...] = ("name",)
    read_only: dict[str, Any] = {}  # noqa: RUF012 - read only, and never written to
    related: tuple[str, ...] = ()  # lists of other objects: related/<name>/
    identity: str = "name"


def _text(default: str | None = "", *, required: bool = False, length: int | None = None) -> Field:
    return Field("str", required=required, default=default, length=length)


def _flag(*, default: bool = False) -> Field:
    return Field("bool", default=default)


def _number(default: int | None = 0, *, least: int | None = 0) -> Field:
    return Field("int", default=default, least=least)


def _id(of: str, *, required: bool = False) -> Field:
    return Field("id", required=required, of=of)


def _one_of(*choices: Any, default: Any = "", required: bool = False) -> Field:
    return Field("choice", required=required, default=default, choices=choices)


NAME = {"name": _text(required=True, length=NAME_LENGTH), "description": _text()}
NOTIFIED = ("notification_templates_started", "notification_templates_success", "notification_templates_error")
LINKS = ("success_nodes", "failure_nodes", "always_nodes")

# What a launch may be asked for, and the flag of the template that allows it.
PROMPTS = {
    "extra_data": "ask_variables_on_launch",
    "inventory": "ask_inventory_on_launch",
    "scm_branch": "ask_scm_branch_on_launch",
    "job_type": "ask_job_type_on_launch",
    "job_tags": "ask_tags_on_launch",
    "skip_tags": "ask_skip_tags_on_launch",
    "limit": "ask_limit_on_launch",
    "diff_mode": "ask_diff_mode_on_launch",
    "verbosity": "ask_verbosity_on_launch",
    "execution_environment": "ask_execution_environment_on_launch",
    "forks": "ask_forks_on_launch",
    "job_slice_count": "ask_job_slice_count_on_launch",
    "timeout": "ask_timeout_on_launch",
}
_LAUNCH = {
    "extra_data": Field("json", default={}),
    "inventory": _id("inventories"),
    "scm_branch": _text(None),
    "job_type": _one_of("run", "check", default=None),
    "job_tags": _text(None),
    "skip_tags": _text(None),
    "limit": _text(None),
    "diff_mode": Field("bool", default=None),
    "verbosity": _one_of(0, 1, 2, 3, 4, 5, default=None),
    "execution_environment": _id("execution_environments"),
    "forks": _number(None),
    "job_slice_count": _number(None),
    "timeout": _number(None, least=None),
}
_ASKS = {flag: _flag() for flag in PROMPTS.values()}
_WORKFLOW_ASKS = (
    "ask_variables_on_launch", "ask_inventory_on_launch", "ask_scm_branch_on_launch", "ask_limit_on_launch",
    "ask_labels_on_launch", "ask_tags_on_launch", "ask_skip_tags_on_launch",
)  # fmt: skip

RESOURCES: dict[str, Resource] = {
    "organizations": Resource(
        "organization",
        {**NAME, "max_hosts": _number(), "default_environment": _id("execution_environments")},
        related=("instance_groups", "galaxy_credentials", *NOTIFIED, "notification_templates_approvals"),
    ),
    "execution_environments": Resource(
        "execution_environment",
        {
            **NAME,
            "organization": _id("organizations"),
            "image": _text(required=True, length=1024),
            "credential": _id("credentials"),
            "pull": _one_of("always", "missing", "never", ""),
        },
        read_only={"managed": False},
    ),
    "credential_types": Resource(
        "credential_type",
        {
            **NAME,
            "kind": _one_of("net", "cloud", required=True),
            "inputs": Field("json", default={}),
            "injectors": Field("json", default={}),
        },
        unique=("name", "kind"),
        read_only={"namespace": None, "managed": False},
    ),
    "credentials": Resource(
        "credential",
        {
            **NAME,
            "organization": _id("organizations"),
            "credential_type": _id("credential_types", required=True),
            "inputs": Field("json", default={}),
        },
        unique=("organization", "name", "credential_type"),
        read_only={"managed": False},
    ),
    "projects": Resource(
        "project",
        {
            **NAME,
            "organization": _id("organizations"),
            "local_path": _text(),
            "scm_type": _one_of("", "git", "svn", "insights", "archive"),
            "scm_url": _text(length=1024),
            "scm_branch": _text(length=256),
            "scm_refspec": _text(length=1024),
            "scm_clean": _flag(),
            "scm_track_submodules": _flag(),
            "scm_delete_on_update": _flag(),
            "credential": _id("credentials"),
            "timeout": _number(least=None),
            "scm_update_on_launch": _flag(),
            "scm_update_cache_timeout": _number(),
            "allow_override": _flag(),
            "default_environment": _id("execution_environments"),
            "signature_validation_credential": _id("credentials"),
        },
        unique=("organization", "name"),
        read_only={"scm_revision": "", "status": "pending"},
        related=NOTIFIED,
    ),
    "inventories": Resource(
        "inventory",
        {
            **NAME,
            "organization": _id("organizations", required=True),
            "kind": _one_of("", "smart", "constructed"),
            "host_filter": _text(None),
            "variables": Field("vars", default=""),
            "prevent_instance_group_fallback": _flag(),
        },
        unique=("organization", "name"),
        related=("instance_groups", "input_inventories"),
    ),
    "inventory_sources": Resource(
        "inventory_source",
        {
            **NAME,
            "inventory": _id("inventories", required=True),
            "source": _one_of(
                "file",
                "constructed",
                "scm",
                "ec2",
                "gce",
                "azure_rm",
                "vmware",
                "satellite6",
                "openstack",
                "rhv",
                "controller",
                "insights",
                "terraform",
                "openshift_virtualization",
                required=True,
            ),
            "source_path": _text(length=1024),
            "source_vars": Field("vars", default=""),
            "scm_branch": _text(length=1024),
            "credential": _id("credentials"),
            "enabled_var": _text(),
            "enabled_value": _text(),
            "host_filter": _text(),
            "overwrite": _flag(),
            "overwrite_vars": _flag(),
            "timeout": _number(least=None),
            "verbosity": _one_of(0, 1, 2, default=1),
            "limit": _text(),
            "execution_environment": _id("execution_environments"),
            "update_on_launch": _flag(),
            "update_cache_timeout": _number(),
            "source_project": _id("projects"),
        },
        unique=("inventory", "name"),
        related=NOTIFIED,
    ),
    "notification_templates": Resource(
        "notification_template",
        {
            **NAME,
            "organization": _id("organizations", required=True),
            "notification_type": _one_of(
                "awssns",
                "email",
                "grafana",
                "irc",
                "mattermost",
                "pagerduty",
                "rocketchat",
                "slack",
                "twilio",
                "webhook",
                required=True,
            ),
            "notification_configuration": Field("json", default={}),
            "messages": Field("json", default=None),
        },
        unique=("organization", "name"),
    ),
    "job_templates": Resource(
        "job_template",
        {
            **NAME,
            "job_type": _one_of("run", "check", default="run"),
            "inventory": _id("inventories"),
            "project": _id("projects"),
            "playbook": _text(length=1024),
            "scm_branch": _text(length=1024),
            "forks": _number(),
            "limit": _text(),
            "verbosity": _one_of(0, 1, 2, 3, 4, 5, default=0),
            "extra_vars": Field("vars", default=""),
            "job_tags": _text(),
            "force_handlers": _flag(),
            "skip_tags": _text(length=1024),
            "start_at_task": _text(length=1024),
            "timeout": _number(least=None),
            "use_fact_cache": _flag(),
            "execution_environment": _id("execution_environments"),
            "host_config_key": _text(length=1024),
            **_ASKS,
            "ask_credential_on_launch": _flag(),
            "ask_labels_on_launch": _flag(),
            "ask_instance_groups_on_launch": _flag(),
            "survey_enabled": _flag(),
            "become_enabled": _flag(),
            "diff_mode": _flag(),
            "allow_simultaneous": _flag(),
            "job_slice_count": _number(1),
            "webhook_service": _one_of("github", "gitlab", "bitbucket_dc", ""),
            "webhook_credential": _id("credentials"),
            "prevent_instance_group_fallback": _flag(),
        },
        unique=("organization", "name"),
        read_only={"organization": None},  # it is the project's
        related=("credentials", "labels", "instance_groups", *NOTIFIED),
    ),
    "workflow_job_templates": Resource(
        "workflow_job_template",
        {
            **NAME,
            "extra_vars": Field("vars", default=""),
            "organization": _id("organizations"),
            "survey_enabled": _flag(),
            "allow_simultaneous": _flag(),
            "inventory": _id("inventories"),
            "limit": _text(None),
            "scm_branch": _text(None),
            **{flag: _flag() for flag in _WORKFLOW_ASKS},
            "webhook_service": _one_of("github", "gitlab", "bitbucket_dc", ""),
            "webhook_credential": _id("credentials"),
            "job_tags": _text(None),
            "skip_tags": _text(None),
        },
        unique=("organization", "name"),
        related=("labels", *NOTIFIED, "notification_templates_approvals"),
    ),
    "workflow_job_template_nodes": Resource(
        "workflow_job_template_node",
        {
            **_LAUNCH,
            "workflow_job_template": _id("workflow_job_templates", required=True),
            "unified_job_template": _id("unified_job_templates"),
            "all_parents_must_converge": _flag(),
            "identifier": _text(length=512),
        },
        unique=("workflow_job_template", "identifier"),
        related=(*LINKS, "credentials", "labels", "instance_groups"),
        identity="identifier",
    ),
    "workflow_approval_templates": Resource("workflow_approval_template", {**NAME, "timeout": _number()}, unique=()),
    "schedules": Resource(
        "schedule",
        {
            **NAME,
            **_LAUNCH,
            "unified_job_template": _id("unified_job_templates", required=True),
            "enabled": _flag(default=True),
            "rrule": _text(required=True),
        },
        unique=("unified_job_template", "name"),
        related=("credentials", "labels", "instance_groups"),
    ),
    "instance_groups": Resource("instance_group", {"name": _text(required=True, length=250)}),
    "labels": Resource("label", {"name": _text(required=True), "organization": _id("organizations", required=True)}),
}

# Whose objects are unified job templates as well. An approval is one, and is not in the list of them.
UNIFIED = ("projects", "inventory_sources", "job_templates", "workflow_job_templates", "workflow_approval_templates")
