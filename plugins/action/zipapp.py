# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action part of zipapp: the archive is made on the controller, and ansible.builtin.copy takes it to the host."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.softtoken.compliance.plugins.plugin_utils._zipapp import ZipappError, build

MODULE_UTILS = Path(__file__).resolve().parents[1] / "module_utils"
ARGUMENT_SPEC = {
    "main": {"type": "path", "required": True},
    "parts": {"type": "list", "elements": "str", "required": True},
    "dest": {"type": "path", "required": True},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw", "default": "0755"},
}


class ActionModule(ActionBase):
    """Makes the archive and copies it."""

    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what C(RETURN) of the module documents."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        try:
            main = Path(self._find_needle("files", options["main"]))
            archive = build(main, module_utils=MODULE_UTILS, parts=options["parts"])
        except (ZipappError, OSError) as exc:
            raise AnsibleActionFail(f"cannot make {options['dest']}: {exc}") from exc
        dest = Path(options["dest"])
        with tempfile.TemporaryDirectory(prefix="softtoken-") as temporary:
            path = Path(temporary, dest.name)
            path.write_bytes(archive)
            # With a slash at its end, copy makes the directory where there is none.
            copied = self._copy(str(path), {**options, "dest": f"{dest.parent}/"}, task_vars)
        result.update({key: copied[key] for key in copied if key not in {"src", "diff", "invocation"}})
        return result

    def _copy(self, source: str, options: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        task = self._task.copy()
        task.args = {"src": source, "directory_mode": "0755"} | {
            key: options[key] for key in ("dest", "owner", "group", "mode") if options[key] is not None
        }
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.copy",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        copied: dict[str, Any] = action.run(task_vars=task_vars)
        return copied
