import math
from dataclasses import replace

import pandas as pd
import pytest

from binding_rows import CUSTODY, binding_row
from churn.config import EffectSettings
from churn.errors import DataError, ExplanationError
from churn.estimates import UNKNOWN, Estimate
from churn.explanation.bindings import (
    FIELDS,
    binding_rows,
    bindings_frame,
    build_bindings,
    flatten,
    grade_bindings,
    read_truth,
    unflatten,
)
from churn.explanation.effects import ServiceEffect
from churn.explanation.effects.observational import Control, Observational
from churn.explanation.effects.randomised import RandomisedOffer
from churn.explanation.survey import NO_CONTRAST, Contrast, Seen
from churn.speech import say

SETTINGS = EffectSettings()  # worthwhile: 3 points
# The names that other programs may rely on.
PROMISED = [
    *("service", "n_eligible", "n_bound"),
    *("shap_contrast_log_odds", "shap_contrast_points", "shap_low", "shap_high", "raw_difference"),
    *("effect_att", "effect_att_low", "effect_att_high", "effect_atu", "effect_atu_low", "effect_atu_high"),
    *("itt", "itt_low", "itt_high", "late", "late_low", "late_high"),
    *("evidence", "robustness_value", "overlap_share", "verdict", "text_en", "text_zh"),
]


def offered(service, low, high):
    late = Estimate((low + high) / 2, low, high)
    offer = RandomisedOffer(Estimate(low / 2, low / 2 - 0.1, low / 2 + 0.1), late, Estimate(0.6, 0.5, 0.7), 400)
    return ServiceEffect(service, offer=offer, expected=late)


def recorded(service, low, high, widened=0.0):
    atu = Estimate((low + high) / 2, low, high)
    found = Observational(Estimate(-0.2, -0.3, -0.1), atu, low - widened, high + widened, 0.11, 0.97, 900, 300)
    raw = Estimate(-0.4, -0.5, -0.3)
    return ServiceEffect(service, raw, found, (Control("outcome", UNKNOWN, passed=True),))


def unknown(service):
    return ServiceEffect(service)


def rows_of(*effects, seen=None):
    names = {effect.service: (effect.service, effect.service) for effect in effects}
    seen = seen or {}
    return build_bindings(effects, {name: seen.get(name, Seen(0, 0, NO_CONTRAST)) for name in names}, names, SETTINGS)


def test_the_rank_is_by_what_binding_would_do():
    effects = [
        unknown("nobody knows"),
        offered("raises", 0.01, 0.09),
        offered("does nothing", -0.02, 0.02),
        offered("cuts a little", -0.05, -0.01),
        recorded("unclear", -0.9, 0.1),
        recorded("may cut, by much", -0.5, -0.4),
        offered("cuts", -0.2, -0.1),
        offered("unclear, and worse", -0.1, 0.3),
        recorded("may cut", -0.3, -0.2),
    ]
    assert [row.service for row in rows_of(*effects)] == [
        "cuts",
        "cuts a little",
        "may cut, by much",
        "may cut",
        "does nothing",
        "unclear",
        "unclear, and worse",
        "nobody knows",
        "raises",
    ]


def test_the_rank_does_not_depend_on_shap():
    effects = [offered("a", -0.1, -0.05), offered("b", -0.2, -0.1)]
    loud = Seen(100, 50, Contrast(-3.0, 1.0, -4.0, Estimate(-0.6, -0.7, -0.5)))
    assert [row.service for row in rows_of(*effects, seen={"a": loud})] == ["b", "a"]


def test_equal_services_keep_the_catalogues_order():
    assert [row.service for row in rows_of(unknown("b"), unknown("a"))] == ["b", "a"]


def test_the_fields_are_those_that_programs_may_rely_on():
    assert [name for name in FIELDS if name in PROMISED] == PROMISED


def test_a_row_holds_all_that_is_known():
    effect = recorded("cts", -0.3, -0.1, widened=0.05)
    effect = replace(effect, offer=offered("cts", -0.2, -0.1).offer, expected=Estimate(-0.12, -0.18, -0.06))
    contrast = Contrast(-0.5, 0.1, -0.6, Estimate(-0.08, -0.09, -0.07))
    [row] = rows_of(effect, seen={"cts": Seen(500, 200, contrast)})

    assert (row.n_eligible, row.n_bound, row.n_offered) == (500, 200, 400)
    assert row.shap == contrast
    assert (row.raw, row.att, row.atu) == ((-0.4, -0.5, -0.3), (-0.2, -0.3, -0.1), (-0.2, -0.3, -0.1))
    assert row.bounds == (None, pytest.approx(-0.35), pytest.approx(-0.05))
    assert row.itt == pytest.approx((-0.1, -0.2, 0.0))
    assert row.late == pytest.approx((-0.15, -0.2, -0.1))
    assert row.expected == row.leading == (-0.12, -0.18, -0.06)
    assert (row.robustness_value, row.overlap_share, row.controls_passed) == (0.11, 0.97, True)
    # Randomised offers drive the verdict where there are some.
    assert (row.evidence, row.verdict) == ("randomised", "cuts")
    assert "randomised" in say(row.text, "en")


@pytest.mark.parametrize("n_bound", [0, 800], ids=["nobody has it", "everybody has it"])
def test_a_service_without_a_comparison_is_a_clear_verdict(n_bound):
    effect = replace(unknown("cts"), n_eligible=700, n_bound=700 if n_bound else 0)
    [row] = rows_of(effect, seen={"cts": Seen(800, n_bound, NO_CONTRAST)})

    assert (row.n_eligible, row.n_bound, row.verdict, row.evidence) == (800, n_bound, "cannot_tell", "none")
    told = {"service", "n_eligible", "n_bound", "n_offered", "evidence", "verdict", "text_en", "text_zh"}
    assert {name for name, value in flatten(row).items() if value is not None} == told
    assert ("everybody who could has bound it" if n_bound else "nobody has bound it") in say(row.text, "en")


def test_no_service_has_no_row():
    assert build_bindings([], {}, {}, SETTINGS) == []


@pytest.mark.parametrize(
    ("evidence", "leading"), [("randomised", CUSTODY.expected), ("observational", CUSTODY.atu), ("none", UNKNOWN)]
)
def test_the_leading_estimate_is_that_of_the_evidence_the_verdict_rests_on(evidence, leading):
    assert replace(CUSTODY, evidence=evidence).leading == leading


def test_a_flat_row_has_every_column_once_in_their_order():
    flat = flatten(CUSTODY)
    assert tuple(flat) == FIELDS
    assert len(set(FIELDS)) == 37
    assert unflatten(flat) == CUSTODY


@pytest.mark.parametrize(
    "wrong",
    [
        *({"verdict": "perhaps"}, {"evidence": "hearsay"}, {"more": 1}, {"text_en": None}, {"service": 1}),
        *({"n_bound": 1.5}, {"n_bound": -1}, {"n_offered": 10**30}, {"controls_passed": "yes"}),
        *({"late": "-0.1"}, {"late": math.nan}, {"shap_bound": math.inf}, {"robustness_value": [0.1]}),
    ],
)
def test_what_is_no_flat_row_is_refused(wrong):
    with pytest.raises(ValueError, match=r"not a row|not what the bindings table has there"):
        unflatten(flatten(CUSTODY) | wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_bound": "3"}, {"n_bound": None}, {"n_bound": -1}, {"n_bound": 1.5}, {"effect_atu": "low"},
        {"effect_atu": True}, {"late": math.inf}, {"raw_low": math.nan}, {"controls_passed": "yes"}, {"text_en": None},
        {"service": 7}, {"verdict": None}, {"itt": [1]},
    ],
)  # fmt: skip
def test_a_cell_that_no_flat_row_has_is_refused(wrong):
    with pytest.raises(ValueError, match="not"):
        unflatten(flatten(CUSTODY) | wrong)


ROWS = [CUSTODY, binding_row("cash_sweep", controls_passed=False)]


def test_rows_come_back_as_they_went_in():
    assert binding_rows(bindings_frame(ROWS)) == ROWS


def test_rows_may_be_chosen_and_put_in_another_order():
    assert binding_rows(bindings_frame(ROWS).iloc[[1]]) == ROWS[1:]
    assert binding_rows(bindings_frame(ROWS)[::-1]) == ROWS[::-1]


def test_no_row_is_a_table_with_all_columns():
    assert list(bindings_frame([])) == list(bindings_frame(ROWS))


def test_a_missing_column_is_named():
    with pytest.raises(ExplanationError, match="column late is missing"):
        binding_rows(bindings_frame(ROWS).drop(columns="late"))


EFFECTS = [
    ("cts", "eligible", 500, -0.05),
    ("cts", "bound", 200, -0.03),
    ("cts", "unbound", 300, -0.07),
    ("cash_sweep", "unbound", 300, 0.0),
    ("cash_sweep", "bound", 0, None),
]
CAMPAIGNS = [
    ("cts", "itt", 300, -0.03),
    ("cts", "itt", 100, -0.05),
    ("cts", "late", 60, -0.06),
    ("cts", "late", 40, -0.11),
    ("fund_trading", "itt", 100, 0.01),
]


def write_truth(folder, effects=EFFECTS, campaigns=CAMPAIGNS):
    for name, rows in (("effects", effects), ("campaigns", campaigns)):
        pd.DataFrame(rows, columns=["service", "group", "n", "effect"]).to_parquet(folder / f"{name}.parquet")
    return folder


def grade(row, truth, worthwhile=0.03):
    (graded,) = grade_bindings([row], {"cts": truth}, worthwhile)
    return graded


def test_truth_is_read_by_service_and_offers_are_pooled_by_their_size(tmp_path):
    truth = read_truth(write_truth(tmp_path))
    assert truth == {
        # (300 x -0.03 + 100 x -0.05) / 400 and (60 x -0.06 + 40 x -0.11) / 100
        "cts": {"att": -0.03, "atu": -0.07, "itt": pytest.approx(-0.035), "late": pytest.approx(-0.08)},
        "cash_sweep": {"atu": 0.0},
        "fund_trading": {"itt": 0.01},
    }


def test_truth_without_any_offers_is_read_all_the_same(tmp_path):
    truth = read_truth(write_truth(tmp_path, campaigns=[]))
    assert truth == {"cts": {"att": -0.03, "atu": -0.07}, "cash_sweep": {"atu": 0.0}}


def cut_short(path):
    path.write_bytes(path.read_bytes()[:200])


def rename_a_column(path):
    pd.read_parquet(path).rename(columns={"effect": "other"}).to_parquet(path)


def write_words(path):
    pd.read_parquet(path).assign(effect="large").to_parquet(path)


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


@pytest.mark.parametrize("damage", [remove, empty, cut_short, rename_a_column, write_words])
@pytest.mark.parametrize("name", ["effects.parquet", "campaigns.parquet"])
def test_truth_that_is_missing_or_damaged_is_one_clear_error(tmp_path, name, damage):
    damage(write_truth(tmp_path) / name)
    with pytest.raises(
        DataError, match=rf"{name}: no true effects are there; --truth is for banks made by churn simul"
    ):
        read_truth(tmp_path)


def test_folder_that_is_not_there_is_an_error_of_the_same_kind(tmp_path):
    with pytest.raises(DataError, match="no true effects are there"):
        read_truth(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("verdict", "truth", "expected"),
    [
        ("cuts", -0.001, "right"),
        ("cuts", 0.0, "wrong"),
        ("cuts", 0.05, "wrong"),
        ("raises", 0.001, "right"),
        ("raises", 0.0, "wrong"),
        ("raises", -0.05, "wrong"),
        ("no_effect", 0.0, "right"),
        ("no_effect", -0.029, "right"),
        ("no_effect", -0.03, "wrong"),
        ("no_effect", 0.03, "wrong"),
        ("cannot_tell", -0.2, "open"),
        ("cannot_tell", 0.0, "open"),
    ],
)
@pytest.mark.parametrize(("evidence", "group"), [("randomised", "late"), ("observational", "atu")])
def test_verdict_is_graded_by_the_true_effect_on_those_it_speaks_of(verdict, truth, expected, evidence, group):
    other = {"late": "atu", "atu": "late"}[group]
    row = binding_row("cts", verdict=verdict, evidence=evidence)
    assert grade(row, {group: truth, other: -truth}).grade == expected


@pytest.mark.parametrize(("truth", "expected"), [(-0.01, "right"), (0.0, "wrong"), (0.01, "wrong")])
def test_suggests_is_right_where_binding_truly_lowers_churn(truth, expected):
    row = binding_row("cts", verdict="suggests", evidence="observational")
    assert grade(row, {"atu": truth}).grade == expected


def test_what_the_truth_does_not_tell_stays_open():
    row = binding_row("cts", verdict="cuts", evidence="randomised", late_low=-0.1, late_high=0.0)
    graded = grade(row, {"atu": -0.05})
    assert graded.grade == "open"
    assert (graded.truth["late"], graded.covered["late"]) == (None, None)
    (unknown,) = grade_bindings([row], {}, 0.03)
    assert unknown.grade == "open"
    assert not any(unknown.truth.values())
    assert set(unknown.covered.values()) == {None}


def test_interval_covers_up_to_its_ends():
    row = binding_row(
        "cts",
        effect_att_low=-0.05,
        effect_att_high=-0.03,
        effect_atu_low=-0.05,
        effect_atu_high=-0.03,
        itt_low=-0.05,
        itt_high=-0.03,
    )
    graded = grade(row, {"att": -0.05, "atu": -0.0299, "itt": -0.04, "late": -0.04})
    assert [graded.covered[name] for name in ("att", "atu", "itt")] == [True, False, True]
    assert (graded.truth["late"], graded.covered["late"]) == (-0.04, None)


def test_rows_are_graded_in_their_order():
    rows = [binding_row(name, verdict="cuts", evidence="randomised") for name in ("fund_trading", "cts", "cash_sweep")]
    graded = grade_bindings(rows, {"cts": {"late": -0.1}, "fund_trading": {"late": 0.0}}, 0.03)
    assert [(one.service, one.grade) for one in graded] == [
        ("fund_trading", "wrong"),
        ("cts", "right"),
        ("cash_sweep", "open"),
    ]
