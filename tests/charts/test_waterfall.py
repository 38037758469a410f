from itertools import pairwise

import pytest
from matplotlib.image import imread

from chinese_font import needs_chinese_font
from churn.charts.waterfall import list_steps, plot_waterfall
from churn.config import Config
from churn.errors import ExplanationError
from churn.features.catalogue import catalogue

CATALOGUE = catalogue(Config())
CHANGES = {f"column_{number}": 0.001 * number for number in range(1, 12)} | {"days_since_contact": -0.05}
PROBABILITY = 0.2 + 0.066 - 0.05


def test_steps_go_from_the_base_rate_to_the_probability_the_largest_first():
    steps = list_steps(CHANGES, {"days_since_contact": 212.0}, 0.2, PROBABILITY, CATALOGUE, "zh")
    assert steps[0].label == "距上次联系天数"
    assert steps[0].value == "212 天"
    assert (steps[0].begin, steps[0].end) == (0.2, pytest.approx(0.15))
    assert [step.label for step in steps[1:3]] == ["column_11", "column_10"]
    assert all(before.end == after.begin for before, after in pairwise(steps))


def test_ten_features_stand_alone_and_the_rest_together():
    steps = list_steps(CHANGES, {}, 0.2, PROBABILITY, CATALOGUE, "en")
    assert len(steps) == 11
    assert steps[-1].label == "2 other features"
    assert steps[-1].end - steps[-1].begin == pytest.approx(0.001 + 0.002)
    assert steps[-1].end == PROBABILITY


def test_contributions_that_do_not_add_up_are_refused():
    with pytest.raises(ExplanationError, match=r"12 contributions miss the probability by -2\.0e-02"):
        list_steps(CHANGES, {}, 0.2, PROBABILITY + 0.02, CATALOGUE, "en")
    with pytest.raises(ExplanationError, match="nan"):
        list_steps({"age": float("nan")}, {}, 0.2, 0.3, CATALOGUE, "en")


@needs_chinese_font
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_is_not_blank_and_the_same_bytes_every_time(tmp_path, language):
    for name in ("a.png", "b.png"):
        plot_waterfall(
            CHANGES,
            {"days_since_contact": 212.0, "column_3": "农民 $x$ \U0001f9e7"},
            base_rate=0.2,
            probability=PROBABILITY,
            catalogue=CATALOGUE,
            path=tmp_path / name,
            language=language,
        )
    assert (imread(tmp_path / "a.png")[..., :3] < 0.9).any(axis=2).sum() > 20_000
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_customer_like_all_others_is_drawn(tmp_path):
    plot_waterfall({}, {}, base_rate=0.2, probability=0.2, catalogue=(), path=tmp_path / "a.png", language="en")
    assert (tmp_path / "a.png").exists()
