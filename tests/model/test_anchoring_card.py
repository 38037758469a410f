import datetime as dt

from churn.model.anchoring_card import anchoring_section, describe_departures, describe_gaps
from churn.model.documents import Anchored

ANCHORED = {
    "product_coverage": 1, "n": 40, "target": 0.62, "basis": "stated", "taken_from": None, "shift": 0.5,
    "predicted_before": 0.5, "predicted": 0.62,
}  # fmt: skip
EVIDENCE = {
    "product_coverage": 1, "n": 40, "stated": 0.62, "target": 0.62, "observed": 0.6, "observed_low": 0.45,
    "observed_high": 0.74, "verdict": "agrees",
}  # fmt: skip
BETWEEN = {"product_coverage": 2, "basis": "between", "target": 0.52, "predicted": 0.52}
CONTRADICTED = {
    "product_coverage": 2, "stated": None, "target": 0.52, "observed": 0.1, "observed_low": 0.05,
    "observed_high": 0.2, "verdict": "departs",
}  # fmt: skip


def document(rows, anchored, evidence):
    return Anchored(
        as_of=dt.date(2024, 1, 1),
        rows=rows,
        labelled=0,
        mean_predicted=0.4,
        inputs=(),
        buckets=anchored,
        evidence={"as_of": dt.date(2023, 1, 1), "buckets": evidence},
        from_model="00fe",
        thresholds_before={"high": 0.2, "low": 0.05},
        metrics_describe="the model before anchoring",
    )


def test_a_rate_between_stated_ones_is_held_against_outcomes_too():
    anchored = document(80, [ANCHORED, ANCHORED | BETWEEN], [EVIDENCE, EVIDENCE | CONTRADICTED])
    said = (
        "with 2 products 10.0 % left from 2023-01-01 on (5.0 % to 20.0 %, 95 %),"
        " anchored to 52.0 %, which no rate states"
    )
    assert describe_departures(anchored) == [said]
    assert f"- {said}" in anchoring_section(anchored)


def test_customers_of_unknown_coverage_are_not_counted_as_anchored():
    anchored = document(1_040, [ANCHORED], [EVIDENCE])
    assert describe_gaps(anchored) == [
        "1,000 of 1,040 customers hold no product, or it is not known how many: they were not shifted"
    ]
    section = anchoring_section(anchored)
    assert "on 40 customers as of 2024-01-01" in section
    assert "- 1,000 of 1,040 customers hold no product" in section


def test_a_stated_rate_of_nobody_is_named_and_an_empty_bucket_without_one_is_not():
    nobody = ANCHORED | {"n": 0, "basis": "neighbour", "taken_from": 1, "predicted_before": None, "predicted": None}
    evidence = [EVIDENCE | {"product_coverage": 4, "stated": None}, EVIDENCE | {"product_coverage": "5+"}]
    anchored = document(40, [ANCHORED, *(nobody | {"product_coverage": b} for b in (4, "5+"))], evidence)
    (line,) = describe_gaps(anchored)
    assert line.startswith("a rate is stated for 5+ products, which nobody holds: ")
    assert line.endswith("like those with 1 product")


def test_an_anchoring_without_gaps_says_nothing_of_them():
    assert describe_gaps(document(40, [ANCHORED], [EVIDENCE])) == []
    assert "contradict none of the rates it was anchored to; 1 of 1" in anchoring_section(
        document(40, [ANCHORED], [EVIDENCE])
    )
