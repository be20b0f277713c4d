# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Infrastructure code on disk: which files are looked at, and what each of them is.

Private to this collection. Reads Terraform (its language, JSON, plans, state), CloudFormation (YAML, JSON), any other
JSON or YAML, and what enrolling a device leaves behind (QR codes, seeds in text files). A file that cannot be read is
in the result all the same, with the reason.
"""

from __future__ import annotations

import json
import os
import re
import stat
from typing import Any, Iterator, List, Sequence, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iac_hcl import (
    HCL2_IMPORT_ERROR,
    HclProblem,
    hcl_blocks,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iac_yaml import (
    YAML_IMPORT_ERROR,
    YamlProblem,
    yaml_trees,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.encoding import decoded
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import IacFile, IacSecret
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_cloudformation import (
    is_template,
    template_blocks,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_terraform import (
    configuration_blocks,
    is_configuration,
    plan_blocks,
    state_blocks,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac_tree import (
    Block,
    Lines,
    is_policy,
    read_blocks,
)

__all__ = ["PASSED_OVER", "file_content", "is_code", "read_code", "read_text"]

_LARGEST = 64 * 1024 * 1024
_HCL = (".tf", ".tofu", ".tfvars", ".hcl")
_JSON = (".json", ".tfstate", ".backup", ".template")
_YAML = (".yaml", ".yml", ".template")
_PICTURES = (".png", ".svg")
_OTHERS = (".txt", ".seed", ".uri")
_SUFFIXES = frozenset((*_HCL, *_JSON, *_YAML, *_PICTURES, *_OTHERS))
# Copies of what others wrote, and what no tool reads as code.
PASSED_OVER = frozenset((".git", ".terraform", "node_modules", "__pycache__", ".venv"))
# A file without any of these says nothing about MFA.
_TOPICS = ("mfa", "u2f/", "multifactor", "base_32_string_seed", "qr_code_png", "otpauth")
# What a policy has that may be about MFA without saying so: a misspelt key, or a text that comes from elsewhere.
_POLICIES = (
    "authpresent", "authage", "factor", "policydocument", "assume_role_policy", "aws_iam_", "aws_organizations_",
)  # fmt: skip
_ATTRIBUTES = ("policy", "policies")
_PNG = b"\x89PNG\r\n\x1a\n"
_QR_NAME = re.compile(r"(?:^|[^a-z])(?:qr|mfa|otp|totp|2fa)|qr-?_?code|authenticator", re.IGNORECASE)
# CreateVirtualMFADevice gives 64 letters of base32; others give at least 26.
_SEED = re.compile(r"\s*[A-Z2-7]{26,128}=*\s*")


def read_code(paths: Sequence[str], *, policies: bool = False) -> Tuple[IacFile, ...]:
    """Read files, and in directories everything that may be infrastructure code.

    What says nothing about MFA is passed over; with ``policies`` not where it holds any policies.
    """
    topics = (*_TOPICS, *_POLICIES) if policies else _TOPICS
    return tuple(
        file
        for path in paths
        for file in (_walk(path, topics) if os.path.isdir(path) else [_read(path, topics, given=True)])
    )


def is_code(path: str) -> bool:
    """Whether a file's name says that it may be infrastructure code, or what enrolling a device leaves behind."""
    return os.path.splitext(path)[1].lower() in _SUFFIXES


def _walk(top: str, topics: Sequence[str]) -> Iterator[IacFile]:
    closed: List[OSError] = []
    found = False
    for folder, folders, names in os.walk(top, onerror=closed.append):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER)
        for name in sorted(names):
            full = os.path.join(folder, name)
            if is_code(name) and not os.path.islink(full):
                found = True
                yield _read(full, topics, given=False)
    for exc in closed:
        yield _failed(str(exc.filename), f"cannot be read: {exc.strerror}")
    if not (found or closed):
        yield _failed(top, "holds no file that may be infrastructure code")


def _read(path: str, topics: Sequence[str], *, given: bool) -> IacFile:
    try:
        content = file_content(path)
    except OSError as exc:
        return _failed(path, f"cannot be read: {exc.strerror or exc}")
    if content.startswith(_PNG):
        return _picture(path)
    try:
        text = decoded(content)
    except UnicodeDecodeError:
        code = os.path.splitext(path)[1].lower() not in (*_PICTURES, *_OTHERS)
        return _failed(path, "is no text in UTF-8 or UTF-16") if given or code else IacFile(path, "text")
    return read_text(path, text, topics)


def file_content(path: str) -> bytes:
    """Return what a regular file of a reasonable size holds; OSError for anything else."""
    # Opening a pipe waits for its writer, unless told not to.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is not a regular file")
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise OSError(f"it has more than {_LARGEST} bytes")
    return content


def _failed(path: str, what: str) -> IacFile:
    return IacFile(path, "unreadable", problems=(f"{path} {what}",))


def _picture(path: str) -> IacFile:
    """A picture is not looked into: its name must say that it is the code of a device."""
    if not _QR_NAME.search(os.path.basename(path)):
        return IacFile(path, "picture")
    return IacFile(path, "qr", secrets=(IacSecret(1, "", "", "a QR code of an MFA device, which holds its seed"),))


def read_text(path: str, text: str, topics: Sequence[str] = _TOPICS) -> IacFile:
    """Read a file's text; the path says what it is, and the text where the path does not."""
    suffix = os.path.splitext(path)[1].lower()
    if _SEED.fullmatch(text):
        return IacFile(path, "text", secrets=(IacSecret(1, "", "", "what looks like the seed of an MFA device"),))
    folded = text.lower()
    if topics is not _TOPICS:
        # Every resource of Terraform and CloudFormation may have a policy that is not known before a run.
        topics = (*topics, *(_ATTRIBUTES if suffix in _HCL or "aws::" in folded else ()))
    if not any(topic in folded for topic in topics):
        return IacFile(path, "text")
    return _picture(path) if suffix in _PICTURES else _structured(path, suffix, text)


def _structured(path: str, suffix: str, text: str) -> IacFile:
    if suffix in _HCL:
        return _hcl(path, text)
    if text.lstrip()[:1] in ("{", "[") and suffix not in (".yaml", ".yml"):
        return _json(path, text)
    if suffix in _YAML or suffix in _JSON:
        return _yaml(path, text)
    return read_blocks(path, "text", [Block("", text)], Lines(text))


def _hcl(path: str, text: str) -> IacFile:
    if HCL2_IMPORT_ERROR is not None:
        return _failed(path, "needs the Python library python-hcl2 (8 or newer) to be read")
    try:
        blocks = hcl_blocks(text)
    except HclProblem as exc:
        return _failed(path, f"cannot be read: {exc}")
    return read_blocks(path, "terraform", blocks, Lines(text))


def _json(path: str, text: str) -> IacFile:
    try:
        tree = json.loads(text)
    except RecursionError:
        return _failed(path, "cannot be read: it is nested too deeply")
    except ValueError as exc:
        if path.lower().endswith(_OTHERS):
            return read_blocks(path, "text", [Block("", text)], Lines(text))
        line = getattr(exc, "lineno", 1)
        return _failed(path, f"cannot be read: it is not JSON at line {line}")
    form, blocks = _told_apart(path, tree)
    return read_blocks(path, form, blocks, Lines(text))


def _told_apart(path: str, tree: Any) -> Tuple[str, Iterator[Block]]:
    if isinstance(tree, dict):
        if "planned_values" in tree or ("format_version" in tree and "values" in tree):
            values = tree if "planned_values" in tree else {"planned_values": tree["values"]}
            return "terraform-plan", plan_blocks(values)
        if "terraform_version" in tree and ("resources" in tree or "modules" in tree):
            return "terraform-state", state_blocks(tree)
        if is_template(tree):
            return "cloudformation", template_blocks(tree)
        if path.endswith(".tf.json") or (is_configuration(tree) and "resource" in tree):
            return "terraform", configuration_blocks(tree)
    return "policy" if is_policy(tree) else "data", iter([Block("", tree)])


def _yaml(path: str, text: str) -> IacFile:
    if YAML_IMPORT_ERROR is not None:
        return _failed(path, "needs the Python library PyYAML to be read")
    try:
        trees = yaml_trees(text)
    except YamlProblem as exc:
        return _failed(path, f"cannot be read: {exc}")
    told = [_told_apart(path, tree) for tree in trees]
    blocks: List[Block] = [block for _form, found in told for block in found]
    return read_blocks(path, told[0][0] if told else "data", blocks, Lines(text))
