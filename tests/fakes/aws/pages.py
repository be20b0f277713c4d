"""Pages: moto answers in one piece whatever MaxItems says; AWS counts through all lists of an answer."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

# The lists of an answer, in the order in which AWS fills its pages.
PAGED = {
    "iam:GetAccountAuthorizationDetails": ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"),
    "iam:ListVirtualMFADevices": ("VirtualMFADevices",),
    "iam:ListMFADevices": ("MFADevices",),
    "iam:ListMFADeviceTags": ("Tags",),
}
# What a listing never tells.
_SECRETS = ("Base32StringSeed", "QRCodePNG")


def start_of(marker: str | None) -> int:
    """Return where a page begins."""
    return int(base64.b64decode(marker)) if marker else 0


def sliced(whole: bytes, lists: tuple[str, ...], start: int, size: int) -> bytes:
    """Keep only some entries of an answer's lists, counted through all of them, and say whether there are more."""
    root = ElementTree.fromstring(whole)  # noqa: S314 - our own answer
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    result = next(child for child in root if child.tag.endswith("Result"))
    position = 0
    for name in lists:
        entries = result.find(f"{space}{name}")
        for entry in list(entries if entries is not None else ()):
            _without_secrets(entry, space)
            if not start <= position < start + size:
                entries.remove(entry)  # type: ignore[union-attr]
            position += 1
    for name in ("IsTruncated", "Marker"):
        for old in result.findall(f"{space}{name}"):
            result.remove(old)
    more = start + size < position
    ElementTree.SubElement(result, f"{space}IsTruncated").text = str(more).lower()
    if more:
        ElementTree.SubElement(result, f"{space}Marker").text = base64.b64encode(str(start + size).encode()).decode()
    return ElementTree.tostring(root)


def _without_secrets(entry: ElementTree.Element, space: str) -> None:
    for name in _SECRETS:
        for secret in entry.findall(f"{space}{name}"):
            entry.remove(secret)
