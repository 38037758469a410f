import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.config import EffectSettings
from churn.estimates import UNKNOWN, Estimate
from churn.explanation.effects import ServiceEffect
from churn.explanation.effects.observational import Control, Observational
from churn.explanation.effects.randomised import RandomisedOffer
from churn.explanation.verdict import explain_verdict, judge
from churn.speech import Name, say

DEFAULT, MEASURED = EffectSettings(), EffectSettings(assume_measured=True)  # worthwhile: 3 points
NAME = Name("funds", "基金")
LOWER, HIGHER = Estimate(-0.21, -0.25, -0.17), Estimate(0.1, 0.05, 0.15)  # churn of those who have it, plainly
STATEMENT = " This rests on the bank's statement that whatever drives binding is in its data."
CONTROLS = ("placebo", "outcome", "treatment")


def between(low, high):
    return Estimate((low + high) / 2, low, high)


def offered(late, raw=UNKNOWN):
    offer = RandomisedOffer(Estimate(-0.5, -0.6, -0.4), late, Estimate(0.6, 0.5, 0.7), 400)
    return ServiceEffect("cts", raw, offer=offer, expected=late)


def recorded(atu, bounds, raw=UNKNOWN, overlap=1.0, failed=()):
    controls = tuple(Control(kind, UNKNOWN, passed=kind not in failed) for kind in CONTROLS)
    found = Observational(between(-0.9, -0.8), atu, *bounds, 0.084, overlap, 1000, 500)
    return ServiceEffect("cts", raw, found, controls)


def said(effect, settings=DEFAULT):
    found = judge(effect, settings)
    return found.verdict, found.evidence, found.obstacle


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
    assert said(offered(UNKNOWN)) == ("cannot_tell", "randomised", "interval")


@pytest.mark.parametrize("late", [between(-0.09, -0.03), between(-0.2, 0.2), UNKNOWN])
def test_randomised_offer_leads_whatever_the_records_say(late):
    alone, both = offered(late), recorded(between(0.1, 0.2), (0.05, 0.3), failed=("placebo",))
    together = ServiceEffect("cts", UNKNOWN, both.observational, both.controls, alone.offer, late)
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
    found = judge(recorded(between(-0.09, -0.05), (-0.12, -0.01), overlap=overlap), settings)
    assert (found.verdict, found.obstacle) == (verdict, "clear" if overlap >= 0.5 else "overlap")


def test_thin_overlap_is_named_before_a_failed_control():
    effect = recorded(between(-0.09, -0.05), (-0.12, -0.01), overlap=0.3, failed=CONTROLS)
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
    controls = tuple(Control(kind, UNKNOWN, passed=True) for kind in ran)
    found = recorded(between(-0.09, -0.05), (-0.12, -0.01)).observational
    assert said(ServiceEffect("cts", UNKNOWN, found, controls), settings) == (
        verdict,
        "observational",
        reason,
    )


def test_too_few_alike_is_told_from_too_few_at_all():
    effect = ServiceEffect("cts", n_eligible=900, n_bound=400, overlap_share=0.1)
    assert said(effect) == ("cannot_tell", "none", "overlap")


def test_nothing_known_is_said_to_be_nothing():
    nothing = ServiceEffect("cts", between(-0.3, -0.2))
    assert said(nothing) == ("cannot_tell", "none", "no_evidence")
    assert judge(nothing, MEASURED).effect == UNKNOWN


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
    effect = recorded(between(inner_low, inner_high), (low, high), overlap=overlap, failed=failed)
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


SUGGESTS = recorded(Estimate(-0.071, -0.09, -0.05), (-0.12, -0.01))
SMALL = recorded(Estimate(-0.001, -0.0123, 0.0104), (-0.02, 0.02), LOWER)
CASES = {
    "cuts": (
        offered(Estimate(-0.062, -0.091, -0.033)),
        DEFAULT,
        "binding it cuts churn by about 6 points (randomised offers; between −9.1 and −3.3).",
    ),
    "cuts by less than a point": (
        offered(Estimate(-0.0062, -0.0091, -0.0033)),
        DEFAULT,
        "binding it cuts churn by about 0.6 points (randomised offers; between −0.9 and −0.3).",
    ),
    "raises": (
        offered(Estimate(0.062, 0.033, 0.091)),
        DEFAULT,
        "binding it raises churn by about 6 points (randomised offers; between +3.3 and +9.1).",
    ),
    "no effect": (
        offered(Estimate(0.001, -0.02, 0.022), LOWER),
        DEFAULT,
        (
            "goes with lower churn (by 21 points), but the effect of binding is too small to matter"
            " (between −2.0 and +2.2 points)."
        ),
    ),
    "no effect, and raw numbers that promise nothing": (
        offered(Estimate(0.001, -0.02, 0.022), HIGHER),
        DEFAULT,
        "the effect of binding is too small to matter (between −2.0 and +2.2 points).",
    ),
    "offer too small": (
        offered(Estimate(-0.03, -0.08, 0.02), LOWER),
        DEFAULT,
        (
            "goes with lower churn (by 21 points), but these data cannot say whether binding would lower churn:"
            " the effect lies anywhere between −8.0 and +2.0 points."
        ),
    ),
    "offer that nobody took": (
        offered(UNKNOWN),
        DEFAULT,
        "these data cannot say whether binding would lower churn: too few customers accepted the offer.",
    ),
    "suggests": (
        SUGGESTS,
        DEFAULT,
        (
            "the data point to about 7 points less churn; a hidden driver as strong as 8.4\u202f% of what"
            " is unexplained in both binding and churn would explain it away."
        ),
    ),
    "suggests by the bank's word": (
        SUGGESTS,
        MEASURED,
        "the data point to about 7 points less churn; a hidden driver as strong as 8.4\u202f% of what"
        " is unexplained in both binding and churn would explain it away." + STATEMENT,
    ),
    "records raise": (
        recorded(Estimate(0.071, 0.05, 0.09), (0.01, 0.12)),
        DEFAULT,
        (
            "the data point to about 7 points more churn; a hidden driver as strong as 8.4\u202f% of what"
            " is unexplained in both binding and churn would explain it away."
        ),
    ),
    "records show none": (
        SMALL,
        DEFAULT,
        (
            "goes with lower churn (by 21 points), but the effect of binding is too small to matter"
            " (between −1.2 and +1.0 points)."
        ),
    ),
    "records show none by the bank's word": (
        SMALL,
        MEASURED,
        "goes with lower churn (by 21 points), but the effect of binding is too small to matter"
        " (between −1.2 and +1.0 points)." + STATEMENT,
    ),
    "nothing known": (
        ServiceEffect("fund_trading"),
        DEFAULT,
        "these data cannot say whether binding would lower churn: nobody could bind it.",
    ),
    "overlap": (
        recorded(Estimate(-0.07, -0.09, -0.05), (-0.12, -0.01), overlap=0.4),
        DEFAULT,
        ("these data cannot say whether binding would lower churn: those who have it are unlike those who have not."),
    ),
    "one control": (
        recorded(Estimate(-0.07, -0.09, -0.05), (-0.12, -0.01), failed=("treatment",)),
        DEFAULT,
        (
            "these data cannot say whether binding would lower churn: the same comparison finds an effect"
            " where there is none (customers who unbound it long ago)."
        ),
    ),
    "two controls": (
        recorded(Estimate(-0.07, -0.09, -0.05), (-0.12, -0.01), failed=("placebo", "outcome")),
        DEFAULT,
        (
            "these data cannot say whether binding would lower churn: the same comparison finds an effect"
            " where there is none (placebo service assigned at random and customers who referred others)."
        ),
    ),
    "bounds": (
        recorded(Estimate(-0.07, -0.09, -0.05), (-0.12, 0.01)),
        DEFAULT,
        (
            "these data cannot say whether binding would lower churn: a hidden driver of the declared"
            " strength (0.03, 0.15) leaves everything between −12.0 and +1.0 points possible."
        ),
    ),
    "interval": (
        recorded(Estimate(-0.03, -0.08, 0.02), (-0.12, 0.06)),
        MEASURED,
        (
            "these data cannot say whether binding would lower churn: the effect lies anywhere between −8.0 and +2.0"
            " points."
        ),
    ),
}


def words(effect, settings, language="en"):
    return say(explain_verdict(effect, judge(effect, settings), settings, NAME), language)


@pytest.mark.parametrize("case", CASES)
def test_verdict_reads_as_a_manager_would_say_it(case):
    effect, settings, finding = CASES[case]
    assert words(effect, settings) == f"funds: {finding}"


def test_every_verdict_and_every_obstacle_is_among_the_cases():
    judged = [judge(effect, settings) for effect, settings, _ in CASES.values()]
    assert {one.verdict for one in judged} == {"cuts", "suggests", "no_effect", "raises", "cannot_tell"}
    assert {one.obstacle for one in judged} == {"clear", "no_evidence", "overlap", "control", "interval", "bounds"}


@pytest.mark.parametrize(("case", "settings"), list(product(CASES, [DEFAULT, MEASURED])))
def test_neither_language_borrows_from_the_other_and_both_name_the_same_numbers(case, settings):
    en, zh = words(CASES[case][0], settings), words(CASES[case][0], settings, "zh")
    assert re.findall("[A-Za-z]+", zh) == []
    assert re.findall("[\u3000-\u9fff\uff00-\uffef]+", en) == []
    assert en.replace("\u202f", " ").isprintable()
    assert "  " not in en + zh
    assert en.endswith(".")
    assert zh.endswith("。")
    assert ".." not in en
    assert "。。" not in zh
    number = "[−+]?[0-9]+(?:\\.[0-9]+)?"
    assert re.findall(number, en) == re.findall(number, zh)


@pytest.mark.parametrize(("case", "settings"), list(product(CASES, [DEFAULT, MEASURED])))
def test_bank_s_word_is_named_exactly_where_a_claim_rests_on_it(case, settings):
    effect = CASES[case][0]
    judged = judge(effect, settings)
    rests = settings.assume_measured and judged.evidence == "observational" and judged.verdict != "cannot_tell"
    assert words(effect, settings).endswith(STATEMENT) == rests


@pytest.mark.parametrize("case", ["offer that nobody took", "nothing known", "overlap", "one control", "two controls"])
def test_no_number_is_named_that_is_not_there(case):
    assert re.findall("[0-9]", words(CASES[case][0], DEFAULT)) == []


def test_only_a_raw_difference_clear_of_zero_is_said_to_go_with_lower_churn():
    for raw, named in ((Estimate(-0.1, -0.2, -0.001), True), (Estimate(-0.1, -0.2, 0.0), False), (UNKNOWN, False)):
        said = words(offered(Estimate(-0.03, -0.08, 0.02), raw), DEFAULT)
        assert ("goes with lower churn (by 10 points), but " in said) == named


def test_strength_named_is_the_one_the_bank_declared():
    assert "(0.1, 0.2)" in words(CASES["bounds"][0], EffectSettings(cf_y=0.1, cf_d=0.2))


def test_one_customer_is_one():
    few = ServiceEffect("fund_trading", n_eligible=9, n_bound=1)
    assert words(few, DEFAULT).endswith("only 1 customer has it.")
    assert words(replace(few, n_bound=7), DEFAULT).endswith("only 2 customers lack it.")


def test_a_name_in_another_direction_turns_nothing_after_it():
    nothing = ServiceEffect("fund_trading")
    said = say(explain_verdict(nothing, judge(nothing, DEFAULT), DEFAULT, "\u202efunds"), "en")
    assert said.startswith("\u2068\u202efunds\u2069: these data")
