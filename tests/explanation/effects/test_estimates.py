import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from churn.config import Config, EffectSettings, FlatFile, Product, Service
from churn.evidence import Evidence, undated_evidence
from churn.explanation.effects import estimate_effects
from churn.explanation.effects.observational import estimate_effect, fit_nuisances
from churn.explanation.verdict import judge
from churn.features.catalogue import catalogue
from churn.features.feature import own_features
from churn.frame import Snapshot

PRODUCTS = {name: Product(en=name, zh=name) for name in ("fund", "gold")}
NO_OFFERS = pd.DataFrame(
    columns=["service", "campaign_id", "wave", "customer_id", "coverage", "offered", "called", "took", "churned"]
)


def config_of(**services):
    """Settings of a bank that has these services alone, each with the product it needs."""
    known = {name: Service(product=product, en=name, zh=name) for name, product in services.items()}
    return Config(catalogue={"defaults": False}, products=PRODUCTS, services=known)


def snapshot_of(churned, coverage=None, **bound):
    """Settled customers who hold everything, with two covariates of no meaning and the services given."""
    n = len(churned)
    rng = np.random.default_rng(0)
    columns = {"holds_fund": np.ones(n), "holds_gold": np.ones(n)}
    columns |= {"aum_cny": rng.normal(size=n), "tenure_days": rng.normal(size=n)}
    for name, has in bound.items():
        columns[f"bound_{name}"] = np.asarray(has, dtype=float)
        columns[f"days_since_bound_{name}"] = np.where(has, 400.0, np.nan)
    customer = np.array([f"C{i:05}" for i in range(n)], dtype=object)
    coverage = np.full(n, 2.0) if coverage is None else np.asarray(coverage, dtype=float)
    history = pd.DataFrame({"customer_id": customer, "held_days_fund": 500.0, "held_days_gold": 500.0})
    return Snapshot(dt.date(2025, 1, 1), customer, pd.DataFrame(columns), np.asarray(churned), coverage), history


def ones(*counts):
    """Ones and zeros by count: ones(2, 3) is 1 1 0 0 0."""
    return np.repeat([1 - i % 2 for i in range(len(counts))], counts)


def offers_of(service, *bands):
    """One wave: for each (coverage, n an arm, churned of those offered, churned of the others), all offers taken."""
    rows = [
        pd.DataFrame({"coverage": coverage, "offered": arm, "took": arm, "churned": ones(left, n - left)})
        for coverage, n, *gone in bands
        for arm, left in zip((1, 0), gone, strict=True)
    ]
    frame = pd.concat(rows, ignore_index=True)
    frame["customer_id"] = [f"C{i}" for i in range(len(frame))]
    return frame.assign(service=service, campaign_id="K1", wave="K1", called=0)


def estimate(snapshot, history, config, offers=NO_OFFERS, **more):
    evidence = Evidence(snapshot, history, offers)
    return {e.service: e for e in estimate_effects(evidence, catalogue(config), config.effects, **more)}


def nothing_is_known(effect):
    return effect.raw.value is None and effect.observational is None and effect.offer is None


def test_raw_difference_and_effect_without_confounding_are_those_worked_out_by_hand():
    """Of 300 with the service 20 % leave, of 200 without it 40 %."""
    snapshot, history = snapshot_of(ones(60, 240, 80, 120), x=ones(300, 200))
    found = estimate(snapshot, history, config_of(x="fund"))["x"]
    reach = 1.959964 * np.sqrt(0.2 * 0.8 / 300 + 0.4 * 0.6 / 200)
    assert found.raw == pytest.approx((-0.2, -0.2 - reach, -0.2 + reach), abs=1e-5)
    assert found.observational.atu.low < -0.2 < found.observational.atu.high
    assert (found.observational.n, found.observational.n_bound) == (500, 300)
    assert [control.kind for control in found.controls] == ["placebo"]
    assert found.offer is None
    assert found.bands == {}


def test_service_that_everybody_or_nobody_has_gives_no_estimate_and_no_verdict():
    snapshot, history = snapshot_of(ones(200, 300), everybody=np.ones(500), nobody=np.zeros(500))
    found = estimate(snapshot, history, config_of(everybody="fund", nobody="gold", unheard_of="gold"))
    assert list(found) == ["everybody", "nobody", "unheard_of"]
    for effect in found.values():
        assert nothing_is_known(effect)
        assert (effect.controls, effect.bands) == ((), {})
        judged = judge(effect, EffectSettings())
        assert (judged.verdict, judged.obstacle) == ("cannot_tell", "no_evidence")


@pytest.mark.parametrize(("n_bound", "there"), [(120, True), (99, False), (29, False)])
def test_a_hundred_with_the_service_are_needed(n_bound, there):
    snapshot, history = snapshot_of(np.arange(400) % 2, x=ones(n_bound, 400 - n_bound))
    found = estimate(snapshot, history, config_of(x="fund"))["x"]
    assert (found.observational is not None) == there
    assert bool(found.controls) == there


def test_only_settled_customers_are_compared():
    """Of 300 the product or the service is too young, and all of these left."""
    snapshot, history = snapshot_of(ones(40, 160, 80, 120, 300), x=ones(200, 200, 150, 150))
    snapshot.features.loc[400:549, "days_since_bound_x"] = 90
    history.loc[550:, "held_days_fund"] = 90
    settled, of_settled = snapshot_of(ones(40, 160, 80, 120), x=ones(200, 200))
    whole = estimate(snapshot, history, config_of(x="fund"))["x"].observational
    assert (whole.n, whole.n_bound) == (400, 200)
    alone = estimate(settled, of_settled, config_of(x="fund"))["x"].observational
    assert whole.atu.value == pytest.approx(alone.atu.value, abs=0.03)


def test_offers_of_a_service_count_for_it_alone():
    snapshot, history = snapshot_of(np.arange(300) % 2, x=ones(50, 250), y=ones(50, 250))
    found = estimate(snapshot, history, config_of(x="fund", y="gold"), offers_of("x", (1, 100, 30, 50)))
    assert found["x"].offer.itt.value == pytest.approx(-0.2)
    assert found["x"].offer.n == 200
    assert found["y"].offer is None


def test_offers_are_read_without_any_records():
    """A service whose flag is in no frame; and a snapshot of nobody."""
    nobody = Snapshot(dt.date(2025, 1, 1), np.array([], dtype=object), pd.DataFrame(), None, None)
    found = estimate(nobody, pd.DataFrame(), config_of(x="fund"), offers_of("x", (1, 100, 30, 50)))["x"]
    assert found.offer.late.value == pytest.approx(-0.2)
    assert found.observational is None
    assert judge(found, EffectSettings()).verdict == "cuts"


def arms_apart(n_more):
    """200 offered and 200 not, with 1 or 3 products as even as can be, but for `n_more` of the offered with 3."""
    offers = offers_of("x", (1, 200, 60, 100))
    three = np.where(offers["offered"] == 1, 100 + n_more, 100)
    place = offers.groupby("offered").cumcount()
    return offers.assign(coverage=np.where(place < three, 3, 1))


@pytest.mark.parametrize(("n_more", "used"), [(0, True), (30, True), (45, False)])
def test_offer_whose_arms_held_different_numbers_of_products_before_is_not_used(n_more, used, caplog):
    # a share of 1/2 in arms of 200 each has a standard error of 0.05: 30 and 45 more are 3 and 4.6 of them apart
    snapshot, history = snapshot_of(np.arange(300) % 2, x=ones(50, 250))
    found = estimate(snapshot, history, config_of(x="fund"), arms_apart(n_more))["x"]
    assert (found.offer is not None) == used
    assert ("campaigns: the arms of x held different" in caplog.text) != used
    if not used:
        assert judge(found, EffectSettings()).evidence != "randomised"


def test_an_arm_that_was_only_called_takes_the_call_out_of_the_effect_of_binding():
    """The call keeps 10 of 100 whether they bind or not; binding does nothing, and half of those offered bind."""
    rng = np.random.default_rng(0)
    n = 30_000
    arm = rng.permutation(n) % 3  # control, offered, only called
    took = (arm == 1) & (rng.random(n) < 0.5)
    churned = rng.random(n) < np.where(arm == 0, 0.4, 0.3)
    offers = pd.DataFrame({"service": "x", "campaign_id": "K1", "wave": "K1", "coverage": 2, "took": took.astype(int),
                           "customer_id": np.arange(n), "offered": (arm == 1).astype(int),
                           "called": (arm == 2).astype(int), "churned": churned.astype(int)})  # fmt: skip
    snapshot, history = snapshot_of(np.arange(300) % 2, x=ones(50, 250))
    config = config_of(x="fund")
    apart = estimate(snapshot, history, config, offers)["x"]
    together = estimate(snapshot, history, config, offers[offers["called"] == 0])["x"]

    assert (apart.offer.without_call, together.offer.without_call) == (True, False)
    assert apart.offer.itt == together.offer.itt
    assert together.offer.late.high < -0.15  # a binding that does nothing seems to cut by 20 points
    assert apart.offer.late.low < 0 < apart.offer.late.high
    assert apart.offer.n == n
    assert judge(together, EffectSettings()).verdict == "cuts"
    assert judge(apart, EffectSettings()).verdict != "cuts"
    only_called = estimate(snapshot, history, config, offers[(offers["offered"] == 1) | (offers["called"] == 1)])["x"]
    assert only_called.offer.itt.value is None
    assert only_called.offer.late == apart.offer.late


def test_offer_with_a_small_arm_is_no_evidence():
    snapshot, history = snapshot_of(np.arange(300) % 2, x=ones(50, 250))
    found = estimate(snapshot, history, config_of(x="fund"), offers_of("x", (1, 29, 0, 29)))["x"]
    assert found.offer is None
    assert found.bands == {}


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        ([(1, 200, 20, 100), (3, 200, 60, 100), (5, 200, 100, 100)], {"1-2": -0.4, "3-4": -0.2, "5+": 0.0}),
        ([(2, 200, 20, 100), (4, 200, 60, 100), (9, 200, 100, 100)], {"1-2": -0.4, "3-4": -0.2, "5+": 0.0}),
        # -0.15, -0.1, -0.05 with standard errors of about 0.05: no more than chance
        ([(1, 200, 70, 100), (3, 200, 80, 100), (5, 200, 90, 100)], {}),
        # one band is too small to tell
        ([(1, 200, 20, 100), (3, 29, 6, 14), (5, 200, 100, 100)], {}),
        ([(1, 200, 20, 100), (5, 200, 100, 100)], {}),
    ],
)
def test_bands_of_offers_are_shown_only_where_they_differ_beyond_chance(bands, expected):
    snapshot, history = snapshot_of(np.arange(300) % 2, x=ones(50, 250))
    found = estimate(snapshot, history, config_of(x="fund"), offers_of("x", *bands))["x"].bands
    values = {name: band.value for name, band in found.items()}
    assert values == pytest.approx(expected, abs=0.05)
    if expected:  # drawn towards each other
        assert values["1-2"] > expected["1-2"]
        assert values["5+"] < expected["5+"]


@pytest.mark.parametrize("differ", [True, False])
def test_bands_of_records_are_shown_only_where_they_differ_beyond_chance(differ):
    """Three bands of 400: with the service half as many leave as without, or only where few products are held."""
    coverage = np.repeat([1, 3, 5], 400)
    left_with = (20, 60, 100) if differ else (60, 60, 60)
    churned = np.concatenate([ones(left, 200 - left, 100, 100) for left in left_with])
    snapshot, history = snapshot_of(churned, coverage, x=np.tile(ones(200, 200), 3))
    snapshot.features["product_coverage"] = coverage
    bands = estimate(snapshot, history, config_of(x="fund"))["x"].bands
    assert list(bands) == (["1-2", "3-4", "5+"] if differ else [])
    for band, truth in zip(bands.values(), (-0.4, -0.2, 0.0), strict=False):
        assert band.low < truth < band.high


def test_bands_are_of_the_offers_where_there_are_offers():
    """The records differ from band to band, the offers do not."""
    coverage = np.repeat([1, 3, 5], 400)
    churned = np.concatenate([ones(left, 200 - left, 100, 100) for left in (20, 60, 100)])
    snapshot, history = snapshot_of(churned, coverage, x=np.tile(ones(200, 200), 3))
    offers = offers_of("x", *((band, 200, 60, 100) for band in (1, 3, 5)))
    found = estimate(snapshot, history, config_of(x="fund"), offers)["x"]
    assert found.bands == {}
    assert found.observational is not None


def test_controls_are_run_on_referrals_and_on_those_who_gave_the_service_up():
    rng = np.random.default_rng(1)
    snapshot, history = snapshot_of(rng.integers(0, 2, 600), x=ones(300, 300))
    snapshot.features["n_referred_365d"] = rng.integers(0, 3, 600)
    history["unbound_days_x"] = np.where(np.arange(600) % 3 == 0, 200.0, np.nan)
    found = estimate(snapshot, history, config_of(x="fund"))["x"]
    assert [control.kind for control in found.controls] == ["placebo", "outcome", "treatment"]
    assert all(control.passed for control in found.controls)


def test_confounding_by_what_is_held_equal_is_taken_out():
    rng = np.random.default_rng(2)
    loyal = rng.normal(size=4000)
    bound = (rng.random(4000) < expit(loyal)).astype(int)
    churned = (rng.random(4000) < expit(-loyal)).astype(int)  # binding does nothing
    snapshot, history = snapshot_of(churned, x=bound)
    snapshot.features["aum_cny"] = loyal
    found = estimate(snapshot, history, config_of(x="fund"))["x"]
    assert found.raw.high < -0.15
    assert found.observational.atu.low < 0 < found.observational.atu.high


def test_services_are_told_before_their_turn_and_the_same_seed_gives_the_same_numbers():
    snapshot, history = snapshot_of(np.arange(300) % 2, x=ones(150, 150), y=ones(50, 250))
    told = []
    first, again = (estimate(snapshot, history, config_of(x="fund", y="gold"), on_service=told.append) for _ in "ab")
    assert told == ["x", "y"] * 2
    assert first == again


def test_nothing_given_is_changed():
    snapshot, history = snapshot_of(np.arange(300) % 2, x=ones(150, 150))
    before = snapshot.features.copy(), history.copy(), snapshot.churned.copy()
    estimate(snapshot, history, config_of(x="fund"))
    pd.testing.assert_frame_equal(snapshot.features, before[0])
    pd.testing.assert_frame_equal(history, before[1])
    assert snapshot.churned.tolist() == before[2].tolist()


FLAT = FlatFile(id="id", label="left", churned="1", bindings=("online", "card"), drop=("note",))


def flat_of(columns, churned, coverage=None):
    names = np.array([f"C{i}" for i in range(len(churned))], dtype=object)
    return Snapshot(None, names, pd.DataFrame(columns), np.asarray(churned), coverage)


def flat_effects(snapshot, flat=FLAT):
    known = own_features([name for name in snapshot.features if name not in flat.drop], flat.bindings)
    found = estimate_effects(undated_evidence(snapshot), known, EffectSettings())
    return {effect.service: effect for effect in found}


def test_flat_file_compares_those_with_a_0_or_1_by_every_other_column():
    """400 of 450 customers say whether they are online: of 200 that are 20 % left, of 200 that are not, 50 %."""
    rng = np.random.default_rng(3)
    online = np.r_[ones(200, 200), np.full(50, np.nan)]
    columns = {
        "online": online,
        "age": rng.normal(size=450),
        "region": pd.Categorical(rng.choice(["north", "south"], 450)),
        "note": rng.normal(size=450),
        "card": rng.integers(0, 2, 450).astype(float),
    }
    found = flat_effects(flat_of(columns, ones(40, 160, 100, 150)))
    assert list(found) == ["online", "card"]
    one = found["online"]
    assert one.raw.value == pytest.approx(-0.3)
    assert (one.observational.n, one.observational.n_bound) == (400, 200)
    assert one.observational.atu.low < -0.3 < one.observational.atu.high
    assert one.offer is None
    assert [control.kind for control in one.controls] == ["placebo"]
    assert found["card"].observational.n == 450


def test_flat_file_without_any_other_column_gives_the_difference_in_means():
    only = FlatFile(id="id", label="left", churned="1", bindings=("online",))
    found = flat_effects(flat_of({"online": ones(200, 200)}, ones(40, 160, 100, 100)), only)["online"]
    assert found.observational.atu.value == pytest.approx(-0.3, abs=0.01)
    assert found.bands == {}


def test_flat_file_does_not_learn_from_a_column_it_drops():
    columns = {"online": ones(200, 200), "card": np.arange(400) % 2, "age": np.random.default_rng(5).normal(size=400)}
    churned = ones(40, 160, 100, 100)
    telling = flat_of(columns | {"note": churned}, churned)
    assert flat_effects(telling) == flat_effects(flat_of(columns, churned))


def test_flat_file_to_be_scored_has_no_outcome_and_no_effect():
    columns = {"online": ones(200, 200), "card": ones(100, 300)}
    unlabelled = Snapshot(None, np.arange(400).astype(object), pd.DataFrame(columns), None, None)
    assert all(nothing_is_known(effect) for effect in flat_effects(unlabelled).values())


def test_settings_of_the_bank_set_the_bounds():
    snapshot, history = snapshot_of(ones(60, 240, 80, 120), x=ones(300, 200))
    widths = []
    for cf_d in (0.05, 0.5):
        config = config_of(x="fund").model_copy(update={"effects": EffectSettings(cf_y=0.1, cf_d=cf_d)})
        found = estimate(snapshot, history, config)["x"].observational
        widths.append(found.bound_high - found.bound_low)
    assert widths[0] < widths[1]


def test_estimate_is_that_of_the_estimator_on_the_same_columns():
    snapshot, history = snapshot_of(ones(60, 240, 80, 120), x=ones(300, 200))
    found = estimate(snapshot, history, config_of(x="fund"), seed=4)["x"].observational
    # in the catalogue's order
    columns = snapshot.features[["holds_fund", "holds_gold", "aum_cny", "tenure_days"]].to_numpy()
    bound = snapshot.features["bound_x"].to_numpy(dtype=np.int64)
    learnt = fit_nuisances(columns, bound, snapshot.churned, seed=4)
    assert found == estimate_effect(bound, snapshot.churned, learnt, cf_y=0.03, cf_d=0.15)
