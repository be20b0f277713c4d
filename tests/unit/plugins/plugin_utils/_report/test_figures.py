from __future__ import annotations

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.figures import percent, seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-300.0021, "-300.0 s"),
        (0.0, "+0 us"),
        (0.0004, "+400 us"),
        (-0.25, "-250.0 ms"),
        (None, "?"),
        ("1", "?"),
        (7199.96, "+7200.0 s"),
        (-10800, "-3.0 h"),
        (1e6, "+11.6 d"),
        (-1e300, "-1.2e+295 d"),
    ],
)
def test_offsets_keep_their_sign(value: object, text: str) -> None:
    assert seconds(value, signed=True) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "100 %"), (0.9999, "99.9 %"), (0.0, "0 %"), (0.29, "29 %"), (None, "?"), (1e308, "?"), (-0.1, "?")],
)
def test_acceptance_is_never_rounded_up(value: object, text: str) -> None:
    assert percent(value) == text
