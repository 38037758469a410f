from churn.model.card import render_card

ESTIMATE = {"value": 0.81234, "low": 0.79, "high": 0.83}
MANIFEST = {
    "model_id": "00ff",
    "horizon_days": 180,
    "snapshots": ["2024-01-01", "2024-07-01"],
    "out_of_time": True,
    "training_rows": 12345,
    "training_churn_rate": 0.125,
    "features": ["age", "tier"],
    "rounds": 321,
    "seed": 7,
    "held_out": {"as_of": "2024-07-01", "rows": 6000, "churned": 720, "churn_rate": 0.12},
    "calibration_method": "beta",
    "calibration_chosen": "none",
    "calibration_log_losses": {"none": 0.25, "beta": 0.24},
}
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


def test_every_fact_is_there():
    card = render_card(MANIFEST, {"roc_auc": ESTIMATE, "out_of_time": True}, [BUCKET])

    for fact in (
        "# Churn model 00ff",
        "within 180 days",
        "2024-01-01, 2024-07-01",
        "12,345",
        "12.5 %",
        "Trees: 321; seed 7",
        "| ROC-AUC | 0.8123 | 0.7900 to 0.8300 |",
        "6,000 customers, 12.0 % churned",
        "Method: beta. Chosen before the refit: none; cross-fitted log loss: none 0.2500, beta 0.2400",
        "| 5+ | 1,000 | 12.0 % | 10.0 % (8.0 % to 12.5 %) | 11.0 % | agrees |",
    ):
        assert fact in card


def test_out_of_time_metrics_say_so():
    card = render_card(MANIFEST, {"out_of_time": True}, [])

    assert "Measured out of time, on the snapshot of 2024-07-01" in card
    assert "NOT out of time" not in card
    assert "expect worse" not in card


def test_metrics_that_are_not_out_of_time_say_so_twice():
    card = render_card(MANIFEST | {"out_of_time": False}, {"out_of_time": False}, [])

    assert "NOT out of time: too little history lay before the snapshot of 2024-07-01" in card
    assert "not out of time: expect worse" in card


def test_a_flat_file_has_no_snapshots():
    flat = MANIFEST | {
        "snapshots": [],
        "out_of_time": False,
        "held_out": {"as_of": None, "rows": 10, "churn_rate": 0.5},
    }

    card = render_card(flat, {"out_of_time": False}, [])

    assert "Snapshots: none (one flat file, without time)" in card
    assert "NOT out of time: a flat file has no time" in card


def test_what_is_not_known_is_a_dash():
    card = render_card(MANIFEST, {"roc_auc": {"value": None, "low": None, "high": None}}, [EMPTY])

    assert "| ROC-AUC | – | – |" in card
    assert "| 2 | 0 | – | – (– to –) | – | none stated |" in card


def test_a_model_held_to_its_bindings_says_so_and_what_it_cost():
    facts = {
        "falling": ["bound_cts", "n_bound"],
        "dropped": ["days"],
        "roc_auc": 0.8123,
        "roc_auc_unconstrained": 0.8131,
    }
    card = render_card(MANIFEST | {"monotone": facts}, {}, [])

    assert "A binding can only lower the risk, by constraint on 2 columns. 1 that cannot be held to it" in card
    assert "no evidence that binding helps" in card
    assert "held-out ROC-AUC 0.8123 against 0.8131 without (-0.0008)" in card
    assert "only lower" not in render_card(MANIFEST, {}, [])


GROUP = {"n": 600, "observed": 0.11, "probability": 0.1, "low": 0.09, "high": 0.12, "consistent": True}
INTERVALS = {"share_consistent": 0.5, "mean_width": 0.031, "widening": 0.0, "groups": [GROUP, GROUP]}


def test_intervals_are_judged_group_by_group():
    groups = [GROUP, GROUP | {"observed": 0.13}, GROUP | {"observed": 0.2, "consistent": False}]
    manifest = MANIFEST | {"intervals": INTERVALS | {"groups": groups}}
    card = render_card(manifest, {"out_of_time": True}, [])

    told = card.replace("\n", " ")
    assert (
        "Of 3 risk groups of a later date, the observed rate lay within the mean interval in 1; in 2 it is not" in told
    )
    assert "not contradicted, give or take what chance explains (95 %) in groups of 600 and more" in told
    assert "Mean width: 3.1 points" in card
    assert "| 600 | 10.0 % | 9.0 % to 12.0 % | 11.0 % | no |" in card
    assert "| 600 | 10.0 % | 9.0 % to 12.0 % | 13.0 % | no |" in card
    assert "| 600 | 10.0 % | 9.0 % to 12.0 % | 20.0 % | yes |" in card
    assert "not widened" in card


def test_intervals_of_a_flat_file_do_not_speak_of_a_later_date():
    card = render_card(MANIFEST | {"intervals": INTERVALS}, {"out_of_time": False}, [])

    assert "Of 2 risk groups of customers no tree had seen, the observed rate lay within" in card


def test_a_widening_says_why_and_by_how_much():
    card = render_card(MANIFEST | {"intervals": INTERVALS | {"widening": 0.148}}, {"out_of_time": True}, [])

    assert "off there by more than chance explains" in card
    assert "moved by 0.15 in log-odds" in card


def test_a_model_without_intervals_has_no_such_section():
    assert "Intervals of the probabilities" not in render_card(MANIFEST, {}, [])


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
    held_out = MANIFEST["held_out"] | {"segments": list(segments), "failures": list(failures)}
    return render_card(MANIFEST | {"held_out": held_out}, {"out_of_time": True}, [])


def test_groups_of_customers_are_shown_and_those_that_fail_named_first():
    card = _with_segments(SEGMENT, UNKNOWN, failures=["tier gold: too high"])

    assert "- tier gold: too high\n" in card
    assert "| tier gold | 541 | 37.0 % (31.8 % to 39.8 %) | 45.0 % | 0.861 (0.829 to 0.893) | FAILS |" in card
    assert "| tier not known | 541 | 37.0 % (31.8 % to 39.8 %) | 45.0 % | – | too few to say |" in card


def test_no_failure_is_said_too():
    assert "It failed in none of them." in _with_segments(SEGMENT | {"verdict": "holds"})


def test_name_of_a_group_cannot_break_the_table():
    assert "| tier a\\|b | 541 |" in _with_segments(SEGMENT | {"value": "a|b"})


def test_without_groups_there_is_no_section_of_them():
    assert "## Groups of customers" not in render_card(MANIFEST, {}, [])


def test_card_says_who_may_use_it_how_it_is_watched_and_what_it_was_read_from():
    facts = {
        "inputs": [{"file": "a.csv"}, {"file": "b.csv"}],
        "row_counts": {"a": {"rows": 1000, "quarantined": 3}, "b": {"rows": 234, "quarantined": 0}},
        "data_begin": "2022-01-01",
        "data_end": "2025-12-31",
        "learners": ["scorecard", "lightgbm"],
    }
    card = render_card(MANIFEST | facts, {}, [])

    for fact in (
        "## Who may use it",
        "## How to watch and challenge it",
        "180 days after they were made",
        "SR 26-2",
        "Read from 2 files, from 2022-01-01 to 2025-12-31",
        "Rows of all tables: 1,234, of which left out: 3",
        "Learner: scorecard + lightgbm",
    ):
        assert fact in card
