import re
from itertools import product

import pytest

from churn.config import EffectSettings
from churn.estimates import Estimate
from churn.explanation.effects.controls import Control
from churn.explanation.effects.estimates import ServiceEffect
from churn.explanation.effects.observational import Observational
from churn.explanation.effects.randomised import Offer
from churn.explanation.verdict import judge
from churn.explanation.verdict_words import verdict_words

NOTHING = Estimate(None, None, None)
NAMES = ("funds", "基金")
DEFAULT, MEASURED = EffectSettings(), EffectSettings(assume_measured=True)
LOWER, HIGHER = Estimate(-0.21, -0.25, -0.17), Estimate(0.1, 0.05, 0.15)  # churn of those who have it, plainly
STATEMENT_EN = " This rests on the bank's statement that whatever drives binding is in its data."
STATEMENT_ZH = "此结论以本行声明“影响绑定的因素均已在数据中”为前提。"


def offered(late, raw=NOTHING):
    offer = Offer(Estimate(-0.5, -0.6, -0.4), late, Estimate(0.6, 0.5, 0.7), 400)
    return ServiceEffect("fund_trading", raw, None, (), offer, {})


def recorded(atu, bounds, raw=NOTHING, overlap=1.0, failed=()):
    controls = tuple(Control(kind, NOTHING, passed=kind not in failed) for kind in ("placebo", "outcome", "treatment"))
    found = Observational(Estimate(-0.9, -0.91, -0.89), atu, *bounds, 0.084, overlap, 1000, 500)
    return ServiceEffect("fund_trading", raw, found, controls, None, {})


SUGGESTS = recorded(Estimate(-0.071, -0.09, -0.05), (-0.12, -0.01))
SMALL = recorded(Estimate(-0.001, -0.0123, 0.0104), (-0.02, 0.02), LOWER)
CASES = {
    "cuts": (
        offered(Estimate(-0.062, -0.091, -0.033)),
        DEFAULT,
        "funds: binding it cuts churn by about 6 points (randomised offers; between −9.1 and −3.3).",
        "基金：绑定可使流失降低约 6 个百分点（随机实验；−9.1 与 −3.3 之间）。",
    ),
    "cuts by less than a point": (
        offered(Estimate(-0.0062, -0.0091, -0.0033)),
        DEFAULT,
        "funds: binding it cuts churn by about 0.6 points (randomised offers; between −0.9 and −0.3).",
        "基金：绑定可使流失降低约 0.6 个百分点（随机实验；−0.9 与 −0.3 之间）。",
    ),
    "raises": (
        offered(Estimate(0.062, 0.033, 0.091)),
        DEFAULT,
        "funds: binding it raises churn by about 6 points (randomised offers; between +3.3 and +9.1).",
        "基金：绑定可使流失增加约 6 个百分点（随机实验；+3.3 与 +9.1 之间）。",
    ),
    "no effect": (
        offered(Estimate(0.001, -0.02, 0.022), LOWER),
        DEFAULT,
        (
            "funds: goes with lower churn (by 21 points), but binding itself shows no effect worth having"
            " (between −2.0 and +2.2 points)."
        ),
        "基金：绑定者流失较低（相差 21 个百分点），但绑定本身未见值得采取行动的影响（−2.0 与 +2.2 个百分点之间）。",
    ),
    "no effect, and raw numbers that promise nothing": (
        offered(Estimate(0.001, -0.02, 0.022), HIGHER),
        DEFAULT,
        "funds: binding itself shows no effect worth having (between −2.0 and +2.2 points).",
        "基金：绑定本身未见值得采取行动的影响（−2.0 与 +2.2 个百分点之间）。",
    ),
    "offer too small": (
        offered(Estimate(-0.03, -0.08, 0.02), LOWER),
        DEFAULT,
        (
            "funds: goes with lower churn (by 21 points), but whether binding would lower churn cannot be told:"
            " it lies anywhere between −8.0 and +2.0 points."
        ),
        "基金：绑定者流失较低（相差 21 个百分点），但绑定能否降低流失尚无法判断：影响在 −8.0 与 +2.0 个百分点之间。",
    ),
    "offer that nobody took": (
        offered(NOTHING),
        DEFAULT,
        "funds: whether binding would lower churn cannot be told: the offer moved too few to bind it.",
        "基金：绑定能否降低流失尚无法判断：接受邀约的客户太少。",
    ),
    "suggests": (
        SUGGESTS,
        DEFAULT,
        (
            "funds: the data point to about 7 points less churn; a hidden driver as strong as 8.4 % of what is"
            " unexplained in both binding and churn would explain it away."
        ),
        "基金：数据显示流失约减少 7 个百分点；若存在能解释绑定与流失各 8.4% 剩余差异的隐藏因素，这一结论便不成立。",
    ),
    "suggests by the bank's word": (
        SUGGESTS,
        MEASURED,
        "funds: the data point to about 7 points less churn; a hidden driver as strong as 8.4 % of what is"
        " unexplained in both binding and churn would explain it away." + STATEMENT_EN,
        "基金：数据显示流失约减少 7 个百分点；若存在能解释绑定与流失各 8.4% 剩余差异的隐藏因素，这一结论便不成立。"
        + STATEMENT_ZH,
    ),
    "records raise": (
        recorded(Estimate(0.071, 0.05, 0.09), (0.01, 0.12)),
        DEFAULT,
        (
            "funds: the data point to about 7 points more churn; a hidden driver as strong as 8.4 % of what is"
            " unexplained in both binding and churn would explain it away."
        ),
        "基金：数据显示流失约增加 7 个百分点；若存在能解释绑定与流失各 8.4% 剩余差异的隐藏因素，这一结论便不成立。",
    ),
    "records show none": (
        SMALL,
        DEFAULT,
        (
            "funds: goes with lower churn (by 21 points), but binding itself shows no effect worth having"
            " (between −1.2 and +1.0 points)."
        ),
        "基金：绑定者流失较低（相差 21 个百分点），但绑定本身未见值得采取行动的影响（−1.2 与 +1.0 个百分点之间）。",
    ),
    "records show none by the bank's word": (
        SMALL,
        MEASURED,
        "funds: goes with lower churn (by 21 points), but binding itself shows no effect worth having"
        " (between −1.2 and +1.0 points)." + STATEMENT_EN,
        "基金：绑定者流失较低（相差 21 个百分点），但绑定本身未见值得采取行动的影响（−1.2 与 +1.0 个百分点之间）。"
        + STATEMENT_ZH,
    ),
    "nothing known": (
        ServiceEffect("fund_trading", NOTHING, None, (), None, {}),
        DEFAULT,
        "funds: whether binding would lower churn cannot be told: nobody could bind it.",
        "基金：绑定能否降低流失尚无法判断：没有客户可以绑定。",
    ),
    "overlap": (
        recorded(Estimate(-0.07, -0.09, -0.05), (-0.12, -0.01), overlap=0.4),
        DEFAULT,
        ("funds: whether binding would lower churn cannot be told: those who have it are unlike those who have not."),
        "基金：绑定能否降低流失尚无法判断：已绑定与未绑定的客户差异过大，无从比较。",
    ),
    "one control": (
        recorded(Estimate(-0.07, -0.09, -0.05), (-0.12, -0.01), failed=("treatment",)),
        DEFAULT,
        (
            "funds: whether binding would lower churn cannot be told: the same comparison finds an effect where there"
            " is none (having given the service up long ago)."
        ),
        "基金：绑定能否降低流失尚无法判断：同样的比较在本应无影响处也显示影响（早已解绑的客户）。",
    ),
    "two controls": (
        recorded(Estimate(-0.07, -0.09, -0.05), (-0.12, -0.01), failed=("placebo", "outcome")),
        DEFAULT,
        (
            "funds: whether binding would lower churn cannot be told: the same comparison finds an effect where there"
            " is none (the service dealt out at random and customers bringing others)."
        ),
        "基金：绑定能否降低流失尚无法判断：同样的比较在本应无影响处也显示影响（随机分配的“假绑定”、转介绍行为）。",
    ),
    "bounds": (
        recorded(Estimate(-0.07, -0.09, -0.05), (-0.12, 0.01)),
        DEFAULT,
        (
            "funds: whether binding would lower churn cannot be told: a hidden driver of the declared strength"
            " (0.03, 0.15) leaves everything between −12.0 and +1.0 points possible."
        ),
        (
            "基金：绑定能否降低流失尚无法判断："
            "若存在设定强度（0.03, 0.15）的隐藏因素，−12.0 与 +1.0 个百分点之间皆有可能。"
        ),
    ),
    "interval": (
        recorded(Estimate(-0.03, -0.08, 0.02), (-0.12, 0.06)),
        MEASURED,
        "funds: whether binding would lower churn cannot be told: it lies anywhere between −8.0 and +2.0 points.",
        "基金：绑定能否降低流失尚无法判断：影响在 −8.0 与 +2.0 个百分点之间。",
    ),
}


def words(effect, settings):
    return verdict_words(effect, judge(effect, settings), settings, NAMES)


@pytest.mark.parametrize("case", CASES)
def test_verdict_reads_as_a_manager_would_say_it(case):
    effect, settings, en, zh = CASES[case]
    assert words(effect, settings) == (en, zh)


def test_every_verdict_and_every_reason_is_among_the_cases():
    judged = [judge(effect, settings) for effect, settings, *_ in CASES.values()]
    assert {one.verdict for one in judged} == {"cuts", "suggests", "no_effect", "raises", "cannot_tell"}
    assert {one.reason for one in judged} == {"clear", "no_evidence", "overlap", "control", "interval", "bounds"}


@pytest.mark.parametrize(("case", "settings"), list(product(CASES, [DEFAULT, MEASURED])))
def test_neither_language_borrows_from_the_other(case, settings):
    en, zh = words(CASES[case][0], settings)
    assert re.findall("[A-Za-z]+", zh) == []
    assert re.findall("[\u3000-\u9fff\uff00-\uffef]+", en) == []
    assert en.isprintable()
    assert "  " not in en + zh
    assert en.endswith(".")
    assert zh.endswith("。")
    assert ".." not in en
    assert "。。" not in zh


@pytest.mark.parametrize(("case", "settings"), list(product(CASES, [DEFAULT, MEASURED])))
def test_bank_s_word_is_named_exactly_where_a_claim_rests_on_it(case, settings):
    effect = CASES[case][0]
    judged = judge(effect, settings)
    en, zh = words(effect, settings)
    rests = settings.assume_measured and judged.evidence == "observational" and judged.verdict != "cannot_tell"
    assert en.endswith(STATEMENT_EN) == rests
    assert zh.endswith(STATEMENT_ZH) == rests


@pytest.mark.parametrize("case", ["offer that nobody took", "nothing known", "overlap", "one control", "two controls"])
def test_no_number_is_named_that_is_not_there(case):
    en, zh = words(CASES[case][0], DEFAULT)
    assert re.findall("[0-9]", en + zh) == []


@pytest.mark.parametrize("case", CASES)
def test_both_languages_name_the_same_numbers(case):
    en, zh = words(CASES[case][0], CASES[case][1])
    number = "[−+]?[0-9]+(?:\\.[0-9]+)?"
    assert re.findall(number, en) == re.findall(number, zh)


def test_only_a_raw_difference_clear_of_zero_is_said_to_go_with_lower_churn():
    for raw, named in ((Estimate(-0.1, -0.2, -0.001), True), (Estimate(-0.1, -0.2, 0.0), False), (NOTHING, False)):
        en, zh = words(offered(Estimate(-0.03, -0.08, 0.02), raw), DEFAULT)
        assert ("goes with lower churn (by 10 points), but " in en) == named
        assert ("绑定者流失较低（相差 10 个百分点），但" in zh) == named


def test_strength_named_is_the_one_the_bank_declared():
    settings = EffectSettings(cf_y=0.1, cf_d=0.2)
    en, zh = words(CASES["bounds"][0], settings)
    assert "(0.1, 0.2)" in en
    assert "（0.1, 0.2）" in zh
