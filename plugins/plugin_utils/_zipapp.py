# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python code of this collection as one file that Python runs (PEP 441). Private to this collection.

The same code makes the same bytes, whenever and wherever: fixed dates and modes, a fixed order, no compression (whose
output depends on the zlib at hand), no byte code.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

__all__ = ["ZipappError", "build"]

MODULE_UTILS = PurePosixPath("ansible_collections/softtoken/compliance/plugins/module_utils")
OLDEST = (1980, 1, 1, 0, 0, 0)
SHEBANG = b"#!/usr/bin/env python3\n"


class ZipappError(Exception):
    """Code that was asked for and is not there."""


def build(main: Path, *, module_utils: Path, parts: Sequence[str]) -> bytes:
    """Return an archive that runs ``main``, and from which it can import the ``parts`` of module_utils by full name.

    ``main`` may be a package: then its ``__main__.py`` runs, and can import the package by its name. What lies in it
    beside the code goes into the archive too, but for hidden files and backups, which editors and systems leave.
    """
    package = main if main.is_dir() else None
    start = main / "__main__.py" if package else main
    if not start.is_file():
        raise ZipappError(f"{start} is no file: main has to be the Python file that the archive runs, or its package")
    contents = {"__main__.py": start.read_bytes()}
    for path in _within(package, "*") if package else ():
        if path != start:
            contents[path.relative_to(main.parent).as_posix()] = path.read_bytes()
    for part in parts:
        for path in _files(module_utils, part):
            contents[str(MODULE_UTILS / path.relative_to(module_utils).as_posix())] = path.read_bytes()
    # Without these, importing from an archive depends on the release of Python.
    folders = {parent for name in contents for parent in PurePosixPath(name).parents if parent.name}
    for folder in folders:
        contents.setdefault(str(folder / "__init__.py"), b"")
    buffer = io.BytesIO()
    buffer.write(SHEBANG)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for name in sorted(contents):
            archive.writestr(_entry(name), contents[name])
    return buffer.getvalue()


def _files(module_utils: Path, part: str) -> Iterator[Path]:
    """Yield the files of a module (``_ports``) or a package (``_clock``)."""
    module, package = module_utils / f"{part}.py", module_utils / part
    if module.is_file():
        yield module
    elif (package / "__init__.py").is_file():
        yield from _within(package, "*.py")
    else:
        raise ZipappError(f"there is neither {module} nor a package {package}")


def _within(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the files below, but for byte code, hidden files and backups."""
    for path in sorted(folder.rglob(pattern)):
        parts = path.relative_to(folder).parts
        left = any(part == "__pycache__" or part.startswith(".") or part.endswith("~") for part in parts)
        if not left and path.suffix != ".pyc" and path.is_file():
            yield path


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, OLDEST)
    entry.create_system = 3  # Unix, on whatever system this runs
    entry.external_attr = 0o100644 << 16
    return entry
