# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spares a module that Ansible sent as a zip archive work that a process of a tenth of a second has no use for.

Private to this collection. Two things cost a fleet more than the measuring does. To import a file from an archive,
Python asks for its name first, and ``zipimport`` compiles the whole file to give it, forgets the result, and compiles
the file again. And the garbage collector walks through everything that was imported, at last when the process ends.
"""

from __future__ import annotations

import gc
import sys
import zipimport

__all__ = ["quick_start"]


class _Importer(zipimport.zipimporter):
    """Knows the name of a file without compiling it; an archive made by Ansible holds nothing but sources."""

    def get_filename(self, fullname: str) -> str:
        suffix = "/__init__.py" if self.is_package(fullname) else ".py"
        return f"{self.archive}/{self.prefix}{fullname.rpartition('.')[2]}{suffix}"


def quick_start() -> None:
    """Prepare this process for a short life; nothing where it imports from no archive."""
    cached = [path for path, importer in sys.path_importer_cache.items() if isinstance(importer, zipimport.zipimporter)]
    for path in cached:
        sys.path_importer_cache[path] = _Importer(path)
    if cached:
        sys.path_hooks.insert(0, _Importer)
        gc.disable()
        # What is frozen is not looked at when Python ends, either.
        gc.freeze()
