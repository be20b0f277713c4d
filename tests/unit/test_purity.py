"""The pure packages stay pure: no Ansible, no libraries, no processes, no files, no clocks.

Two checks, since each sees what the other cannot. Importing every module in an interpreter that has nothing but the
standard library finds forbidden dependencies however deep they hide; reading the source finds side effects that would
only happen in a call.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".ansible" / "collections"
MODULE_UTILS = ROOT / "plugins" / "module_utils"
PREFIX = "ansible_collections.softtoken.compliance.plugins.module_utils"

# Every package in module_utils is pure, except what exists to have side effects; so are the Protocols it leans on.
# Single files beside the packages join pure code to a host.
IMPURE = {"_aws"}
PROTOCOLS = MODULE_UTILS / "_ports.py"

BLOCKED = ("ansible", "boto3", "botocore", "psutil", "ntplib", "subprocess")

IMPORT_SCRIPT = """
import importlib, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError("pure code must not import " + name)

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, {collections!r})
importlib.import_module({module!r})
"""

FORBIDDEN_IMPORTS = {
    "asyncio", "ctypes", "ftplib", "glob", "http", "importlib", "io", "logging", "multiprocessing", "os", "platform",
    "pwd", "random", "secrets", "select", "shutil", "signal", "socket", "subprocess", "tempfile", "threading", "urllib",
}  # fmt: skip
FORBIDDEN_BUILTINS = {"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"}
# Part of a forbidden package that only turns texts into texts.
PURE_PARTS = {"urllib.parse"}
PURE_PATHS = {"PurePath", "PurePosixPath", "PureWindowsPath"}
CLOCK_READS = {
    "time": {
        "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
        "process_time_ns", "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns", "sleep", "localtime",
        "ctime", "mktime", "tzname", "timezone",
    },
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "posixpath": {
        "abspath", "exists", "expanduser", "expandvars", "getatime", "getctime", "getmtime", "getsize", "isdir",
        "isfile", "islink", "ismount", "lexists", "realpath", "samefile",
    },
}  # fmt: skip


def pure_modules() -> list[Path]:
    files = sorted(MODULE_UTILS.glob("*/**/*.py"))
    return [PROTOCOLS, *(path for path in files if path.relative_to(MODULE_UTILS).parts[0] not in IMPURE)]


def module_name(path: Path) -> str:
    parts = path.relative_to(MODULE_UTILS).with_suffix("").parts
    return ".".join((PREFIX, *(parts[:-1] if parts[-1] == "__init__" else parts)))


def impurities(source: str) -> list[str]:
    """List what in the source reaches out of the process, as 'line: what'."""
    return [f"{line}: {what}" for node in ast.walk(ast.parse(source)) for line, what in _impurities_of(node)]


def _impurities_of(node: ast.AST) -> list[tuple[int, str]]:
    if isinstance(node, ast.Import):
        return [
            (node.lineno, alias.name)
            for alias in node.names
            if alias.name not in PURE_PARTS and alias.name.partition(".")[0] in FORBIDDEN_IMPORTS | {"pathlib"}
        ]
    if isinstance(node, ast.ImportFrom):
        return _impure_import_from(node)
    if isinstance(node, ast.Attribute):
        return _impure_attribute(node)
    if isinstance(node, ast.Call):
        return _impure_call(node)
    return []


def _impure_import_from(node: ast.ImportFrom) -> list[tuple[int, str]]:
    package = (node.module or "").partition(".")[0]
    if node.level or node.module in PURE_PARTS:
        return []
    if package in FORBIDDEN_IMPORTS:
        return [(node.lineno, f"from {package}")]
    allowed = PURE_PATHS if package == "pathlib" else None
    forbidden = CLOCK_READS.get(package, set())
    return [
        (node.lineno, f"from {package} import {alias.name}")
        for alias in node.names
        if alias.name in forbidden or (allowed is not None and alias.name not in allowed)
    ]


def _impure_attribute(node: ast.Attribute) -> list[tuple[int, str]]:
    owner = node.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return [(node.lineno, f"{name}.{node.attr}")] if node.attr in CLOCK_READS.get(name, set()) else []


def _impure_call(node: ast.Call) -> list[tuple[int, str]]:
    function = node.func
    if isinstance(function, ast.Name) and function.id in FORBIDDEN_BUILTINS:
        return [(node.lineno, f"{function.id}()")]
    # gmtime(seconds) and strftime(format, moment) convert; without the moment they read the clock.
    needed = {"time.gmtime": 1, "time.asctime": 1, "time.strftime": 2}
    name = ast.unparse(function)
    return [(node.lineno, f"{name}() of the current time")] if len(node.args) < needed.get(name, 0) else []


def test_there_are_pure_modules() -> None:
    assert {path.parent.name for path in pure_modules()} >= {"_clock", "_tokens"}


@pytest.mark.parametrize("path", pure_modules(), ids=module_name)
def test_imports_only_the_standard_library_and_itself(path: Path) -> None:
    script = IMPORT_SCRIPT.format(blocked=BLOCKED, collections=str(COLLECTIONS), module=module_name(path))
    # -I -S: no environment, no site-packages; what imports here imports on any host.
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", pure_modules(), ids=module_name)
def test_has_no_side_effects(path: Path) -> None:
    assert impurities(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "import os.path as p",
        "from os import path",
        "import subprocess",
        "import pathlib",
        "from pathlib import Path",
        "import time\ntime.time()",
        "import time\nclock = time.monotonic",
        "from time import time",
        "import time\ntime.gmtime()",
        "import time\ntime.strftime('%Y')",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.utcnow()",
        "open('/etc/chrony.conf')",
        "def f():\n    return eval('1')",
        "import posixpath\nposixpath.exists('/etc')",
        "import socket",
        "from urllib import request",
        "import urllib.request",
        "from urllib.request import urlopen",
    ],
)
def test_the_check_sees_a_side_effect(source: str) -> None:
    assert impurities(source)


@pytest.mark.parametrize(
    "source",
    [
        "import re, ipaddress, calendar",
        "from pathlib import PurePosixPath",
        "import time\ntime.gmtime(0)",
        "import time\ntime.strftime('%Y', time.gmtime(0))",
        "import posixpath\nposixpath.join('/etc', 'chrony')",
        "from datetime import datetime, timezone\ndatetime.fromtimestamp(0, timezone.utc)",
        "from .model import Tracking",
        "from urllib.parse import unquote",
        "import urllib.parse",
        "def f(files):\n    return files.open('x')",
    ],
)
def test_the_check_lets_pure_code_pass(source: str) -> None:
    assert impurities(source) == []


def test_the_import_check_sees_a_blocked_package(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text("def f() -> None: ...\nimport json\nimport subprocess\n", encoding="utf-8")
    script = IMPORT_SCRIPT.format(blocked=BLOCKED, collections=str(tmp_path), module="sample")
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert "pure code must not import subprocess" in run.stderr
    assert run.returncode != 0
