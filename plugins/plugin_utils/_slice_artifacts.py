# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the artifacts of slices are: among a job's variables, as AWX hands them on, or in files of a directory.

Private to this collection, controller only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ._report.model import HostEntry
from ._report.slices import TEXT_LIMIT, SliceError, name_of_key

__all__ = ["file_name", "identities", "slices_in_files", "slices_in_variables"]

_FILE_LIMIT = TEXT_LIMIT + 4096  # what is around the data is small
_IDENTITIES = ("serials", "role_profiles", "attached_role")


def file_name(artifact_key: str, run: str) -> str:
    """Return the name of an artifact's file; several runs may share a directory."""
    return f"{artifact_key}.{run}.json"


def slices_in_variables(variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the artifacts among variables by name, as they are."""
    for name in sorted(filter(name_of_key, variables)):
        yield str(name), variables[name]


def slices_in_files(directory: Path) -> Iterator[tuple[str, Any]]:
    """Yield the artifacts of a directory by name; for a file that cannot be read, the reason."""
    for path in sorted(directory.iterdir()):
        key = path.name.partition(".")[0]
        if path.suffix == ".json" and name_of_key(key):
            yield key, _read(path)


def identities(hosts: Iterable[HostEntry]) -> dict[str, Any]:
    """Return what an audit of the account joins of the hosts' facts, as hostvars; hosts without it are left out."""
    found = {}
    for entry in hosts:
        facts = entry.state.facts or {}
        known = {key: facts[key] for key in _IDENTITIES if facts.get(key)}
        if known:
            found[entry.host] = {"ansible_facts": {"softtoken": known}}
    return found


def _read(path: Path) -> Any:
    try:
        if path.exists() and not path.is_file():
            return SliceError(f"{path.name} is no file")  # a pipe would keep its reader waiting for ever
        with path.open("rb") as file:
            content = file.read(_FILE_LIMIT + 1)
        if len(content) > _FILE_LIMIT:
            return SliceError(f"{path.name} has more than {_FILE_LIMIT} bytes")
        return json.loads(content)
    except OSError as exc:
        return SliceError(f"{path.name}: {exc.strerror or exc}")
    except (RecursionError, ValueError):
        return SliceError(f"{path.name} is no JSON")
