"""Every format takes every report, and each has files of its own."""

from __future__ import annotations

from collections import Counter

import pytest
import yaml
from ansible_collections.softtoken.compliance.plugins.modules import compliance_report
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.formats import DEFAULT_FORMATS, FORMATS

from tests.rigs.reports import every_report


@pytest.mark.parametrize("name", list(every_report()))
def test_every_format_takes_every_report(name: str) -> None:
    for made in FORMATS.values():
        for file, render in made.files.items():
            assert render(every_report()[name]).strip(), file


def test_no_two_formats_write_the_same_file() -> None:
    files = Counter(file for made in FORMATS.values() for file in made.files)
    assert set(files.values()) == {1}


def test_the_module_documents_them() -> None:
    option = yaml.safe_load(compliance_report.DOCUMENTATION)["options"]["formats"]
    assert option["choices"] == list(FORMATS)
    assert option["default"] == list(DEFAULT_FORMATS)
    described = " ".join(option["description"])
    for name, made in FORMATS.items():
        assert f"V({name})" in described
        assert all(f"C({file})" in described for file in made.files)
