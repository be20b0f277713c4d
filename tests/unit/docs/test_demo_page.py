"""The run that docs/demo.md shows is told as the demo tells it today; its figures are that run's."""

from __future__ import annotations

import re
from pathlib import Path

from tests.demo.facts import Facts
from tests.demo.narration import Narrator
from tests.demo.stage import HOST, TRUE_SERVERS, USER, WRONG_SERVER
from tests.demo.story import ACTS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "demo.md"


def transcript() -> str:
    (printed,) = re.findall(r"^```\n(Starting .*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return str(printed)


def test_it_has_the_opening_and_every_act_in_order() -> None:
    facts = Facts(host=HOST, user=USER, wrong_server=WRONG_SERVER, true_servers=list(TRUE_SERVERS))
    narrator = Narrator(100, colours=False)
    system = re.compile("a virtual machine with .*")
    opening = [line for line in narrator.opening(facts).splitlines() if not system.search(line)]
    told = [*opening, *(narrator.heading(act, facts).strip() for act in ACTS)]
    places = [transcript().find(words) for words in told]
    assert -1 not in places
    assert places == sorted(places)


def test_it_ends_well() -> None:
    assert "NOT SO" not in transcript()
    assert re.search(r"checked     \d+ statements about what was measured, and each holds; \d+ s in all", transcript())
