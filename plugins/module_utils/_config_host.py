# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's side of ``chrony_config``: files that are changed through an ``AnsibleModule``, and its parameters.

Private to this collection.
"""

from __future__ import annotations

import errno
import grp
import os
import stat
import tempfile
import time
from typing import TYPE_CHECKING, Any, Sequence

from ansible_collections.softtoken.compliance.plugins.module_utils._adapters import HostClocks, HostFiles, ModuleRunner
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.chronyc import Chronyc
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_apply import (
    ApplyError,
    Host,
    Outcome,
    Request,
    apply,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_write import (
    ConfigError,
    Declared,
    declare,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.daemon import Daemon
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.layout import find_layout
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import Access

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

__all__ = ["ChangeError", "ModuleFileStore", "change", "host_and_request"]

_MAX_SIZE = 1048576


class ChangeError(Exception):
    """The configuration is not in effect; ``files`` are those that were touched and put back, if ``rolled_back``."""

    def __init__(self, message: str, *, rolled_back: bool = False, files: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.rolled_back = rolled_back
        self.files = files


def change(module: AnsibleModule) -> dict[str, Any]:
    """Do what the module's parameters ask for; returns the module's result. Raises ChangeError."""
    try:
        outcome = apply(*host_and_request(module))
    except ApplyError as exc:
        raise ChangeError(str(exc), rolled_back=exc.rolled_back, files=exc.files) from exc
    except (ConfigError, OSError) as exc:
        raise ChangeError(str(exc)) from exc
    return _result_of(outcome, diff=module._diff)  # noqa: SLF001  Ansible offers no other way


def host_and_request(module: AnsibleModule) -> tuple[Host, Request]:
    """Put together what ``config_apply.apply`` needs. Raises ConfigError for parameters that make no sense."""
    params = module.params
    runner = ModuleRunner(module)
    store = ModuleFileStore(module)
    layout = find_layout(store, runner.which)
    daemon = Daemon(
        runner,
        store,
        Chronyc(runner, layout.chronyc or "chronyc", params["chronyc_address"]),
        service=params["service_name"],
        restart_command=params["restart_command"] or (),
    )
    request = Request(
        config_file=params["config_file"] or daemon.config_file() or layout.config_file,
        declared=declare(params) if params["state"] == "present" else Declared(),
        check=module.check_mode,
        backup=params["backup"],
        timeout_s=params["timeout"],
    )
    return Host(runner, store, daemon, HostClocks(), time.sleep, layout), request


class ModuleFileStore(HostFiles):
    """Reads files so that they can be written back to the byte, and replaces them as Ansible's own modules do."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module

    def read_text(self, path: str, limit: int = _MAX_SIZE) -> str:
        """Return the whole file; undecodable bytes become surrogate escapes."""
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if found.st_size > limit:
            raise OSError(errno.EFBIG, f"larger than {limit} bytes, which no chrony configuration is", path)
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")

    def access(self, path: str) -> Access:
        """Return mode and group of a file."""
        found = os.stat(path)
        try:
            group: str | None = grp.getgrgid(found.st_gid).gr_name
        except KeyError:
            group = None
        return Access(stat.S_IMODE(found.st_mode), group)

    def has_group(self, name: str) -> bool:
        """Say whether the host has this group."""
        try:
            grp.getgrnam(name)
        except KeyError:
            return False
        return True

    def replace(self, path: str, text: str, access: Access | None = None) -> None:
        """Replace or create a file; an existing one hands on its owner, its SELinux context and its mode."""
        path = os.path.realpath(path)
        folder = os.path.dirname(path)
        self._make_folder(folder)
        handle, scratch = tempfile.mkstemp(dir=folder, prefix=".softtoken-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
            # An existing file hands its owner and mode on to the text that replaces it. So a new file starts empty,
            # and whoever may not read the text never can.
            if not os.path.exists(path):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                self._module.set_default_selinux_context(path, changed=False)
            if access is not None:
                self._allow(path, access)
            self._module.atomic_move(scratch, path)
        finally:
            if os.path.exists(scratch):
                os.unlink(scratch)

    def remove(self, path: str) -> None:
        """Delete a file."""
        os.unlink(path)

    def back_up(self, path: str) -> str:
        """Copy a file beside itself, with a time in its name."""
        copy: str = self._module.backup_local(path)
        return copy

    def _make_folder(self, folder: str) -> None:
        if not os.path.isdir(folder):
            os.makedirs(folder)
            # chronyd reads it after it has given root up, whatever this run's umask is.
            os.chmod(folder, 0o755)  # noqa: S103
            self._module.set_default_selinux_context(folder, changed=False)

    def _allow(self, path: str, access: Access) -> None:
        if access.group is not None:
            os.chown(path, -1, grp.getgrnam(access.group).gr_gid)
        os.chmod(path, access.mode)


def _result_of(outcome: Outcome, *, diff: bool) -> dict[str, Any]:
    """What the module returns."""
    result = {
        "changed": outcome.changed,
        "action": outcome.action,
        "files": list(outcome.files),
        "backup_files": list(outcome.backups),
        "sources": None if outcome.sources is None else list(outcome.sources),
        "messages": list(outcome.messages),
        "rolled_back": False,
    }
    if diff:
        result["diff"] = [
            {"before_header": path, "after_header": path, "before": _printable(before), "after": _printable(after)}
            for path, before, after in outcome.diffs
        ]
    return result


def _printable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
