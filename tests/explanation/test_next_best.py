import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn.config import Config, EffectSettings
from churn.errors import ModelError
from churn.estimates import Estimate
from churn.explanation.effects import BANDS, ServiceEffect
from churn.explanation.effects.randomised import RandomisedOffer
from churn.explanation.next_best import add_shifts, build_advice, find_next_steps, moved, solve_shift
from churn.features.catalogue import catalogue
from churn.features.feature import own_features
from churn.model.documents import Advice, Effects

CONFIG = Config()
KNOWN = catalogue(CONFIG)
SERVICES = list(CONFIG.services)
NOTHING = Estimate(None, None, None)
EFFECTS = Path("effects.json")


def advice(service, verdict, effect=None, bands=None):
    low, high = (None, None) if effect is None else (effect - 0.01, effect + 0.01)
    known = {"evidence": "randomised", "effect": effect, "low": low, "high": high}
    return Advice(service=service, verdict=verdict, bands=bands or {}, **known)


def customer(*, holds=(), bound=(), class_1=1, coverage=3.0):
    """One customer's features: products held, services bound."""
    return (
        {f"holds_{product}": float(product in holds) for product in CONFIG.products}
        | {f"bound_{service}": float(service in bound) for service in CONFIG.services}
        | {"has_class_1_account": float(class_1), "product_coverage": coverage}
    )


def step(*given, customers=None, probability=0.5, config=CONFIG):
    """What is told the first customer."""
    features = pd.DataFrame(customers)
    found = find_next_steps(features, np.full(len(features), probability), given, catalogue(config))
    effect = None if np.isnan(found.effect[0]) else found.effect[0]
    return found.binding[0], effect, found.product[0]


EVERYTHING = customer(holds=CONFIG.products)


@pytest.mark.parametrize(
    ("given", "binding", "effect"),
    [
        ([], "online_banking", None),
        ([("cts", "cuts", -0.1)], "cts", -0.1),
        ([("cts", "suggests", -0.1)], "cts", -0.1),
        ([("cts", "cuts", -0.1), ("mobile_banking", "suggests", -0.2)], "mobile_banking", -0.2),
        # ties go to the stickier one, and so does less than a tenth of a point
        ([("cts", "cuts", -0.1), ("fund_trading", "cuts", -0.1)], "fund_trading", -0.1),
        ([("cts", "cuts", -0.1004), ("fund_trading", "cuts", -0.1)], "fund_trading", -0.1),
        ([("cts", "cuts", -0.1016), ("fund_trading", "cuts", -0.1)], "cts", -0.1016),
        # after offers what is expected decides, claimed or not; and no effect is told that is not claimed
        ([("cts", "cannot_tell", -0.3)], "cts", None),
        ([("cts", "cannot_tell", -0.3), ("fund_trading", "cuts", -0.2)], "cts", None),
        ([("cts", "cannot_tell", -0.1), ("fund_trading", "cuts", -0.2)], "fund_trading", -0.2),
        ([("cts", "no_effect", -0.02), ("online_banking", "no_effect", 0.0)], "cts", None),
        ([("online_banking", "cannot_tell", 0.02)], "mobile_banking", None),
        # what raises is passed over, in favour of what claims nothing
        ([("online_banking", "raises", 0.1)], "mobile_banking", None),
        ([("online_banking", "raises", 0.1), ("mobile_banking", "raises", 0.1)], "fund_trading", None),
    ],
)
def test_the_largest_claimed_fall_comes_first(given, binding, effect):
    found = step(*(advice(*one) for one in given), customers=[EVERYTHING])

    assert found == (binding, effect, None)


def test_the_order_of_stickiness_is_that_of_the_practice_and_then_the_catalogues():
    order, bound = [], ()
    while (found := step(customers=[customer(holds=CONFIG.products, bound=bound)])[0]) is not None:
        order.append(found)
        bound = (*bound, found)

    assert order == [
        *("online_banking", "mobile_banking", "fund_trading", "cts", "cash_sweep"),
        *("credit_card_repayment", "mortgage_repayment", "wealth_management"),
    ]


def test_a_service_needs_its_product_and_is_not_named_twice():
    claims = [advice("cts", "cuts", -0.3), advice("fund_trading", "cuts", -0.2)]

    assert step(*claims, customers=[customer(holds=["fund"])])[0] == "fund_trading"
    assert step(*claims, customers=[customer(holds=["fund", "cts"])])[0] == "cts"
    assert step(*claims, customers=[customer(holds=["fund", "cts"], bound=["cts"])])[0] == "fund_trading"


def test_where_every_service_raises_none_is_named():
    raising = [advice(service, "raises", 0.1) for service in SERVICES]

    assert step(*raising, customers=[EVERYTHING]) == (None, None, None)
    assert step(*raising, customers=[customer(holds=["fund"])]) == (None, None, "online_banking")


def test_an_effect_is_never_larger_than_the_customers_own_risk():
    claim = advice("cts", "cuts", -0.3)

    assert step(claim, customers=[EVERYTHING], probability=0.12)[:2] == ("cts", -0.12)
    assert step(claim, customers=[EVERYTHING], probability=0.31)[:2] == ("cts", -0.3)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("effect", [-0.2, -0.02, 0.05])
def test_a_shift_of_the_log_odds_has_the_mean_effect_and_takes_no_more_than_the_risk(seed, effect):
    rng = np.random.default_rng(seed)
    risk = np.r_[0.0, 1.0, rng.beta(1, 2, 500)]
    found = moved(risk, solve_shift(risk, effect))

    assert found.mean() == pytest.approx(effect)
    assert (found[:2] == 0).all()
    assert ((risk + found >= 0) & (risk + found <= 1)).all()
    assert (np.sign(found[2:]) == np.sign(effect)).all()
    assert abs(found[np.argmin(abs(risk - 0.5))]) > 1.5 * abs(found[np.argmin(abs(risk - 0.03))])


@pytest.mark.parametrize(("effect", "taken"), [(-0.5, -0.3), (0.9, 0.7)])
def test_no_shift_takes_away_or_adds_more_than_there_is(effect, taken):
    risk = np.array([0.1, 0.5])
    assert moved(risk, solve_shift(risk, effect)).mean() == pytest.approx(taken)


@pytest.mark.parametrize("seed", range(3))
def test_effects_of_customers_sum_to_the_estimates_over_those_who_could_bind(seed):
    rng = np.random.default_rng(seed)
    rows = [
        customer(holds=CONFIG.products, bound=["cts"] * int(rng.random() < 0.4), coverage=float(rng.integers(1, 9)))
        for _ in range(400)
    ]
    features, risk = pd.DataFrame(rows), rng.beta(1, 2, 400)
    bands = {"1-2": Estimate(-0.2, -0.3, -0.1), "3-4": Estimate(-0.1, -0.2, 0.0), "5+": Estimate(-0.01, -0.02, 0.0)}
    late = Estimate(-0.1, -0.12, -0.08)
    offer = RandomisedOffer(Estimate(-0.1, -0.2, 0.0), late, Estimate(0.6, 0.5, 0.7), 400)
    could, held = (features["bound_cts"] == 0).to_numpy(), features["product_coverage"].to_numpy()
    for by_band in ({}, bands):
        effect = ServiceEffect("cts", offer=offer, expected=late, bands=by_band)
        (given,) = add_shifts(build_advice([effect], EffectSettings()), [effect], features, risk, KNOWN)
        found = find_next_steps(features, risk, [given], KNOWN)
        groups = {"all": (late, could)} if not by_band else {
            name: (bands[name], could & (held >= low) & (held <= high)) for name, low, high in BANDS
        }  # fmt: skip
        for estimate, group in groups.values():
            assert set(found.binding[group]) == {"cts"}
            assert set(found.basis[group]) == {"randomised"}
            means = [part[group].mean() for part in (found.effect, found.low, found.high)]
            assert means == pytest.approx(list(estimate), abs=1e-9)
        assert not set(found.basis[~could]) - {"prior", None}


def test_who_has_a_low_risk_is_told_the_same_service_as_who_has_a_high_one():
    claims = [advice("cts", "cuts", -0.2), advice("fund_trading", "cuts", -0.1)]

    for risk in (0.9, 0.1, 0.001):
        assert step(*claims, customers=[EVERYTHING], probability=risk)[0] == "cts"


def test_effects_differ_by_products_held():
    claim = advice("cts", "cuts", -0.2, {"1-2": -0.4, "3-4": -0.2, "5+": -0.05})
    coverage = [1.0, 2.0, 3.0, 4.0, 5.0, 12.0, np.nan]
    rows = [customer(holds=["cts"], coverage=products) for products in coverage]
    found = find_next_steps(pd.DataFrame(rows), np.full(7, 0.9), [claim], KNOWN)

    # Where it is not known how many are held, the average serves.
    np.testing.assert_array_equal(found.effect, [-0.4, -0.4, -0.2, -0.2, -0.05, -0.05, -0.2])


def test_a_service_that_raises_the_risk_of_those_who_hold_as_many_products_is_not_named_to_them():
    claim = advice("cts", "cuts", -0.1, {"1-2": 0.05, "3-4": -0.1, "5+": -0.3})
    few, more = customer(holds=["cts"], coverage=2.0), customer(holds=["cts"], coverage=3.0)

    assert step(claim, customers=[few]) == (None, None, "online_banking")
    assert step(claim, customers=[more]) == ("cts", -0.1, None)


@pytest.mark.parametrize(
    ("holds", "product"),
    [
        ([], "online_banking"),
        (["debit_card"], "online_banking"),
        (["debit_card", "time_deposit", "insurance"], "online_banking"),
    ],
)
def test_where_no_service_can_be_bound_a_product_is_named(holds, product):
    assert step(customers=[customer(holds=holds)]) == (None, None, product)


def test_products_are_opened_in_order_and_a_second_class_1_account_never():
    order, holds = [], ()
    while True:
        everything_bound = customer(holds=holds, bound=SERVICES)
        _, _, product = step(customers=[everything_bound])
        if product is None:
            break
        order.append(product)
        holds = (*holds, product)

    assert order[:4] == ["online_banking", "mobile_banking", "fund_plan", "cts"]
    assert "debit_card" not in order
    assert sorted(order) == sorted(set(CONFIG.products) - {"debit_card"})


def test_who_has_no_class_1_account_opens_that_before_anything_is_bound():
    without, other = customer(holds=["cts", "debit_card"], class_1=0), customer(holds=["debit_card"])

    assert step(advice("cts", "cuts", -0.3), customers=[without, other]) == (None, None, "debit_card")


def test_where_the_tables_know_no_account_classes_nobody_lacks_one():
    known_of_nobody = customer(holds=["cts", "debit_card"], class_1=0)
    unknown = {name: value for name, value in known_of_nobody.items() if name != "has_class_1_account"}

    assert step(customers=[known_of_nobody])[0] == "cts"
    assert step(customers=[unknown])[0] == "cts"


def test_one_customer_alone_is_told_what_the_whole_bank_knows_of_classes():
    one = pd.DataFrame([customer(holds=["cts", "debit_card"], class_1=0)])
    steps = {
        known: find_next_steps(one, np.array([0.5]), [], KNOWN, classes_known=known) for known in (True, False, None)
    }

    assert (steps[True].binding[0], steps[True].product[0]) == (None, "debit_card")
    assert steps[False].binding[0] == steps[None].binding[0] == "cts"


def test_who_holds_and_bound_everything_has_no_next_step():
    assert step(customers=[customer(holds=CONFIG.products, bound=SERVICES)]) == (None, None, None)


def test_a_bank_without_bindings_is_told_products_only():
    known = {name: value for name, value in customer(holds=["debit_card"]).items() if not name.startswith("bound_")}

    assert step(customers=[known]) == (None, None, "online_banking")


def test_a_banks_own_service_is_named_after_the_sticky_ones():
    config = Config.model_validate(
        {
            "products": {"loan": {"en": "loan", "zh": "贷款", "coverage": True, "sticky": True}},
            "services": {"loan_repayment": {"product": "loan", "en": "loan repayment", "zh": "贷款还款"}},
        }
    )
    mine = customer(holds=["cts"]) | {"holds_loan": 1.0, "bound_loan_repayment": 0.0}

    assert step(customers=[mine], config=config)[0] == "cts"
    assert step(customers=[mine | {"bound_cts": 1.0}], config=config)[0] == "loan_repayment"


def test_nobody_has_no_next_step():
    found = find_next_steps(pd.DataFrame([EVERYTHING])[:0], np.empty(0), [], KNOWN)

    assert [len(part) for part in found] == [0] * 6


def flat_step(*given, **bindings):
    features = pd.DataFrame({name: [value] for name, value in bindings.items()})
    known = own_features(bindings, [name for name in ("app", "card") if name in bindings])
    found = find_next_steps(features, np.array([0.4]), given, known)
    return found.binding[0], None if np.isnan(found.effect[0]) else found.effect[0], found.product[0]


@pytest.mark.parametrize(
    ("given", "bindings", "expected"),
    [
        ([("app", "cuts", -0.1), ("card", "cuts", -0.2)], {"app": 0.0, "card": 0.0}, ("card", -0.2)),
        ([("app", "cuts", -0.1), ("card", "cuts", -0.2)], {"app": 0.0, "card": 1.0}, ("app", -0.1)),
        ([("app", "cannot_tell", -0.1), ("card", "no_effect", 0.0)], {"app": 0.0, "card": 0.0}, ("app", None)),
        ([("app", "raises", 0.1), ("card", "cannot_tell", None)], {"app": 0.0, "card": 0.0}, ("card", None)),
        ([("app", "raises", 0.1)], {"app": 0.0}, (None, None)),
        ([("app", "cuts", -0.1)], {"app": np.nan}, (None, None)),
        ([("app", "cuts", -0.9)], {"app": 0.0}, ("app", -0.4)),
        ([], {"age": 40.0}, (None, None)),
    ],
)
def test_of_a_flat_file_its_binding_columns_at_0_are_named(given, bindings, expected):
    assert flat_step(*(advice(*one) for one in given), **bindings) == (*expected, None)


def test_advice_comes_back_from_json_as_it_was():
    claim = advice("cts", "cuts", -0.1, {"1-2": -0.2, "3-4": -0.1, "5+": 0.0})
    given = [claim.model_copy(update={"shifts": {"all": (-0.5, -0.7, -0.3)}}), advice("app", "cannot_tell")]
    effects = Effects(as_of=dt.date(2025, 1, 1), services=tuple(given))
    document = effects.to_json()

    assert document["as_of"] == "2025-01-01"
    assert Effects.from_json(EFFECTS, json.dumps(document)) == effects
    assert Effects(as_of=None, services=()).to_json() == {"as_of": None, "services": []}


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"services": None},
        {"services": [{}]},
        {"services": ["cts"]},
        {"services": [{"service": "cts", "verdict": "cuts"}]},
        {"services": [advice("cts", "cuts", -0.1).to_json() | {"colour": "red"}]},
        {"services": [advice("cts", "cuts", -0.1).to_json() | {"effect": "-0.1"}]},
    ],
)
def test_damaged_advice_is_a_model_error(damaged):
    with pytest.raises(ModelError, match=r"effects\.json"):
        Effects.from_json(EFFECTS, json.dumps({"as_of": None} | damaged))


def test_advice_is_what_may_be_claimed():
    late = Estimate(-0.15, -0.2, -0.1)
    offer = RandomisedOffer(Estimate(-0.1, -0.2, 0.0), late, Estimate(0.6, 0.5, 0.7), 400)
    bands = {"1-2": Estimate(-0.3, -0.4, -0.2), "3-4": Estimate(-0.1, -0.2, 0.0), "5+": NOTHING}
    effects = [
        ServiceEffect("cts", offer=offer, expected=late, bands=bands),
        ServiceEffect("cash_sweep"),
    ]

    assert build_advice(effects, EffectSettings()) == (
        Advice(
            service="cts", verdict="cuts", evidence="randomised", effect=-0.15, low=-0.2, high=-0.1,
            bands={"1-2": -0.3, "3-4": -0.1},
        ),
        Advice(
            service="cash_sweep", verdict="cannot_tell", evidence="none", effect=None, low=None, high=None, bands={}
        ),
    )  # fmt: skip
