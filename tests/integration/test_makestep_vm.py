"""``chrony_makestep`` where it may move a clock: in a virtual machine that has its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.guest import Guest

#: For how long a run takes does not change the clock by much then.
SLOWLY = "maxslewrate 500"


def told(result: dict[str, Any]) -> str:
    """Return why it was so, whole."""
    return f"{result.get('reasons')} {result.get('msg')} {result.get('messages')}"


def test_a_fast_clock_is_stepped_back_and_then_left_alone(guest: Guest) -> None:
    guest.start(300)
    wrong = guest.wrong_s()
    assert wrong > 200

    began = time.monotonic()
    first = guest.makestep(witness=True)
    # chronyd slews meanwhile, by a twelfth of the time that passes (maxslewrate).
    slewed = (time.monotonic() - began) / 12
    assert not first["failed"], told(first)
    assert (first["changed"], first["verified"], first["reasons"]) == (True, True, [])
    assert first["stepped_s"] == pytest.approx(-wrong, abs=2 + slewed)
    assert first["stepped_s"] == pytest.approx(first["predicted_step_s"], abs=0.5 + slewed)
    assert first["before"]["offset_s"] == pytest.approx(-first["predicted_step_s"])
    # The first samples of a chronyd are uncertain, but not by as much as the clock is wrong.
    assert 0 <= first["before"]["bound_s"] - first["before"]["offset_s"] < 30
    witness, afterwards = first["before"]["witnesses"][0], first["after"]["witnesses"][0]
    uncertain = witness["uncertainty_s"] + first["before"]["bound_s"] - first["before"]["offset_s"]
    assert witness["offset_s"] == pytest.approx(first["before"]["offset_s"], abs=uncertain + slewed)
    assert abs(afterwards["offset_s"]) <= afterwards["uncertainty_s"] + 0.1
    assert guest.wrong_s() == pytest.approx(0.0, abs=2)

    second = guest.makestep()
    assert not second["failed"], told(second)
    assert (second["changed"], second["stepped_s"], second["verified"]) == (False, 0.0, True)
    assert second["after"]["offset_s"] == pytest.approx(0.0, abs=0.1)


def test_a_slow_clock_is_only_predicted_in_check_mode_and_then_stepped_forward(guest: Guest) -> None:
    guest.start(-90, directives=SLOWLY)
    refused = guest.makestep(max_step=60)
    assert refused["failed"], told(refused)
    assert (refused["reasons"], refused["changed"], refused["stepped_s"]) == (["step.too_large"], False, 0.0)
    assert guest.wrong_s() == pytest.approx(-90, abs=2)

    predicted = guest.makestep(check=True)
    assert not predicted["failed"], told(predicted)
    assert (predicted["changed"], predicted["stepped_s"], predicted["after"]) == (True, 0.0, None)
    assert 0 <= predicted["before"]["bound_s"] - predicted["predicted_step_s"] < 30
    assert predicted["predicted_step_s"] == pytest.approx(-guest.wrong_s(), abs=2)

    forced = guest.makestep(max_step=60, force=True)
    assert not forced["failed"], told(forced)
    assert (forced["changed"], forced["forced"], forced["verified"]) == (True, True, True)
    assert forced["reasons"] == ["step.too_large"]
    assert "larger than max_step" in forced["printed"]  # as a warning
    assert forced["stepped_s"] == pytest.approx(90, abs=2)
    assert guest.wrong_s() == pytest.approx(0.0, abs=2)


def test_a_lie_is_refused_by_the_witness_and_made_true_by_force(guest: Guest) -> None:
    guest.start(0, lie_s=1800, directives=SLOWLY)
    refused = guest.makestep(witness=True)
    assert refused["failed"], told(refused)
    assert (refused["reasons"], refused["changed"]) == (["witness.disagrees"], False)
    assert refused["predicted_step_s"] == pytest.approx(1800, abs=5)
    assert abs(guest.wrong_s()) < 5  # chronyd itself slews towards the lie

    forced = guest.makestep(witness=True, force=True)
    assert not forced["failed"], told(forced)
    assert (forced["changed"], forced["verified"]) == (True, False)
    assert forced["reasons"] == ["witness.disagrees", "step.unverified"]
    witness = forced["after"]["witnesses"][0]
    assert witness["offset_s"] == pytest.approx(1800, abs=witness["uncertainty_s"] + 2)
    assert guest.wrong_s() == pytest.approx(1800, abs=5)


def test_a_step_that_chronyd_makes_by_itself_is_reported_as_one(guest: Guest) -> None:
    guest.start(-90, directives="makestep 1 3", poll=10)
    result = guest.makestep()
    assert not result["failed"], told(result)
    assert (result["changed"], result["verified"]) == (True, True)
    assert result["stepped_s"] == pytest.approx(90, abs=5)
    assert "chronyd itself stepped the clock" in result["messages"][0]
    assert result["before"]["offset_s"] is None
    assert guest.wrong_s() == pytest.approx(0.0, abs=2)


def test_a_chronyd_without_control_is_seen_before_it_forgets_its_correction(guest: Guest) -> None:
    guest.start(120, options="-F 1 -x")
    result = guest.makestep(force=True)
    assert result["failed"], told(result)
    assert (result["reasons"], result["changed"], result["stepped_s"]) == (["step.uncontrolled"], False, 0.0)
    assert "runs with -x" in result["msg"]
    assert guest.wrong_s() == pytest.approx(120, abs=5)
