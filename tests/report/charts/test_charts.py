import datetime as dt
from dataclasses import replace

import pytest

from binding_rows import binding_row
from churn.report.charts import cut
from churn.report.charts.reasons import draw_bindings, draw_drivers
from churn.report.charts.risk import draw_baselines, draw_bins, draw_segmentation
from churn.report.charts.working import MOST_BARS, draw_adherence, draw_series
from churn.report.facts import Bin, Bucket, Driver, Group, MeasuredValue, Point, Segmentation, Unitwise, Working
from churn.speech import say

NAMES = {"cts": ("custody", "第三方存管"), "fund_trading": ("fund trading", "基金交易")}


def told(row, language="en"):
    return tuple(say(cell, language) for cell in row)


def data(figure):
    """Every row of data that the chart's layers draw."""
    layers = figure.spec["layer"]
    named = figure.spec.get("datasets", {})
    sources = [layer.get("data", figure.spec.get("data")) for layer in layers]
    rows = []
    for source in sources:
        rows += named[source["name"]] if "name" in source else source["values"]
    return rows


def test_a_bucket_shows_what_is_known_and_nothing_else():
    buckets = [
        Bucket("1", 40, 0.62, 0.6, 0.45, 0.74, 0.63, 12, 0.64),
        Bucket("2", 0, None, None, None, None, None, 5, 0.5),
        Bucket("3", 0, 0.42, None, None, None, None, 0, None),
    ]
    figure = draw_baselines(buckets, "en")
    shown = {(row["coverage"], row["series"]): row["rate"] for row in data(figure)}
    assert shown == {
        ("1", "observed"): 0.6,
        ("1", "stated"): 0.62,
        ("1", "predicted for the same"): 0.63,
        ("1", "predicted today"): 0.64,
        ("2", "predicted today"): 0.5,
    }
    assert told(figure.rows[0]) == (
        "1",
        "40",
        "60.0\u202f%",
        "45.0\u202f% to 74.0\u202f%",
        "62.0\u202f%",
        "63.0\u202f%",
        "12",
        "64.0\u202f%",
    )
    assert "1 products, observed: 60.0\u202f%" in figure.says
    unseen = draw_baselines([bucket._replace(n_now=0, now=None) for bucket in buckets], "en")
    assert "predicted today" not in {row["series"] for row in data(unseen)}
    assert len(unseen.spec["layer"]) == len(figure.spec["layer"]) - 1
    assert draw_baselines(buckets[2:], "en") is None


def test_a_histogram_tells_each_bar_in_words():
    figure = draw_bins([Bin(0.0, 0.04, "low", 7), Bin(0.96, 1.0, "high", 2)], "zh")
    assert [told(row, "zh") for row in figure.rows] == [("0% – 4%", "低风险", "7"), ("96% – 100%", "高风险", "2")]
    assert figure.says == "0% 至 4%：7 位客户，低风险; 96% 至 100%：2 位客户，高风险"
    assert draw_bins([], "zh") is None


def test_groups_have_words_and_a_bank_s_own_stand_for_themselves():
    groups = (Group("gold", 10, 2, 0.25, 5000.0), Group(None, 1, 0, 0.0, None))
    own = draw_segmentation(Segmentation("tier", True, groups, 0), 3, "zh")
    known = draw_segmentation(Segmentation("tier", False, groups, 4), 3, "zh")
    assert (own.title, [row["group"] for row in data(own)][:2]) == ("tier", ["gold", "不详"])
    assert (say(known.title, "zh"), [row["group"] for row in data(known)][:2]) == ("客户等级", ["金卡", "不详"])
    assert told(known.rows[0], "zh") == ("金卡", "10", "25.0%", "2", "5,000 元")
    assert say(known.note, "zh") == "另有 4 个，面临流失的价值较小"
    assert (known.name, own.note) == ("group-3", "")


def test_labels_cut_to_the_same_text_stay_apart():
    groups = tuple(Group("x" * 50 + end, 1, 0, 0.1, None) for end in ("a", "b"))
    labels = [row["group"] for row in data(draw_segmentation(Segmentation("city", True, groups, 0), 0, "en"))]
    assert labels[:2] == ["x" * 39 + "…", "x" * 39 + "… (2)"]


def test_drivers_are_told_in_points():
    figure = draw_drivers([Driver(("services bound", "已绑定服务数"), 0.0453)], "en")
    assert figure.rows == (("services bound", "4.5"),)
    assert draw_drivers([], "en") is None


def test_a_binding_shows_shap_beside_the_effect_its_verdict_rests_on():
    offered = binding_row("cts", shap_contrast_points=-0.04, shap_low=-0.05, shap_high=-0.03, late=-0.3,
                          expected_effect=-0.1, expected_low=-0.2, expected_high=-0.01, effect_atu=-0.5,
                          evidence="randomised", verdict="cuts")  # fmt: skip
    unknown = binding_row("fund_trading")
    figure = draw_bindings([offered, unknown], NAMES, "en")
    drawn = {(row["service"], row["series"], round(row["points"], 9)) for row in data(figure) if "service" in row}
    assert drawn == {
        ("custody", "model attribution (SHAP)", -4.0),
        ("custody", "effect of binding", -10.0),
    }
    assert told(figure.rows[1]) == ("fund trading", "4,121 / 8,123", "–", "–", "none", "these data cannot say")
    assert figure.says == "Cannot tell.; Cannot tell."
    assert draw_bindings([], NAMES, "en") is None


def working(**measured):
    units = tuple(Unitwise(unit, {"calls_per_day": one}) for unit, one in measured.items())
    return Working(30, 365, {"calls_per_day": ("Calls", "电话")}, {}, {}, "branch", units, len(units), {}, (), ())


def test_units_without_a_value_are_not_drawn():
    unknown = MeasuredValue(None, None, None, 0, 20.0)
    figure = draw_adherence(working(N=MeasuredValue(12.0, 9.5, 14.5, 60, 20.0), S=unknown), "calls_per_day", "en")
    assert [told(row) for row in figure.rows] == [("N", "12.0", "9.5 to 14.5", "20.0")]
    assert figure.says == "N: 12.0, target 20.0"
    assert draw_adherence(working(S=unknown), "calls_per_day", "en") is None


def test_of_many_units_those_that_do_least_are_drawn():
    many = {f"B{number:03}": MeasuredValue(float(number), None, None, 5, 20.0) for number in range(MOST_BARS + 3)}
    figure = draw_adherence(working(**dict(reversed(many.items()))), "calls_per_day", "en")
    assert [row[0] for row in figure.rows] == [f"B{number:03}" for number in range(MOST_BARS)]
    assert say(figure.note, "en") == "The 40 lowest of 43."


def test_a_series_needs_two_months_and_shows_its_target():
    points = tuple(Point(dt.date(2025, month, 28), float(month)) for month in (1, 2))
    whole = {"calls_per_day": MeasuredValue(12.0, None, None, 60, 20.0)}
    known = replace(working(), series={"calls_per_day": points}, whole=whole)
    figure = draw_series(known, "calls_per_day", "en")
    assert [row["value"] for row in data(figure) if "value" in row] == [1.0, 2.0]
    assert {"target": 20.0} in data(figure)
    assert told(figure.rows[0]) == ("January 28, 2025", "1.00")
    assert draw_series(replace(known, series={"calls_per_day": points[:1]}), "calls_per_day", "en") is None
    assert draw_series(replace(known, whole={}), "calls_per_day", "en").note == ""


@pytest.mark.parametrize(("text", "most", "expected"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("", 3, "")])
def test_a_text_is_cut_to_its_room(text, most, expected):
    assert cut(text, most) == expected
