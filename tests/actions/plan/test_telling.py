import datetime as dt
import itertools
import re
import unicodedata
from types import SimpleNamespace

import pandas as pd
import pytest

from churn.actions.plan import telling
from churn.actions.plan.telling import note_limits, offer_next, say_first, what_raises, why_assigned, why_now
from churn.config import PRODUCTS, SERVICES, Config, PlanSettings
from churn.scores import Told
from churn.speech import LANGUAGES, Money, Name, Share, message, say
from churn.tables.contract import contract_tables
from hostile_texts import HOSTILE
from today_rows import today_of

NAN = float("nan")
TURNING = {"R", "AL", "AN", "LRE", "LRO", "RLE", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
NOTHING = (None, None, NAN)
OFFERS = [
    *((service, None, effect) for service in SERVICES for effect in (NAN, -0.1)),
    *((None, product, NAN) for product in PRODUCTS),
]
PURPOSES = list(telling.PURPOSE_WORDS)
WEEKEND = PlanSettings(weekend=("saturday", "sunday"))


@pytest.mark.parametrize(("purpose", "kind"), list(itertools.product(PURPOSES, telling.KIND_WORDS)))
def test_every_step_has_whole_sentences_whatever_is_on_offer(purpose, kind):
    for service, product, _ in (NOTHING, *OFFERS):
        said = say_first(purpose, kind, service, product, Config())
        assert [say(said, language)[-1] for language in LANGUAGES] == [".", "。"]


@pytest.mark.parametrize("purpose", [purpose for purpose in PURPOSES if purpose != "configure"])
def test_nothing_is_offered_before_the_last_step(purpose):
    for kind in telling.KIND_WORDS:
        said = say_first(purpose, kind, "cts", None, Config())
        assert said.facts == {}
        assert "Offer nothing" in said.text


def test_every_purpose_is_recorded_under_one_the_contract_knows():
    known = contract_tables(Config())["contacts"]["purpose"].values
    assert set(telling.RECORDED_AS.values()) <= set(known)
    assert set(telling.RECORDED_AS) == {*telling.STEPS, "loss_notice"}


def test_an_offer_is_told_with_its_effect_only_where_one_is_claimed():
    for service, product, effect in OFFERS:
        assert ("points" in offer_next(service, product, effect, Config()).facts) == (effect < 0)
    assert offer_next(*NOTHING, Config()) == ""


def test_a_service_the_catalogue_does_not_have_is_named_by_its_code():
    assert offer_next("gold_saving", None, NAN, Config()).facts["service"] == ("gold_saving", "gold_saving")


def contact(**known):
    unknown = dict.fromkeys(("aum_cny", "unrealised_pnl_cny", "unrealised_return"), NAN)
    return SimpleNamespace(**{"churn_probability": 0.5, "tells_loss": False, "assignment": "own"} | unknown | known)


@pytest.mark.parametrize(
    ("features", "said_twice"), [(("aum_cny",), False), (("aum_growth_3m", "aum_cny"), False), (("n_bound",), True)]
)
def test_assets_that_the_reason_names_are_not_said_twice(features, said_twice):
    why = why_now(contact(aum_cny=2000.0), Name("anything", "任何原因"), names=features)
    assets = ", assets CNY 2,000" if said_twice else ""
    assert say(why, "en") == f"risk of leaving 50\u202f%{assets}: anything"


def test_where_the_scores_do_not_say_what_a_reason_names_the_assets_are_said():
    why = why_now(contact(aum_cny=2000.0), Name("assets CNY 2,000", "资产 2,000 元"))
    assert say(why, "en") == "risk of leaving 50\u202f%, assets CNY 2,000: assets CNY 2,000"


@pytest.mark.parametrize("aum", [NAN, 0.0, -5.0])
def test_assets_that_are_none_or_not_known_are_not_said(aum):
    assert say(why_now(contact(aum_cny=aum)), "en") == "risk of leaving 50\u202f%"


def test_a_loss_is_told_first_and_that_the_manager_is_proposed_last():
    lost = {"unrealised_pnl_cny": -300.0, "tells_loss": True, "assignment": "proposed"}
    said = "risk of leaving 50\u202f%; VIP without a manager; this manager is proposed"
    assert say(why_now(contact(**lost)), "en") == f"unrealised loss CNY 300, not discussed yet; {said}"
    with_share = why_now(contact(**lost, unrealised_return=-0.1))
    assert with_share.parts[0].facts["share"] == Share(-0.1)
    assert with_share.parts[0].facts["lost"] == Money(-300.0)


def test_who_was_told_of_a_loss_is_only_said_where_it_is_known():
    for known, words in ((True, "not discussed yet"), (False, "not known whether discussed")):
        why = why_now(contact(unrealised_pnl_cny=-300.0, tells_loss=True), knows_contacts=known)
        assert say(why, "en") == f"unrealised loss CNY 300, {words}; risk of leaving 50\u202f%"


def test_the_story_of_the_scores_raises_the_risk_else_the_feature_that_has_a_meaning():
    meanings = {"n_bound": message("services bound")}
    assert what_raises(Told(raises=(Name("a", "甲"), Name("b", "乙")), features=("n_bound",)), meanings) == ("a", "甲")
    plain = what_raises(Told(features=("n_bound",)), meanings)
    assert plain.facts == {"feature": message("services bound")}
    assert what_raises(Told(features=("unheard_of",)), meanings) is None
    assert what_raises(Told(), meanings) is None


def test_products_are_taken_up_not_founded():
    assert say(offer_next(None, "online_banking", NAN, Config()), "zh") == "先办理网上银行"
    assert say(say_first("configure", "call", None, "mortgage", Config()), "zh") == "建议办理住房按揭。"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_id_and_no_name_of_the_bank_turns_the_sentence_it_stands_in(text):
    own = {"en": text.strip() or "x", "zh": text.strip() or "x"}
    config = Config.model_validate({"products": {"p": own}, "services": {"s": own | {"product": "p"}}})
    said = [why_assigned(text, 3, text), why_assigned(None, None, text)]
    said.append(why_now(contact(), Name(text, text)))
    for service, product in (("s", None), (None, "p"), (text, None), (None, text)):
        said += [offer_next(service, product, NAN, config), say_first("configure", "call", service, product, config)]
    for sentence in (say(one, language) for one in said for language in LANGUAGES):
        around = re.sub("\u2068[^\u2066-\u2069]*\u2069", "", sentence)
        assert not {unicodedata.bidirectional(letter) for letter in around} & TURNING


def test_an_assignment_says_how_loaded_the_manager_is():
    assert why_assigned("M1", 0, "N").facts == {"manager": "M1", "branch": "N", "n": 0}
    assert why_assigned(None, None, "N").facts == {"branch": "N"}


def noted(settings=WEEKEND, aum=(1.0, None), managers=("M1", None), branches=("N", "S"), scored=None, missing=()):
    ids = [f"C{number}" for number in range(len(branches))]
    people = pd.DataFrame({"customer_id": ids, "branch_id": branches, "tier": "ordinary"})
    people = people.assign(aum_cny=pd.Series(aum, dtype=float), manager_id=pd.Series(managers, dtype=object))
    scores = pd.DataFrame({"customer_id": ids[:scored], "churn_probability": 0.5})
    return note_limits(today_of(people, scores, dt.date(2026, 1, 5), Config(plan=settings), missing=missing))


def test_with_assets_days_off_and_clear_branches_there_is_nothing_to_note():
    assert noted() == ()
    assert noted(PlanSettings(holidays=("2026-01-01",))) == ()


def test_assets_that_nobody_has_are_not_known():
    (note,) = noted(aum=(None, None))
    assert note.text.startswith("Assets are not known")


def test_without_holidays_and_weekend_it_is_said_that_every_day_is_worked():
    (note,) = noted(PlanSettings())
    assert "No holidays and no weekend" in note.text


def test_a_bank_that_names_no_manager_is_told_what_to_fill():
    assert noted(managers=(None, None)) == (telling.NO_MANAGER,)
    for language in LANGUAGES:
        assert "customers.manager_id" in say(telling.NO_MANAGER, language)
        assert "[plan.managers]" in say(telling.NO_MANAGER, language)
    stated = WEEKEND.model_copy(update={"managers": PlanSettings(managers={"M9": {"branch": "N"}}).managers})
    assert noted(stated, managers=(None, None)) == ()


@pytest.mark.parametrize("known", [True, False])
def test_without_contacts_it_is_said_what_is_not_known_then(known):
    notes = noted(missing=() if known else ("contacts",))
    assert len(notes) == (not known)
    for note in notes:
        said = "every customer without a loss to discuss starts with an introduction, rest days are not kept"
        assert said in note.text
        assert "it is not known whether a loss was discussed" in note.text


@pytest.mark.parametrize(("missing", "is_noted"), [(0, False), (1, False), (2, True), (9, True)])
def test_more_than_one_customer_in_ten_without_a_score_is_worth_a_note(missing, is_noted):
    notes = noted(aum=[1.0] * 10, managers=["M1"] * 10, branches=["N"] * 10, scored=10 - missing)
    assert [note.facts for note in notes] == [{"n": missing, "of": 10}] * is_noted


@pytest.mark.parametrize(
    ("managers", "settings", "n"),
    [
        (("M1", "M1"), {}, 1),  # one of two
        (("M1", "M2"), {}, 0),
        (("M1", "M1"), {"managers": {"M1": {"branch": "S"}}}, 0),
    ],
)
def test_managers_without_a_majority_are_counted_unless_their_branch_is_stated(managers, settings, n):
    notes = noted(PlanSettings(weekend=("sunday",), **settings), managers=managers)
    assert [note.facts for note in notes] == [{"n": 1}] * n
