import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.config import EffectSettings
from churn.estimates import Estimate
from churn.explanation.effects.controls import Control
from churn.explanation.effects.estimates import ServiceEffect
from churn.explanation.effects.observational import Observational
from churn.explanation.effects.randomised import Offer
from churn.explanation.verdict import judge

NOTHING = Estimate(None, None, None)
DEFAULT, MEASURED = EffectSettings(), EffectSettings(assume_measured=True)  # worthwhile: 3 points
CONTROLS = ("placebo", "outcome", "treatment")


def between(low, high):
    return Estimate((low + high) / 2, low, high)


def offered(late):
    offer = Offer(Estimate(-0.5, -0.6, -0.4), late, Estimate(0.6, 0.5, 0.7), 400)
    return ServiceEffect("cts", NOTHING, None, (), offer, {})


def recorded(atu, bounds, overlap=1.0, failed=()):
    controls = tuple(Control(kind, NOTHING, passed=kind not in failed) for kind in CONTROLS)
    found = Observational(between(-0.9, -0.8), atu, *bounds, 0.1, overlap, 1000, 500)
    return ServiceEffect("cts", NOTHING, found, controls, None, {})


def said(effect, settings=DEFAULT):
    found = judge(effect, settings)
    return found.verdict, found.evidence, found.reason


@pytest.mark.parametrize(
    ("low", "high", "verdict", "reason"),
    [
        (-0.09, -0.03, "cuts", "clear"),
        (-0.02, -0.001, "cuts", "clear"),  # below zero, however small
        (-0.09, 0.0, "cannot_tell", "interval"),
        (-0.09, 0.02, "cannot_tell", "interval"),
        (-0.029, 0.029, "no_effect", "clear"),
        (-0.029, 0.0, "no_effect", "clear"),
        (0.0, 0.029, "no_effect", "clear"),
        (0.0, 0.0, "no_effect", "clear"),
        (-0.03, 0.029, "cannot_tell", "interval"),
        (-0.029, 0.03, "cannot_tell", "interval"),
        (0.0, 0.09, "cannot_tell", "interval"),
        (0.001, 0.02, "raises", "clear"),
        (0.03, 0.09, "raises", "clear"),
    ],
)
@pytest.mark.parametrize("settings", [DEFAULT, MEASURED])
def test_randomised_offer_is_judged_by_its_effect_on_those_who_took_it(low, high, verdict, reason, settings):
    assert said(offered(between(low, high)), settings) == (verdict, "randomised", reason)


def test_offer_whose_effect_on_takers_is_withheld_tells_nothing():
    assert said(offered(NOTHING)) == ("cannot_tell", "randomised", "interval")


@pytest.mark.parametrize("late", [between(-0.09, -0.03), between(-0.2, 0.2), NOTHING])
def test_randomised_offer_leads_whatever_the_records_say(late):
    alone, both = offered(late), recorded(between(0.1, 0.2), (0.05, 0.3), failed=("placebo",))
    together = ServiceEffect("cts", NOTHING, both.observational, both.controls, alone.offer, {})
    assert judge(together, DEFAULT) == judge(alone, DEFAULT)
    assert judge(together, DEFAULT).effect == late


@pytest.mark.parametrize(
    ("atu", "bounds", "verdict", "reason"),
    [
        ((-0.09, -0.05), (-0.12, -0.01), "suggests", "clear"),
        ((-0.09, -0.05), (-0.12, 0.0), "cannot_tell", "bounds"),
        ((-0.09, -0.05), (-0.12, 0.01), "cannot_tell", "bounds"),
        ((-0.09, 0.0), (-0.12, 0.01), "cannot_tell", "interval"),
        ((0.0, 0.09), (-0.12, 0.12), "cannot_tell", "interval"),
        ((-0.09, 0.01), (-0.12, 0.04), "cannot_tell", "interval"),
        ((-0.01, 0.01), (-0.029, 0.029), "no_effect", "clear"),
        ((-0.01, 0.01), (-0.03, 0.029), "cannot_tell", "interval"),
        ((-0.01, 0.01), (-0.029, 0.03), "cannot_tell", "interval"),
        ((0.05, 0.09), (-0.01, 0.12), "cannot_tell", "bounds"),
        ((0.05, 0.09), (0.0, 0.12), "cannot_tell", "bounds"),
        ((0.05, 0.09), (0.01, 0.12), "raises", "clear"),
    ],
)
def test_records_alone_are_judged_by_their_bounds(atu, bounds, verdict, reason):
    assert said(recorded(between(*atu), bounds)) == (verdict, "observational", reason)


@pytest.mark.parametrize(
    ("atu", "verdict", "reason"),
    [
        ((-0.09, -0.05), "suggests", "clear"),
        ((-0.02, -0.001), "suggests", "clear"),
        ((-0.09, 0.0), "cannot_tell", "interval"),
        ((-0.029, 0.029), "no_effect", "clear"),
        ((-0.03, 0.029), "cannot_tell", "interval"),
        ((0.0, 0.09), "cannot_tell", "interval"),
        ((0.05, 0.09), "raises", "clear"),
    ],
)
def test_records_are_judged_by_their_interval_where_the_bank_states_that_all_is_measured(atu, verdict, reason):
    assert said(recorded(between(*atu), (-0.5, 0.5)), MEASURED) == (verdict, "observational", reason)


@pytest.mark.parametrize("settings", [DEFAULT, MEASURED])
@pytest.mark.parametrize("atu", [(-0.09, -0.05), (-0.01, 0.01), (0.05, 0.09)])
@pytest.mark.parametrize("failed", [(kind,) for kind in CONTROLS] + [CONTROLS])
def test_one_failed_control_is_enough_to_tell_nothing(settings, atu, failed):
    found = recorded(between(*atu), atu, failed=failed)
    assert said(found, settings) == ("cannot_tell", "observational", "control")


@pytest.mark.parametrize(("overlap", "verdict"), [(0.5, "suggests"), (0.499, "cannot_tell"), (0.0, "cannot_tell")])
@pytest.mark.parametrize("settings", [DEFAULT, MEASURED])
def test_half_of_the_customers_must_be_like_others(overlap, verdict, settings):
    found = judge(recorded(between(-0.09, -0.05), (-0.12, -0.01), overlap), settings)
    assert (found.verdict, found.reason) == (verdict, "clear" if overlap >= 0.5 else "overlap")


def test_thin_overlap_is_named_before_a_failed_control():
    effect = recorded(between(-0.09, -0.05), (-0.12, -0.01), 0.3, CONTROLS)
    assert said(effect) == ("cannot_tell", "observational", "overlap")


@pytest.mark.parametrize(
    ("ran", "verdict", "reason"),
    [
        ((), "cannot_tell", "untested"),
        (("placebo",), "cannot_tell", "untested"),
        (("placebo", "outcome"), "suggests", "clear"),
        (("placebo", "treatment"), "suggests", "clear"),
    ],
)
@pytest.mark.parametrize("settings", [DEFAULT, MEASURED])
def test_records_are_believed_only_with_a_negative_control_beside_the_placebo(ran, verdict, reason, settings):
    controls = tuple(Control(kind, NOTHING, passed=True) for kind in ran)
    found = recorded(between(-0.09, -0.05), (-0.12, -0.01)).observational
    assert said(ServiceEffect("cts", NOTHING, found, controls, None, {}), settings) == (
        verdict,
        "observational",
        reason,
    )


def test_too_few_alike_is_told_from_too_few_at_all():
    effect = ServiceEffect("cts", NOTHING, None, (), None, {}, n_eligible=900, n_bound=400, overlap_share=0.1)
    assert said(effect) == ("cannot_tell", "none", "overlap")


def test_nothing_known_is_said_to_be_nothing():
    nothing = ServiceEffect("cts", between(-0.3, -0.2), None, (), None, {})
    assert said(nothing) == ("cannot_tell", "none", "no_evidence")
    assert judge(nothing, MEASURED).effect == NOTHING


def test_what_is_worth_a_manager_s_time_is_the_bank_s_to_say():
    effect = offered(between(-0.04, 0.04))
    assert said(effect)[0] == "cannot_tell"
    assert said(effect, EffectSettings(worthwhile=0.05))[0] == "no_effect"


def test_effect_shown_is_that_of_the_evidence_that_decides():
    assert judge(offered(between(-0.09, -0.03)), DEFAULT).effect == between(-0.09, -0.03)
    assert judge(recorded(between(-0.09, -0.05), (-0.12, -0.01)), DEFAULT).effect == between(-0.09, -0.05)


numbers = st.floats(-1, 1)


@given(
    ends=st.tuples(numbers, numbers, numbers, numbers),
    overlap=st.floats(0, 1),
    failed=st.sets(st.sampled_from(CONTROLS)),
    settings_of=st.builds(
        EffectSettings,
        assume_measured=st.booleans(),
        cf_y=st.floats(0, 0.99),
        cf_d=st.floats(0, 0.99),
        worthwhile=st.floats(0.001, 0.5),
    ),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_records_alone_never_say_that_binding_cuts_churn(ends, overlap, failed, settings_of):
    low, inner_low, inner_high, high = np.sort(ends).tolist()
    effect = recorded(between(inner_low, inner_high), (low, high), overlap, failed)
    found = judge(effect, settings_of)
    assert found.verdict != "cuts"
    assert found.evidence == "observational"
    if found.verdict == "suggests":
        assert inner_high < 0
        assert high < 0 or settings_of.assume_measured
        assert overlap >= 0.5
        assert not failed
    if found.verdict == "raises":
        assert inner_low > 0
