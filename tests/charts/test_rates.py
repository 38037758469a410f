import datetime as dt

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from churn.charts import OBSERVED, PREDICTED
from churn.charts.rates import draw_feature_rates, draw_rates, draw_rates_over_time, draw_timeline

DATES = [dt.date(2023, 1, 1), dt.date(2023, 7, 1), dt.date(2024, 1, 1)]


def rates(by="coverage", dates=DATES, values=("1", "2", "5+")):
    rows = [
        {
            "as_of": date,
            "by": by,
            "value": value,
            "n": 100,
            "churned": 50,
            "observed": 0.5 - at / 10,
            "low": 0.3,
            "high": 0.6,
        }
        for date in dates
        for at, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def outcome_colours(embargo_days):
    figure = draw_timeline(
        DATES, horizon_days=181, embargo_days=embargo_days, data_begin=dt.date(2022, 1, 1),
        data_end=dt.date(2024, 12, 31), title="t",
    )  # fmt: skip
    figure.canvas.draw()
    bars = [patch for patch in figure.axes[0].patches if np.isfinite(patch.get_x())]
    return [to_hex(bar.get_facecolor()) for bar in bars[1::2]], bars


@pytest.mark.parametrize(
    ("embargo_days", "colours"),
    [(0, [OBSERVED, OBSERVED, PREDICTED]), (3, [OBSERVED, OBSERVED, PREDICTED]), (4, [OBSERVED, "#ffffff", PREDICTED])],
)
def test_only_outcomes_complete_at_the_last_date_are_learnt_from(embargo_days, colours):
    # 2023-07-01 + 181 days = 2023-12-29, three days before the last date
    assert outcome_colours(embargo_days)[0] == colours


def test_features_end_where_outcomes_begin():
    _, bars = outcome_colours(0)

    for history, outcome in zip(bars[::2], bars[1::2], strict=True):
        assert history.get_x() + history.get_width() == outcome.get_x()
        assert outcome.get_width() == 181


def test_every_group_has_its_line_and_a_stated_rate_where_there_is_one():
    figure = draw_rates_over_time(rates(), stated={"1": 0.62, "5+": 0.12}, title="t")
    lines = figure.axes[0].get_lines()

    assert sum(len(line.get_xdata()) == len(DATES) for line in lines) == 3
    dashed = [line for line in lines if line.get_linestyle() == "--" and len(line.get_ydata())]
    assert [line.get_ydata()[0] for line in dashed] == [0.62, 0.12]
    assert len({line.get_color() for line in lines if len(line.get_xdata()) == len(DATES)}) == 3


def test_more_groups_than_colours_are_all_drawn():
    values = [f"B{number}" for number in range(9)]
    figure = draw_rates_over_time(rates(by="branch", values=values), title="t")

    assert [text.get_text() for text in figure.axes[0].texts] == values


def test_groups_of_several_segmentations_stand_one_below_the_other():
    table = pd.concat([rates(dates=DATES[:1]), rates(by="tier", dates=DATES[:1], values=("gold", "vip"))])
    axes = draw_rates(table, title="t").axes[0]

    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "1  (100)", "2  (100)", "5+  (100)", "gold  (100)", "vip  (100)",
    ]  # fmt: skip
    assert [text.get_text() for text in axes.texts] == ["coverage", "tier"]
    assert list(axes.get_yticks()) == sorted(axes.get_yticks())


def test_each_feature_has_its_panel_and_no_empty_one_is_seen():
    tables = {name: rates(dates=DATES[:1]) for name in ("a", "b", "c")}
    panels = draw_feature_rates(tables, title="t").axes

    assert [axes.get_title(loc="left") for axes in panels if axes.get_visible()] == ["a", "b", "c"]
    assert len(panels) == 4
