from dataclasses import replace
from typing import Any

import numpy as np

from churn.simulation.activity import draw_transactions
from churn.simulation.structure import CHANNELS, PRODUCT_NAMES


def test_the_dormant_move_nothing_and_the_draining_half(living: Any) -> None:
    state, people, _ = living
    n = len(state.person)
    stay = replace(state, keeps=np.ones(n), dormant=np.zeros(n, bool))
    rng = np.random.default_rng(0)
    counts = [len(draw_transactions(s, people, rng).person) for s in (stay, replace(stay, keeps=stay.keeps / 2))]
    assert 0.4 < counts[1] / counts[0] < 0.6
    assert len(draw_transactions(replace(stay, dormant=np.ones(n, bool)), people, rng).person) == 0


def test_mobile_needs_mobile_banking_and_online_needs_online_banking(living: Any) -> None:
    state, people, _ = living
    for channel, product in (("mobile", "mobile_banking"), ("online", "online_banking")):
        lacking = replace(state, held=state.held & (np.arange(13) != PRODUCT_NAMES.index(product)))
        made = draw_transactions(lacking, people, np.random.default_rng(0))
        assert not (made.channel == CHANNELS.index(channel)).any()
        assert len(made.person) > 0


def test_amounts_are_positive(living: Any) -> None:
    assert (draw_transactions(living[0], living[1], np.random.default_rng(0)).amount > 0).all()
