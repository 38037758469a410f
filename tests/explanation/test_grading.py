import pandas as pd
import pytest

from binding_rows import binding_row
from churn.errors import DataError
from churn.explanation.grading import Graded, grade_bindings, read_truth

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
    assert (graded.late, graded.late_covered) == (None, None)
    (unknown,) = grade_bindings([row], {}, 0.03)
    assert unknown == Graded("cts", *[None] * 8, "open")


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
    assert (graded.att_covered, graded.atu_covered, graded.itt_covered) == (True, False, True)
    assert (graded.late, graded.late_covered) == (-0.04, None)


def test_rows_are_graded_in_their_order():
    rows = [binding_row(name, verdict="cuts", evidence="randomised") for name in ("fund_trading", "cts", "cash_sweep")]
    graded = grade_bindings(rows, {"cts": {"late": -0.1}, "fund_trading": {"late": 0.0}}, 0.03)
    assert [(one.service, one.grade) for one in graded] == [
        ("fund_trading", "wrong"),
        ("cts", "right"),
        ("cash_sweep", "open"),
    ]
