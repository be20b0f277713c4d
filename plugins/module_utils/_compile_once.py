# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a module that Ansible sent as a zip archive compile each of its files once.

Private to this collection. To import a file from an archive, Python asks for its name first, and ``zipimport`` compiles
the whole file to give it, forgets the result, and compiles the file again. Whoever imports more than a few files
notices.
"""

from __future__ import annotations

import sys
import zipimport

__all__ = ["compile_once"]


class _Importer(zipimport.zipimporter):
    """Knows the name of a file without compiling it; an archive made by Ansible holds nothing but sources."""

    def get_filename(self, fullname: str) -> str:
        suffix = "/__init__.py" if self.is_package(fullname) else ".py"
        return f"{self.archive}/{self.prefix}{fullname.rpartition('.')[2]}{suffix}"


def compile_once() -> None:
    """Take over what this process still imports from archives; nothing where it imports from none."""
    cached = [path for path, importer in sys.path_importer_cache.items() if isinstance(importer, zipimport.zipimporter)]
    for path in cached:
        sys.path_importer_cache[path] = _Importer(path)
    if cached:
        sys.path_hooks.insert(0, _Importer)
