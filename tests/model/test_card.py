import datetime as dt

from churn.estimates import Estimate
from churn.model import card
from churn.model.card import describe_departures, describe_gaps
from churn.model.documents import Anchored, BaselineRow, Baselines, Metrics
from churn.speech import say
from documents import FACTS, make_manifest

ESTIMATE = Estimate(0.81234, 0.79, 0.83)
BUCKET = {
    "product_coverage": "5+",
    "n": 1000,
    "stated": 0.12,
    "observed": 0.1,
    "observed_low": 0.08,
    "observed_high": 0.125,
    "predicted": 0.11,
    "verdict": "agrees",
}
EMPTY = dict.fromkeys(BUCKET) | {"product_coverage": 2, "n": 0, "verdict": "not_stated"}


def render_card(changes=None, metrics=None, baselines=()):
    """Render the card of a manifest with these changes, of metrics, and of rows of baselines."""
    manifest = make_manifest(**({"horizon_days": 180} | (changes or {})))
    rows = Baselines(BaselineRow(**row) for row in baselines)
    return card.render_card(manifest, Metrics(**(metrics or {})), rows)


def test_every_fact_is_there():
    text = render_card({}, {"roc_auc": ESTIMATE, "out_of_time": True}, [BUCKET])

    for fact in (
        "# Churn model 00ff",
        "within 180 days",
        "2024-01-01, 2024-07-01",
        "12,345",
        "12.5\u202f%",
        "Trees: 321; seed 7",
        "| ROC-AUC | 0.8123 | 0.7900 to 0.8300 |",
        "6,000 customers, 12.0\u202f% churned",
        "Method: beta. Chosen before the refit: none; cross-fitted log loss: none 0.2500, beta 0.2400",
        "| 5+ | 1,000 | 12.0\u202f% | 10.0\u202f% (8.0\u202f% to 12.5\u202f%) | 11.0\u202f% | agrees |",
    ):
        assert fact in text


def test_out_of_time_metrics_say_so():
    text = render_card({}, {"out_of_time": True}, [])

    assert "Measured out of time, on the snapshot of 2024-07-01" in text
    assert "NOT out of time" not in text
    assert "expect worse" not in text


def test_metrics_that_are_not_out_of_time_say_so_twice():
    text = render_card({"out_of_time": False}, {"out_of_time": False}, [])

    assert "NOT out of time: too little history lay before the snapshot of 2024-07-01" in text
    assert "not out of time: expect worse" in text


def test_a_flat_file_has_no_snapshots():
    flat = {
        "snapshots": [],
        "out_of_time": False,
        "held_out": FACTS["held_out"].model_copy(update={"as_of": None}),
    }

    text = render_card(flat, {"out_of_time": False}, [])

    assert "Snapshots: none (one flat file, without time)" in text
    assert "NOT out of time: a flat file has no time" in text


def test_what_is_not_known_is_a_dash():
    text = render_card({}, {"roc_auc": Estimate(None, None, None)}, [EMPTY])

    assert "| ROC-AUC | – | – |" in text
    assert "| 2 | 0 | – | – (– to –) | – | none stated |" in text


def test_a_model_held_to_its_bindings_says_so_and_what_it_cost():
    facts = {
        "falling": ["bound_cts", "n_bound"],
        "dropped": ["days"],
        "roc_auc": 0.8123,
        "roc_auc_unconstrained": 0.8131,
    }
    text = render_card({"monotone": facts}, {}, [])

    assert "A binding can only lower the risk, by constraint on 2 columns. 1 that cannot be held to it" in text
    assert "not evidence that binding helps" in text
    assert "held-out ROC-AUC 0.8123 against 0.8131 without (−0.0008)" in text
    assert "only lower" not in render_card({}, {}, [])


GROUP = {"n": 600, "observed": 0.11, "probability": 0.1, "low": 0.09, "high": 0.12, "consistent": True}
INTERVALS = {"share_consistent": 0.5, "mean_width": 0.031, "widening": 0.0, "groups": [GROUP, GROUP]}


def test_intervals_are_judged_group_by_group():
    groups = [GROUP, GROUP | {"observed": 0.13}, GROUP | {"observed": 0.2, "consistent": False}]
    manifest = {"intervals": INTERVALS | {"groups": groups}}
    text = render_card(manifest, {"out_of_time": True}, [])

    told = text.replace("\n", " ")
    assert (
        "Of 3 risk groups of a later date, the observed rate lay within the mean interval in 1; in 2 it is not" in told
    )
    assert "not contradicted, give or take what chance explains (95\u202f%) in groups of 600 and more" in told
    assert "Mean width: 3.1 points" in text
    assert "| 600 | 10.0\u202f% | 9.0\u202f% to 12.0\u202f% | 11.0\u202f% | no |" in text
    assert "| 600 | 10.0\u202f% | 9.0\u202f% to 12.0\u202f% | 13.0\u202f% | no |" in text
    assert "| 600 | 10.0\u202f% | 9.0\u202f% to 12.0\u202f% | 20.0\u202f% | yes |" in text
    assert "not widened" in text


def test_intervals_of_a_flat_file_do_not_speak_of_a_later_date():
    text = render_card({"intervals": INTERVALS}, {"out_of_time": False}, [])

    assert "Of 2 risk groups of customers no tree had seen, the observed rate lay within" in text


def test_a_widening_says_why_and_by_how_much():
    text = render_card({"intervals": INTERVALS | {"widening": 0.148}}, {"out_of_time": True}, [])

    assert "off there by more than chance explains" in text
    assert "moved by 0.15 in log-odds" in text


def test_a_model_without_intervals_has_no_such_section():
    assert "Intervals of the probabilities" not in render_card({}, {}, [])


SEGMENT = {
    "segmentation": "tier",
    "value": "gold",
    "n": 541,
    "churned": 200,
    "observed": {"value": 0.3697, "low": 0.318, "high": 0.398},
    "predicted": 0.45,
    "difference": {"value": 0.0803, "low": 0.04, "high": 0.12},
    "roc_auc": {"value": 0.861, "low": 0.829, "high": 0.893},
    "p_value": 0.001,
    "verdict": "fails",
    "failures": ["calibration"],
}
UNKNOWN = SEGMENT | {"value": None, "roc_auc": {"value": None, "low": None, "high": None}, "verdict": "too_few"}


def _with_segments(*segments, failures=()):
    held_out = FACTS["held_out"].to_json() | {"segments": list(segments), "failures": list(failures)}
    return render_card({"held_out": held_out}, {"out_of_time": True}, [])


def test_groups_of_customers_are_shown_and_those_that_fail_named_first():
    text = _with_segments(SEGMENT, UNKNOWN, failures=["tier gold: too high"])

    assert "- tier gold: too high\n" in text
    assert (
        "| tier gold | 541 | 37.0\u202f% (31.8\u202f% to 39.8\u202f%) | 45.0\u202f% | 0.861 (0.829 to 0.893) | FAILS |"
        in text
    )
    assert (
        "| tier not known | 541 | 37.0\u202f% (31.8\u202f% to 39.8\u202f%) | 45.0\u202f% | – | too few to say |" in text
    )


def test_no_failure_is_said_too():
    assert "It failed in none of them." in _with_segments(SEGMENT | {"verdict": "holds"})


def test_name_of_a_group_cannot_break_the_table():
    assert "| tier a\\|b | 541 |" in _with_segments(SEGMENT | {"value": "a|b"})


def test_without_groups_there_is_no_section_of_them():
    assert "## Groups of customers" not in render_card({}, {}, [])


def test_card_says_who_may_use_it_how_it_is_watched_and_what_it_was_read_from():
    facts = {
        "inputs": [{"table": name, "file": f"{name}.csv", "bytes": 1, "sha256": "ab"} for name in "ab"],
        "row_counts": {
            "a": {"rows": 1000, "used": 997, "quarantined": 3},
            "b": {"rows": 234, "used": 234, "quarantined": 0},
        },
        "data_begin": dt.date(2022, 1, 1),
        "data_end": dt.date(2025, 12, 31),
        "learners": ["scorecard", "lightgbm"],
    }
    text = render_card(facts, {}, [])

    for fact in (
        "## Who may use it",
        "## How to watch and challenge it",
        "180 days after they were made",
        "SR 26-2",
        "Read from 2 files, from 2022-01-01 to 2025-12-31",
        "Rows of all tables: 1,234, of which left out: 3",
        "Learner: scorecard + lightgbm",
    ):
        assert fact in text


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
        "with 2 products 10.0\u202f% left from 2023-01-01 on (5.0\u202f% to 20.0\u202f%, 95\u202f%),"
        " anchored to 52.0\u202f%; no rate is stated for it"
    )
    assert [say(one, "en") for one in describe_departures(anchored)] == [said]
    assert f"- {said}" in render_card({"anchored": anchored})


def test_customers_of_unknown_coverage_are_not_counted_as_anchored():
    anchored = document(1_040, [ANCHORED], [EVIDENCE])
    said = "1,000 of 1,040 customers hold no product, or an unknown number: not shifted"
    assert [say(one, "en") for one in describe_gaps(anchored)] == [said]
    section = render_card({"anchored": anchored})
    assert "on 40 customers as of 2024-01-01" in section
    assert "- 1,000 of 1,040 customers hold no product" in section


def test_a_stated_rate_of_nobody_is_named_and_an_empty_bucket_without_one_is_not():
    nobody = ANCHORED | {"n": 0, "basis": "neighbour", "taken_from": 1, "predicted_before": None, "predicted": None}
    evidence = [EVIDENCE | {"product_coverage": 4, "stated": None}, EVIDENCE | {"product_coverage": "5+"}]
    anchored = document(40, [ANCHORED, *(nobody | {"product_coverage": b} for b in (4, "5+"))], evidence)
    (line,) = (say(one, "en") for one in describe_gaps(anchored))
    assert line.startswith("a rate is stated for 5+ products, which nobody holds yet; ")
    assert line.endswith("are shifted as with 1 product")


def test_an_anchoring_without_gaps_says_nothing_of_them():
    assert describe_gaps(document(40, [ANCHORED], [EVIDENCE])) == []
    assert "contradict none of the rates it was anchored to; 1 of 1" in render_card(
        {"anchored": document(40, [ANCHORED], [EVIDENCE])}
    )
