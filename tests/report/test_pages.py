import datetime as dt
from types import SimpleNamespace

import pandas as pd
import pytest

from binding_rows import binding_row
from churn.config import Config, FlatFile
from churn.estimates import Estimate
from churn.features.catalogue import catalogue
from churn.model.documents import BaselineRow, Baselines, Metrics
from churn.report.facts import Bin, Driver, Headline
from churn.report.html import render_page
from churn.report.pages import MOST_CUSTOMERS, Explanation, Pages
from churn.scores import check_scores
from churn.speech import say
from documents import make_manifest

NAN = float("nan")
BUCKET = {
    "n": 50,
    "stated": 0.62,
    "observed": 0.6,
    "observed_low": 0.46,
    "observed_high": 0.72,
    "predicted": 0.61,
    "verdict": "agrees",
}
MODEL = SimpleNamespace(
    manifest=make_manifest(model_id="m", as_of=dt.date(2025, 1, 1), out_of_time=False),
    metrics=Metrics(roc_auc=Estimate(0.8, 0.75, 0.85)),
    baselines=Baselines(BaselineRow(product_coverage=name, **BUCKET) for name in (1, 2, 3, 4, "5+")),
)
IMPORTANCE = pd.DataFrame({"feature": ["n_bound", "own", "flat"], "mean_abs_points": [0.01, 0.04, 0.0]})


def audience(**columns):
    rows = {
        "customer_id": ["A", "B", "C"],
        "branch_id": ["N", "N", "S"],
        "manager_id": ["M1", None, "M2"],
        "tier": ["gold", "ordinary", "platinum"],
        "product_coverage": [1.0, 1.0, 6.0],
        "by_coverage": ["1", "1", "5+"],
        "by_tier": ["gold", "ordinary", "platinum"],
        "churn_probability": [0.5, 0.98, 1.0],
        "risk_band": ["medium", "high", "high"],
        "value_cny": [1000.0, 100.0, 10.0],
        "at_risk_cny": [500.0, 98.0, 10.0],
        "unnamed": ["", "", ""],
    }
    return pd.DataFrame(rows | columns)


@pytest.fixture
def summarise():
    told = {"next_binding": ["cts", "", ""], "next_product": ["", "fund", ""], "next_binding_effect": [-0.1, NAN, NAN]}
    rows = pd.DataFrame({"customer_id": ["A", "B", "C"], **told})

    def collect(customers=None, *, bindings=(), config=None, scored_on="2026-01-05", branch_id=None, is_seen=False):
        people = audience() if customers is None else customers
        scores = people[["customer_id"]].merge(rows, how="left").assign(churn_probability=0.5, as_of=scored_on)
        pages = Pages(
            customers=people,
            scores=check_scores(scores),
            model=MODEL,
            explanation=Explanation(bindings=tuple(bindings), importance=IMPORTANCE),
            config=config or Config(),
            catalogue=catalogue(config or Config()),
            acts=None,
            is_seen=is_seen,
        )
        return pages.facts(branch_id)

    return collect


def test_headlines_count_customers_and_add_up_what_they_risk(summarise):
    assert summarise().headlines == (
        Headline("customers", 3, "number"),
        Headline("expected_leavers", 2.48, "number"),
        Headline("high_risk", 2, "number"),
        Headline("at_risk_cny", 608.0, "yuan"),
        Headline("product_coverage", pytest.approx(8 / 3), "mean"),
        Headline("vips_at_risk", 1, "number"),
    )


def test_what_is_predicted_today_stands_beside_what_was_judged(summarise):
    first, second, *_, last = summarise().baselines
    assert (first.coverage, first.n, first.stated, first.observed, first.n_now) == ("1", 50, 0.62, 0.6, 2)
    assert first.now == pytest.approx(0.74)
    assert (second.stated, second.n_now, second.now) == (None, 0, None)
    assert (last.coverage, last.stated, last.now) == ("5+", 0.12, 1.0)


def test_the_last_bin_holds_certainty(summarise):
    assert summarise().bins == (Bin(0.48, 0.52, "medium", 1), Bin(0.96, 1.0, "high", 2))


def test_drivers_are_named_by_their_meaning_and_what_moves_nothing_is_left_out(summarise):
    first, second = summarise().drivers
    assert first == Driver(("own", "own"), 0.04)
    assert (say(second.meaning, "en"), second.mean_abs_points) == ("services bound", 0.01)


def test_who_would_take_most_away_comes_first_with_the_next_step(summarise):
    first, second, third = summarise().customers
    assert (first.customer_id, first.next_step, first.binds, first.next_effect) == (
        "A", ("third-party custody (CTS)", "第三方存管"), True, -0.1,
    )  # fmt: skip
    assert (second.customer_id, second.next_step, second.binds, second.next_effect) == (
        "B",
        ("fund", "基金"),
        False,
        None,
    )
    assert (third.next_step, third.manager_id) == (None, "M2")


def test_without_values_the_riskiest_come_first(summarise):
    found = summarise(audience(value_cny=[NAN] * 3, at_risk_cny=[NAN] * 3))
    assert [one.customer_id for one in found.customers] == ["C", "B", "A"]
    assert found.customers[0].value_cny is None
    assert "at_risk_cny" not in {head.key for head in found.headlines}
    assert "values" in found.cannot


def test_a_branch_page_is_of_its_customers_and_the_bank_s_model(summarise):
    found = summarise(branch_id="S")
    assert (found.about.branch_id, found.about.n_scored) == ("S", 1)
    assert [one.customer_id for one in found.customers] == ["C"]
    assert found.baselines[0].n == 50


def test_a_flat_file_says_what_it_cannot_tell(summarise):
    flat = pd.DataFrame(
        {
            "customer_id": ["A", "B"],
            "product_coverage": [NAN, NAN],
            "churn_probability": [0.2, 0.9],
            "risk_band": ["low", "high"],
            "value_cny": [NAN, NAN],
            "at_risk_cny": [NAN, NAN],
            "unnamed": ["", "gone"],
        }
    )
    config = Config(flat=FlatFile(id="id", label="left", churned="1"))
    found = summarise(flat, config=config, scored_on=None)
    assert found.cannot == ("flat_plan", "flat_time", "perhaps_seen", "values", "coverage", "bindings")
    assert (found.day, found.lists, found.working, found.baselines) == (None, (), None, ())
    assert (found.about.is_flat, found.about.date) == (True, None)
    assert [one.customer_id for one in found.customers] == ["A"]
    assert found.unnamed == (("gone", 1),)
    assert (found.about.n_scored, found.headlines[1].value) == (1, 0.2)


def test_nobody_is_named_to_whom_no_score_may_send_a_manager(summarise):
    found = summarise(audience(unnamed=["do_not_contact", "held_out", ""]))
    assert [one.customer_id for one in found.customers] == ["C"]
    assert found.unnamed == (("do_not_contact", 1), ("held_out", 1))
    assert found.headlines[0].value == 3


def test_risks_of_customers_the_model_learned_from_are_said_to_be_those(summarise):
    assert "seen" in summarise(is_seen=True).cannot
    assert "seen" not in summarise().cannot
    assert {bucket.now for bucket in summarise(is_seen=True).baselines} == {None}


@pytest.mark.parametrize(("verdict", "says"), [("cannot_tell", True), ("suggests", False)])
def test_that_no_effect_can_be_told_is_said_once(summarise, verdict, says):
    found = summarise(bindings=[binding_row("cts", verdict=verdict), binding_row("cash_sweep")])
    assert ("effects" in found.cannot) is says
    assert "bindings" not in found.cannot


def test_a_page_names_no_more_customers_than_it_has_room_for(summarise):
    n = MOST_CUSTOMERS + 5
    many = audience().iloc[[0] * n].assign(customer_id=[f"C{number}" for number in range(n)])
    assert len(summarise(many).customers) == MOST_CUSTOMERS


def test_a_branch_whose_customers_are_all_held_out_has_a_page_that_names_nobody(summarise):
    facts = summarise(audience(unnamed=["", "", "held_out"]), branch_id="S")
    assert (facts.customers, facts.unnamed, facts.about.n_scored) == ((), (("held_out", 1),), 1)
    assert "<!doctype html>" in render_page(facts, "en")
