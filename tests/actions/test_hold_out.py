import numpy as np
import pandas as pd
import pytest

from churn.actions.hold_out import in_hold_out
from churn.config import PlanSettings

IDS = pd.Series([f"C{number:05d}" for number in range(20_000)])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.9999])
def test_share_asked_for_is_held_out(share):
    # within four standard errors of a share of 20,000
    error = (share * (1 - share) / len(IDS)) ** 0.5
    assert in_hold_out(IDS, PlanSettings(hold_out=share)).mean() == pytest.approx(share, abs=4 * error)


def test_draw_rests_on_the_id_alone():
    shuffled = IDS.sample(frac=1, random_state=1)
    held = pd.Series(in_hold_out(shuffled, PlanSettings()), index=shuffled.index).sort_index()
    assert held.tolist() == in_hold_out(IDS, PlanSettings()).tolist()


def test_larger_share_keeps_those_already_held_out():
    small, large = (in_hold_out(IDS, PlanSettings(hold_out=share)) for share in (0.1, 0.2))
    assert (large | ~small).all()


def test_another_salt_draws_others():
    one, other = (in_hold_out(IDS, PlanSettings(hold_out_salt=salt)) for salt in ("plan", "2027"))
    # of independent tenths a hundredth is in both
    assert np.mean(one & other) == pytest.approx(0.01, abs=4 * (0.01 * 0.99 / len(IDS)) ** 0.5)


def test_nobody_of_nobody():
    assert in_hold_out(pd.Series([], dtype="str"), PlanSettings()).tolist() == []
