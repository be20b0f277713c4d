"""Files of a zipped module, imported by a Python of their own: each compiled once, and loaded as ever."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

PREFIX = "ansible_collections/softtoken/compliance/plugins/module_utils"
SOURCE = Path(__file__).resolve().parents[4] / "plugins" / "module_utils" / "_quick_start.py"

# Counts what zipimport compiles: Python asks for the source's bytes, then calls the compiler.
SCRIPT = """
import collections, gc, json, sys, zipimport

compiled = collections.Counter()
compiler = zipimport._compile_source
def counting(path, source):
    compiled[path.rpartition("/")[2]] += 1
    return compiler(path, source)
zipimport._compile_source = counting

sys.path.insert(0, sys.argv[1])
from ansible_collections.softtoken.compliance.plugins.module_utils._quick_start import quick_start
if sys.argv[2] == "once":
    quick_start()
import ansible_collections.softtoken.compliance.plugins.module_utils._beside as beside
import ansible_collections.softtoken.compliance.plugins.module_utils._package as package
from ansible_collections.softtoken.compliance.plugins.module_utils._package import inner
try:
    import ansible_collections.softtoken.compliance.plugins.module_utils._missing
    missing = "imported"
except ModuleNotFoundError:
    missing = "not found"
print(json.dumps({
    "compiled": compiled,
    "values": [beside.VALUE, inner.VALUE],
    "files": [module.__file__[len(sys.argv[1]) :] for module in (beside, package, inner)],
    "path": [path[len(sys.argv[1]) :] for path in package.__path__],
    "missing": missing,
    "collector": [gc.isenabled(), gc.get_freeze_count() > 0],
}))
"""


def run(folder: Path, how: str) -> dict[str, object]:
    archive = folder / "module.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        parts = PREFIX.split("/")
        for depth in range(1, len(parts) + 1):
            writer.writestr("/".join(parts[:depth]) + "/__init__.py", "")
        writer.write(SOURCE, f"{PREFIX}/_quick_start.py")
        writer.writestr(f"{PREFIX}/_beside.py", "VALUE = 1\n")
        writer.writestr(f"{PREFIX}/_package/__init__.py", "")
        writer.writestr(f"{PREFIX}/_package/inner.py", "from .._beside import VALUE as one\nVALUE = one + 1\n")
    argv = [sys.executable, "-c", SCRIPT, str(archive), how]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env={})
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_each_file_is_compiled_once_and_loaded_as_without(tmp_path: Path) -> None:
    before, after = run(tmp_path, "as ever"), run(tmp_path, "once")
    compiled = after.pop("compiled")
    before.pop("compiled")
    assert before.pop("collector") == [True, False]
    assert after.pop("collector") == [False, True]
    assert isinstance(compiled, dict)
    assert {name: count for name, count in compiled.items() if name in ("_beside.py", "inner.py")} == {
        "_beside.py": 1,
        "inner.py": 1,
    }
    assert after == before
    assert after["values"] == [1, 2]
    assert after["missing"] == "not found"


def test_without_an_archive_nothing_is_taken_over() -> None:
    script = (
        f"import gc, sys; sys.path.insert(0, {str(SOURCE.parent)!r}); before = list(sys.path_hooks);"
        "import _quick_start; _quick_start.quick_start(); assert sys.path_hooks == before; "
        "assert gc.isenabled()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={})
