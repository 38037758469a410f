import re
import unicodedata

import pytest

from churn.actions.plan_words import (
    KIND_WORDS,
    PURPOSE_WORDS,
    RECORDED_AS,
    STEPS,
    Facts,
    Offer,
    offer_next,
    say_first,
    why_assigned,
    why_now,
)
from churn.config import PRODUCTS, SERVICES, Config
from churn.tables.contract import contract_tables
from hostile_texts import HOSTILE

NAN = float("nan")
TURNING = {"R", "AL", "AN", "LRE", "LRO", "RLE", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
OFFERS = [
    Offer(None, None, NAN),
    *(Offer(service, None, effect) for service in SERVICES for effect in (NAN, -0.1)),
    *(Offer(None, product, NAN) for product in PRODUCTS),
]
PURPOSES = list(PURPOSE_WORDS)


def chinese(text):
    return re.search("[\u4e00-\u9fff]", text) is not None


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_step_has_words_in_both_languages_whatever_is_on_offer(purpose):
    for kind in KIND_WORDS:
        for offer in OFFERS:
            en, zh = say_first(purpose, kind, offer, Config())
            assert en.endswith(".")
            assert not chinese(en)
            assert chinese(zh)
            assert zh.endswith("。")


@pytest.mark.parametrize("purpose", [purpose for purpose in PURPOSES if purpose != "configure"])
def test_nothing_is_offered_before_the_last_step(purpose):
    for kind in KIND_WORDS:
        en, zh = say_first(purpose, kind, Offer("cts", None, -0.2), Config())
        assert "Offer nothing" in en
        assert "不推介产品" in zh
        assert "custody" not in en


def test_every_purpose_is_recorded_under_one_the_contract_knows():
    known = contract_tables(Config())["contacts"]["purpose"].values
    assert set(RECORDED_AS.values()) <= set(known)
    assert set(RECORDED_AS) == {*STEPS, "loss_notice"}


def test_an_offer_is_told_with_its_effect_only_where_one_is_claimed():
    for offer in OFFERS[1:]:
        en, zh = offer_next(offer, Config())
        assert ("points" in en) == (offer.effect < 0) == ("百分点" in zh)


def test_a_service_the_catalogue_does_not_have_is_named_by_its_code():
    assert offer_next(Offer("gold_saving", None, NAN), Config())[0] == "bind gold_saving: effect not known"


def test_an_amount_the_reason_tells_is_not_told_twice():
    en, zh = why_now(Facts(0.5, 2000.0, NAN, NAN, ("assets CNY 2,000", "资产 2,000 元"), False, False))
    assert (en, zh) == ("risk of leaving 50 %: assets CNY 2,000", "流失风险 50%：资产 2,000 元")


def test_a_loss_without_a_known_cost_is_told_without_its_share():
    en, zh = why_now(Facts(0.5, NAN, -300.0, NAN, None, True, True))
    assert en.startswith("unrealised loss CNY 300, not told yet; risk of leaving 50 %; a VIP without a manager")
    assert zh.startswith("浮亏 300 元，尚未告知；流失风险 50%；贵宾客户")


def test_who_was_told_of_a_loss_is_only_said_where_it_is_known():
    for known, words in (
        (True, ("not told yet", "尚未告知")),
        (False, ("whether told is not known", "是否告知过不详")),
    ):
        en, zh = why_now(Facts(0.5, NAN, -300.0, NAN, None, True, False, known))
        assert en == f"unrealised loss CNY 300, {words[0]}; risk of leaving 50 %"
        assert zh == f"浮亏 300 元，{words[1]}；流失风险 50%"


def test_products_are_taken_up_not_founded():
    assert offer_next(Offer(None, "online_banking", NAN), Config())[1] == "先办理网上银行"
    assert say_first("configure", "call", Offer(None, "mortgage", NAN), Config())[1] == "建议办理住房按揭。"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_id_and_no_name_of_the_bank_turns_the_sentence_it_stands_in(text):
    config = Config.model_validate(
        {
            "products": {"p": {"en": text.strip() or "x", "zh": text.strip() or "x"}},
            "services": {"s": {"en": text.strip() or "x", "zh": text.strip() or "x", "product": "p"}},
        }
    )
    offers = [Offer(*codes, NAN) for codes in (("s", None), (None, "p"), (text, None), (None, text))]
    said = [why_assigned(text, 3, text), why_assigned(None, None, text)]
    said += [
        told for offer in offers for told in (offer_next(offer, config), say_first("configure", "call", offer, config))
    ]
    for sentence in (part for pair in said for part in pair):
        around = re.sub("\u2068[^\u2066-\u2069]*\u2069", "", sentence)
        assert not {unicodedata.bidirectional(letter) for letter in around} & TURNING


def test_an_assignment_says_how_loaded_the_manager_is():
    assert why_assigned("M1", 0, "N")[1] == "贵宾客户尚无专属客户经理；M1 是网点 N 中贵宾客户最少的经理（0 位）"
