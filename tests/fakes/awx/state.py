"""The objects of the modelled AWX, and what becomes of a request that makes or changes one."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.fakes.awx import rules
from tests.fakes.awx.resources import LINKS, RESOURCES, UNIFIED, Field, Resource
from tests.fakes.awx.rules import Refused

__all__ = ["State"]

TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "json": (dict, list),
    "vars": (str,),
}
# The types that AWX brings, as far as they matter here: name and kind.
BROUGHT = (
    ("Machine", "ssh"), ("Source Control", "scm"), ("Amazon Web Services", "cloud"), ("Container Registry", "registry"),
    ("Vault", "vault"),
)  # fmt: skip


class State:
    """All objects by resource and id, ids being one sequence; and what was asked for in vain."""

    def __init__(self, playbooks: list[str]) -> None:
        self.playbooks = playbooks  # of the repository that every project has
        self.objects: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in RESOURCES}
        self.related: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[tuple[str, int], dict[str, Any]] = {}
        self.ignored: set[tuple[str, str]] = set()  # fields that AWX does not know, or that are read only
        self._next = 1
        for name, kind in BROUGHT:
            self._store(
                "credential_types", {"name": name, "kind": kind, "managed": True, "inputs": {}, "injectors": {}}
            )

    # --- reading -----------------------------------------------------------------------------------------------------

    def unified(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every unified job template, with its resource."""
        for name in UNIFIED:
            yield from ((name, item) for item in self.objects[name].values())

    def find(self, of: str, number: Any) -> dict[str, Any] | None:
        """Return the object with this id."""
        if of == "unified_job_templates":
            return next((item for _name, item in self.unified() if item["id"] == number), None)
        return self.objects[of].get(number)

    def listing(self, name: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return what the filters leave; a filter by what is no field is refused."""
        if name == "unified_job_templates":
            items = [(of, item) for of, item in self.unified() if of != "workflow_approval_templates"]
            fields = {"name", "organization", "inventory"}
        else:
            items = [(name, item) for item in self.objects[name].values()]
            fields = {*RESOURCES[name].fields, *RESOURCES[name].read_only}
        either = {key[4:]: value for key, value in query.items() if key.startswith("or__")}
        every = {
            key: value for key, value in query.items() if not key.startswith("or__") and not key.startswith("page")
        }
        for key in (*either, *every):
            if key not in fields | {"id", "type"}:
                raise Refused(
                    detail=f"{RESOURCES[name].type if name in RESOURCES else name} has no field named {key!r}"
                )
        return [
            self.shown(of, item)
            for of, item in items
            if all(_matches(of, item, key, value) for key, value in every.items())
            and (not either or any(_matches(of, item, key, value) for key, value in either.items()))
        ]

    def shown(self, name: str, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return an object as AWX shows it."""
        resource = RESOURCES[name]
        url = f"/api/v2/{name}/{item['id']}/"
        related = {key: f"{url}{key}/" for key in resource.related}
        if name in {"job_templates", "workflow_job_templates"}:
            related["survey_spec"] = f"{url}survey_spec/"
        if item.get("unified_job_template"):
            of = next(of for of, one in self.unified() if one["id"] == item["unified_job_template"])
            related["unified_job_template"] = f"/api/v2/{of}/{item['unified_job_template']}/"
        summary = {"current_update": {"id": item["id"]}} if name == "projects" and item["status"] == "pending" else {}
        found = {
            **copy.deepcopy(dict(item)),
            "type": resource.type,
            "url": url,
            "related": related,
            "summary_fields": summary,
        }
        if name == "notification_templates":
            found["notification_configuration"] = rules.hidden(found["notification_configuration"])
        return found

    # --- writing -----------------------------------------------------------------------------------------------------

    def create(self, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Make an object, or refuse to."""
        resource = RESOURCES[name]
        values = {key: copy.deepcopy(field.default) for key, field in resource.fields.items()}
        values |= self._checked(name, resource, wanted)
        for key, field in resource.fields.items():
            if field.required and values[key] in (None, ""):
                raise Refused(**{key: ["This field is required."]})
        self._check(name, values, None)
        return self._store(name, {**copy.deepcopy(resource.read_only), **values})

    def change(self, name: str, number: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Change an object, or refuse to."""
        values = {**self.objects[name][number], **self._checked(name, RESOURCES[name], wanted)}
        self._check(name, values, number)
        self.objects[name][number] = values
        return values

    def delete(self, name: str, number: int) -> None:
        """Delete an object, and every relation with it."""
        del self.objects[name][number]
        for (of, owner, key), others in list(self.related.items()):
            if (of, owner) == (name, number):
                del self.related[of, owner, key]
            elif number in others:
                others.remove(number)

    def associate(self, name: str, number: int, key: str, other: int, *, away: bool) -> None:
        """Relate two objects, or part them."""
        others = self.related.setdefault((name, number, key), [])
        if away:
            others.remove(other)
            return
        if key == "credentials":
            kind = self.objects["credentials"][other]["credential_type"]
            if any(self.objects["credentials"][one]["credential_type"] == kind for one in others):
                raise Refused(error="Cannot assign multiple credentials of one type.")
        if key in LINKS and (other == number or number in self._after(other)):
            raise Refused(Error="Cycle detected.")
        if key in LINKS and any(other in self.related.get((name, number, link), []) for link in LINKS):
            raise Refused(Error="Relationship not allowed.")
        others.append(other)

    def create_approval(self, node: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Make the approval of a node."""
        approval = self.create("workflow_approval_templates", wanted)
        self.objects["workflow_job_template_nodes"][node]["unified_job_template"] = approval["id"]
        return approval

    def _after(self, node: int) -> set[int]:
        found: set[int] = set()
        waiting = [node]
        while waiting:
            one = waiting.pop()
            following = {
                other for link in LINKS for other in self.related.get(("workflow_job_template_nodes", one, link), [])
            }
            waiting += following - found
            found |= following
        return found

    def _store(self, name: str, values: dict[str, Any]) -> dict[str, Any]:
        values = {"id": self._next, **values}
        self._next += 1
        self.objects[name][values["id"]] = values
        return values

    # --- refusing ----------------------------------------------------------------------------------------------------

    def _checked(self, name: str, resource: Resource, wanted: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for key, value in wanted.items():
            if key not in resource.fields:
                self.ignored.add((name, key))
                continue
            found[key] = self._value(key, resource.fields[key], value)
        return found

    def _value(self, key: str, field: Field, value: Any) -> Any:
        if value is None:
            # AWX takes null for a text, and keeps an empty one.
            return "" if field.kind in {"str", "choice", "vars"} and field.default is not None else None
        if field.kind == "id":
            if self.find(field.of, value) is None:
                raise Refused(**{key: [f'Invalid pk "{value}" - object does not exist.']})
        elif field.kind == "choice":
            if value not in field.choices:
                raise Refused(**{key: [f'"{value}" is not a valid choice.']})
        elif not isinstance(value, TYPES[field.kind]) or (field.kind == "int" and isinstance(value, bool)):
            raise Refused(**{key: [f"Not a valid {field.kind}: {value!r}"]})
        if field.least is not None and value < field.least:
            raise Refused(**{key: [f"Ensure this value is greater than or equal to {field.least}."]})
        if field.length is not None and len(value) > field.length:
            raise Refused(**{key: [f"Ensure this field has no more than {field.length} characters."]})
        if field.kind == "vars" and value and not isinstance(yaml.safe_load(value), dict):
            raise Refused(**{key: ["Cannot parse as JSON or YAML."]})
        return value

    def _check(self, name: str, values: dict[str, Any], number: int | None) -> None:
        unique = RESOURCES[name].unique
        if name == "job_templates":
            self._check_job_template(values)
        for one in self.objects[name].values() if unique else ():
            if one["id"] != number and all(one[key] == values[key] for key in unique):
                raise Refused(__all__=[f"{RESOURCES[name].type} with this {' and '.join(unique)} already exists."])
        if name == "credential_types":
            rules.check_credential_type(values["inputs"], values["injectors"])
        if name == "notification_templates":
            self._check_notification(values, number)
        if name == "schedules":
            rules.check_rrule(values["rrule"])
        if name in {"schedules", "workflow_job_template_nodes"} and values["unified_job_template"]:
            of, template = next((of, one) for of, one in self.unified() if one["id"] == values["unified_job_template"])
            rules.check_prompts(template, self.surveys.get((of, template["id"]), {}), values)

    def _check_job_template(self, values: dict[str, Any]) -> None:
        project = self.objects["projects"].get(values["project"])
        if project is None:
            raise Refused(project=["Job Templates must have a project assigned."])
        if values["inventory"] is None and not values["ask_inventory_on_launch"]:
            raise Refused(inventory=["You must either set a default value or ask to prompt on launch."])
        if not values["playbook"]:
            raise Refused(playbook=["Must select playbook for project."])
        if not project["allow_override"] and values["playbook"] not in self.playbooks:
            raise Refused(playbook=["Playbook not found for project."])
        if (values["scm_branch"] or values["ask_scm_branch_on_launch"]) and not project["allow_override"]:
            raise Refused(scm_branch=["Project does not allow overriding branch."])
        values["organization"] = project["organization"]

    def _check_notification(self, values: dict[str, Any], number: int | None) -> None:
        values["notification_configuration"] = rules.check_configuration(
            values["notification_type"], values["notification_configuration"]
        )
        messages = values["messages"] or {}
        rules.check_messages(messages)
        before = {} if number is None else self.objects["notification_templates"][number]["messages"] or {}
        values["messages"] = {event: messages.get(event) or before.get(event) for event in rules.EVENTS}

    def snapshot(self) -> str:
        """Return everything, to compare."""
        related = {f"{name}/{number}/{key}": others for (name, number, key), others in self.related.items() if others}
        surveys = {f"{name}/{number}": spec for (name, number), spec in self.surveys.items()}
        return json.dumps([self.objects, related, surveys], sort_keys=True)


def _matches(name: str, item: Mapping[str, Any], key: str, value: str) -> bool:
    if key == "type":
        return RESOURCES[name].type == value
    return str(item.get(key)) == value
