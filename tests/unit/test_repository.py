"""Rules of the repository that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HEADER = (
    "# Copyright: (c) 2026, softtoken.compliance contributors",
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)
MODULE_LOGIC_LINES = 80
FILE_LINES = 400
DOCUMENTATION_NAMES = {"DOCUMENTATION", "EXAMPLES", "RETURN"}

# Host names of package registries, in pieces so that this file is no hit itself.
REGISTRIES = [
    ("pypi", "org"), ("pythonhosted", "org"), ("deb", "debian", "org"), ("security", "debian", "org"),
    ("snapshot", "debian", "org"), ("npmjs", "org"), ("archive", "ubuntu", "com"),
]  # fmt: skip


def tracked_files() -> list[Path]:
    """Return the files of the project: tracked, or new and not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return sorted(path for path in set(paths) if path.is_file() and not path.is_symlink())


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path: object) -> str:
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else str(path)


def addresses(text: str, checkout: str) -> list[str]:
    """List what in the text belongs to one machine or one package registry."""
    patterns = [r"\.".join(parts) for parts in REGISTRIES]
    patterns.append(re.escape(checkout) + r"(?![\w.-])")
    patterns += [r"--(?:extra-)?index-url\b", r"--find-links\b"]
    return [match.group() for pattern in patterns for match in re.finditer(pattern, text)]


def test_no_file_names_a_registry_or_this_machine() -> None:
    hits = {
        relative(path): found
        for path in tracked_files()
        if path != Path(__file__).resolve()
        and (found := addresses(path.read_text(encoding="utf-8", errors="replace"), str(ROOT)))
    }
    assert hits == {}


@pytest.mark.parametrize(
    "text",
    [
        "see https://" + ".".join(REGISTRIES[0]) + "/simple",
        "--index-url x",
        "in /some/checkout/plugins",
        "/some/checkout",
    ],
)
def test_the_address_check_sees_one(text: str) -> None:
    assert addresses(text, "/some/checkout")


def test_the_address_check_lets_others_pass() -> None:
    assert addresses("https://github.com/softtoken/compliance /some/checkout-2", "/some/checkout") == []


@pytest.mark.parametrize("path", python_files("plugins", "roles", "review"), ids=relative)
def test_python_file_carries_header(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.name == "__init__.py" and (not lines or "module_utils" in path.parts):
        # ansible-test wants these without a byte.
        assert lines == []
        return
    for line in HEADER:
        assert line in lines
    assert "from __future__ import annotations" in lines


@pytest.mark.parametrize("path", python_files("plugins", "roles", "review"), ids=relative)
def test_python_file_stays_readable_in_one_go(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    documentation = 0
    if path.parent.name in {"modules", "doc_fragments"}:
        documentation = sum(documentation_lines(ast.parse("\n".join(lines))))
    assert len(lines) - documentation <= FILE_LINES


def documentation_lines(tree: ast.Module) -> list[int]:
    return [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in DOCUMENTATION_NAMES
    ]


def module_faults(source: str, *, runs_as_action: bool = False) -> list[str]:
    """List what keeps a module from being documentation + argument spec + main(), a page in all.

    A module that only documents an action plugin of the same name has no main().
    """
    tree = ast.parse(source)
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    logic = len(source.splitlines()) - sum(documentation_lines(tree))
    faults = [f"{name} is missing" for name in sorted(DOCUMENTATION_NAMES - assigned)]
    faults += [f"class {node.name}" for node in tree.body if isinstance(node, ast.ClassDef)]
    if "main" not in functions and not runs_as_action:
        faults.append("main() is missing")
    if logic > MODULE_LOGIC_LINES:
        faults.append(f"{logic} lines beside the documentation, at most {MODULE_LOGIC_LINES}")
    return faults


@pytest.mark.parametrize("path", python_files("plugins/modules"), ids=relative)
def test_module_is_documentation_spec_and_main(path: Path) -> None:
    action = ROOT / "plugins" / "action" / path.name
    assert module_faults(path.read_text(encoding="utf-8"), runs_as_action=action.is_file()) == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("DOCUMENTATION = ''\nEXAMPLES = ''\nRETURN = ''\n", "main() is missing"),
        ("DOCUMENTATION = ''\nEXAMPLES = ''\ndef main(): ...\n", "RETURN is missing"),
        ("DOCUMENTATION = EXAMPLES = RETURN = ''\nclass X: ...\ndef main(): ...\n", "class X"),
        (
            "DOCUMENTATION = EXAMPLES = RETURN = ''\ndef main():\n" + "    x = 1\n" * 90,
            "91 lines beside the documentation, at most 80",
        ),
    ],
)
def test_the_module_check_sees_a_fault(source: str, fault: str) -> None:
    assert fault in module_faults(source)


def roles() -> list[Path]:
    return sorted(path for path in (ROOT / "roles").glob("*") if path.is_dir())


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.is_file() else {}


def spec_faults(defaults: dict[str, Any], options: dict[str, Any]) -> list[str]:
    """Compare a role's defaults with the options of its entry point."""
    faults = [f"{name}: in defaults, not in argument_specs" for name in sorted(defaults.keys() - options.keys())]
    for name, option in sorted(options.items()):
        if name not in defaults:
            if "default" in option:
                faults.append(f"{name}: argument_specs has a default, defaults/main.yml has none")
        elif "default" not in option:
            # An empty default stands for "not set": the specification then names none.
            if defaults[name] is not None:
                faults.append(f"{name}: defaults/main.yml has {defaults[name]!r}, argument_specs has none")
        elif option["default"] != defaults[name]:
            faults.append(f"{name}: {defaults[name]!r} in defaults, {option['default']!r} in argument_specs")
    return faults


@pytest.mark.parametrize("role", roles(), ids=relative)
def test_role_defaults_equal_its_argument_specs(role: Path) -> None:
    specs = load(role / "meta" / "argument_specs.yml").get("argument_specs", {})
    assert "main" in specs, "every role specifies its arguments"
    options: dict[str, Any] = {}
    for entry in specs.values():
        options.update(entry.get("options", {}))
    assert spec_faults(load(role / "defaults" / "main.yml"), options) == []
    assert [name for name in options if not name.startswith(f"{role.name}_")] == []


@pytest.mark.parametrize(
    ("defaults", "options"),
    [
        ({"a": 1}, {}),
        ({"a": 1}, {"a": {"default": 2}}),
        ({"a": 1}, {"a": {"type": "int"}}),
        ({}, {"a": {"default": 1}}),
    ],
)
def test_the_role_check_sees_a_difference(defaults: dict[str, Any], options: dict[str, Any]) -> None:
    assert spec_faults(defaults, options)


def test_the_role_check_lets_equal_ones_pass() -> None:
    assert spec_faults({"a": 1, "b": None}, {"a": {"default": 1}, "b": {"type": "str"}, "c": {"required": True}}) == []


@pytest.mark.parametrize("folder", ["report", "remediation", "offboarding"])
def test_what_the_playbooks_leave_beside_them_is_in_no_commit_and_no_release(folder: str) -> None:
    ignored = subprocess.run(["git", "check-ignore", "-q", f"{folder}/plan.json"], cwd=ROOT, check=False)
    assert ignored.returncode == 0
    assert folder in load(ROOT / "galaxy.yml")["build_ignore"]


def test_no_unfinished_markers() -> None:
    marker = re.compile("|".join(rf"\b{start}{end}\b" for start, end in [("TO", "DO"), ("FIX", "ME"), ("XX", "X")]))
    hits = [
        relative(path)
        for path in tracked_files()
        if path.suffix in {".py", ".yml", ".yaml", ".j2", ".sh", ".md"}
        and marker.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert hits == []
