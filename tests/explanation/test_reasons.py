import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest

from churn.config import Config
from churn.errors import DataError
from churn.explanation.reasons import explain_reasons
from churn.features.catalogue import catalogue
from churn.features.feature import find_feature
from churn.speech import say

NAN = float("nan")
CONFIG = Config()
ADDED = Config.model_validate(
    {
        "products": {"private_loan": {"en": "private loan", "zh": "个人贷款", "coverage": False, "sticky": True}},
        "services": {"loan_repayment": {"product": "private_loan", "en": "loan repayment", "zh": "贷款还款"}},
    }
)
# Values a feature of the unit can have, with both ends and a missing one.
VALUES = {
    "count": (0.0, 1.0, 2.0, 7.0, 1234.0, NAN),
    "0/1": (0.0, 1.0, NAN),
    "days": (1.0, 29.0, 30.0, 75.0, 365.0, 4000.0, NAN),
    "years": (18.0, 101.0, NAN),
    "yuan": (-120_000.0, -0.3, 0.0, 0.4, 9_999.7, 50_000.0, 99_999_990.0, 2.5e9, NAN),
    "share": (0.0, 0.0002, 0.25, 0.9997, 1.0, NAN),
    "ratio": (-1.0, -0.05, -0.0001, 0.0, 0.05, 1.0, 9.0, NAN),
    "level": (0.0, 1.0, 2.0, NAN),
}


def _told(shap, values, config=CONFIG, known=None):
    features = pd.DataFrame({name: [value] for name, value in values.items()})
    pushes = np.array([[shap[name] for name in values]], dtype=np.float32)
    found = explain_reasons(pushes, features, catalogue(config) if known is None else known)
    return [[text for text in part[0] if text is not None] for part in _words(found)]


def _words(found):
    return [stories.words(language) for stories in found for language in ("en", "zh")]


def _say(name, value, raises=True, config=CONFIG):
    told = find_feature(catalogue(config), name).tell(value, raises=raises)
    return say(told, "en"), say(told, "zh")


@pytest.mark.parametrize("config", [CONFIG, ADDED], ids=["defaults", "added product and service"])
@pytest.mark.parametrize("raises", [True, False])
def test_every_feature_has_a_phrase_of_its_own_for_every_value(config, raises):
    for feature in catalogue(config):
        for value in VALUES[feature.unit]:
            if feature.name == "activity_pace_365d" and value < 0:
                continue  # a pace is not negative
            en, zh = _say(feature.name, value, raises, config)
            assert re.search("[a-z]", en), feature.name
            assert re.search("[一-鿿]", zh), feature.name
            assert "nan" not in en + zh, feature.name
            assert "{" not in en + zh, feature.name
            assert not en.startswith(f"{say(feature.meaning, 'en')}: ") or np.isnan(value), feature.name


def test_an_added_product_and_service_are_told_by_their_names():
    assert _say("holds_private_loan", 1.0, config=ADDED) == ("private loan held", "持有个人贷款")
    assert _say("bound_loan_repayment", 0.0, config=ADDED) == ("loan repayment not bound", "未绑定贷款还款")
    assert _say("days_since_bound_loan_repayment", 40.0, config=ADDED) == (
        "loan repayment bound for 40 days",
        "贷款还款已绑定 40 天",
    )


def test_products_that_do_not_count_are_not_said_to_be_missing():
    assert _say("product_coverage", 0.0, config=ADDED)[0] == "no products held that count towards coverage"
    assert _say("product_coverage", 0.0)[0] == "no product held"


@pytest.mark.parametrize(
    ("name", "value", "raises", "en", "zh"),
    [
        ("unrealised_return", -0.14, True, "unrealised loss 14\u202f%", "浮亏 14%"),
        ("unrealised_return", 0.05, True, "unrealised profit 5\u202f%", "浮盈 5%"),
        ("unrealised_return", -0.0001, True, "unrealised loss under 0.1\u202f%", "浮亏 不到 0.1%"),
        ("aum_growth_6m", 0.05, True, "assets grew by 5\u202f% in 6 months", "资产 6 个月增长 5%"),
        ("aum_growth_6m", -0.05, False, "assets shrank by 5\u202f% in 6 months", "资产 6 个月减少 5%"),
        ("aum_growth_6m", 11.0, True, "assets grew to 12 times those 6 months before", "资产增至 6 个月前的 12 倍"),
        ("aum_cny", 123_456.0, True, "assets CNY 123,456", "资产 12.3 万元"),
        ("aum_cny", 9_999.7, True, "assets CNY 10,000", "资产 1 万元"),
        ("aum_cny", 8_500.0, True, "assets CNY 8,500", "资产 8,500 元"),
        ("days_since_contact", NAN, True, "no contact within a year", "一年内未联系"),
        ("days_since_contact", 75.0, True, "no contact for 75 days", "75 天未联系"),
        ("days_since_contact", 75.0, False, "last contact 75 days ago", "75 天前联系过"),
        ("days_since_contact", 1.0, True, "last contact 1 day ago", "1 天前联系过"),
        ("product_coverage", 2.0, True, "only 2 products held", "持有产品仅 2 种"),
        ("product_coverage", 2.0, False, "2 products held", "持有产品 2 种"),
        ("product_coverage", 6.0, True, "6 products held", "持有产品 6 种"),
        ("n_calls_365d", 1.0, True, "1 call in a year", "一年内电话 1 次"),
        ("n_atm_90d", 0.0, True, "no ATM transactions in 90 days", "90 天内无 ATM 交易"),
        ("activity_pace_365d", 0.4, True, "transactions 60\u202f% less frequent than before", "交易频率较此前下降 60%"),
        ("net_flow_cny_90d", -20_000.0, True, "net outflow CNY 20,000 in 90 days", "90 天内净流出 2 万元"),
        (
            "share_bound",
            0.9997,
            False,
            "over 99.9\u202f% of the possible services bound",
            "可绑定服务已绑定 99.9% 以上",
        ),
        ("tenure_days", 1200.0, False, "customer for 3.3 years", "成为客户 3.3 年"),
        ("tier_level", 2.0, False, "platinum tier", "白金客户"),
        ("age_years", NAN, True, "age not known", "年龄不详"),
        ("activity_pace_365d", 5.0, True, "transactions 5 times as frequent as before", "交易频率为此前的 5 倍"),
    ],
)
def test_a_value_is_told_as_it_is(name, value, raises, en, zh):
    assert _say(name, value, raises) == (en, zh)


def test_a_loss_nobody_speaks_about_is_one_story():
    shap = {"unrealised_return": 0.3, "days_since_contact": 0.2, "age_years": 0.4}
    en, zh, _, _ = _told(shap, {"unrealised_return": -0.14, "days_since_contact": 75.0, "age_years": 52.0})

    assert en == ["unrealised loss 14\u202f% and no contact for 75 days", "aged 52"]
    assert zh == ["浮亏 14%，75 天未联系", "52 岁"]


def test_without_a_loss_contact_is_a_story_of_its_own():
    shap = {"unrealised_return": 0.3, "days_since_contact": 0.2}

    assert _told(shap, {"unrealised_return": 0.02, "days_since_contact": 75.0})[0] == [
        "unrealised profit 2\u202f%",
        "no contact for 75 days",
    ]


def test_contact_that_holds_does_not_join_a_loss_that_raises():
    shap = {"unrealised_return": 0.3, "days_since_contact": -0.2}

    assert _told(shap, {"unrealised_return": -0.14, "days_since_contact": 5.0}) == [
        ["unrealised loss 14\u202f%"],
        ["浮亏 14%"],
        ["last contact 5 days ago"],
        ["5 天前联系过"],
    ]


def test_a_story_weighs_the_sum_of_its_features():
    # 0.2 + 0.2 of assets outweigh 0.3 of age; 0.5 - 0.45 of bindings do not
    shap = {"age_years": 0.3, "aum_cny": 0.2, "deposits_cny": 0.2, "bound_cts": 0.5, "n_bound": -0.45}
    values = {"age_years": 30.0, "aum_cny": 500.0, "deposits_cny": 400.0, "bound_cts": 0.0, "n_bound": 3.0}

    assert _told(shap, values)[0] == [
        "assets CNY 500 and deposits CNY 400",
        "aged 30",
        "third-party custody (CTS) not bound",
    ]


def test_three_raise_and_two_hold_at_most():
    shap = {"age_years": 0.1, "aum_cny": 0.4, "tier_level": 0.3, "tenure_days": 0.2}
    down = {"bound_cts": -0.1, "holds_fund": -0.3, "n_calls_90d": -0.2}
    values = {"age_years": 30.0, "aum_cny": 500.0, "tier_level": 0.0, "tenure_days": 400.0}
    values |= {"bound_cts": 1.0, "holds_fund": 1.0, "n_calls_90d": 4.0}
    en, _, holding, _ = _told(shap | down, values)

    assert en == ["assets CNY 500", "ordinary tier", "customer for 400 days"]
    assert holding == ["fund held", "4 calls in 90 days"]


def test_the_same_count_in_another_window_is_not_told_twice():
    shap = {"n_calls_90d": 0.3, "n_calls_365d": 0.25, "n_offer_90d": 0.15}

    assert _told(shap, {"n_calls_90d": 1.0, "n_calls_365d": 2.0, "n_offer_90d": 3.0})[0] == [
        "1 call in 90 days and 3 product offers in 90 days"
    ]


def test_a_second_feature_that_pushes_little_is_not_told():
    shap = {"aum_cny": 0.3, "deposits_cny": 0.09}

    assert _told(shap, {"aum_cny": 500.0, "deposits_cny": 400.0})[0] == ["assets CNY 500"]


def test_what_goes_without_saying_is_not_said():
    shap = {"n_calls_90d": 0.3, "days_since_contact": 0.2}
    assert _told(shap, {"n_calls_90d": 0.0, "days_since_contact": NAN})[0] == ["no contact within a year"]

    shap = {"n_bound": 0.3, "bound_cts": 0.2}
    assert _told(shap, {"n_bound": 0.0, "bound_cts": 0.0})[0] == ["no service bound"]
    assert _told(shap, {"n_bound": 1.0, "bound_cts": 0.0})[0] == [
        "only 1 service bound and third-party custody (CTS) not bound"
    ]


@pytest.mark.parametrize(
    ("kept", "implied"),
    [
        (("days_since_contact", NAN), ("n_offer_90d", 0.0)),
        (("days_since_contact", NAN), ("days_since_meeting", NAN)),
        (("reached_share_365d", NAN), ("n_calls_365d", 0.0)),
        (("days_since_transaction", NAN), ("turnover_cny_90d", 0.0)),
        (("days_since_transaction", NAN), ("share_digital_365d", NAN)),
        (("n_transactions_365d", 0.0), ("n_counter_90d", 0.0)),
        (("share_digital_365d", NAN), ("activity_pace_365d", NAN)),
        (("share_digital_365d", 0.0), ("n_mobile_90d", 0.0)),
        (("n_bound", 0.0), ("bound_cts", 0.0)),
        (("n_bound", 0.0), ("days_since_bound_cts", NAN)),
        (("share_bound", NAN), ("n_eligible", 0.0)),
        (("aum_growth_12m", -0.3), ("drawdown_12m", 0.2)),
        (("aum_cny", 50_000.4), ("deposits_cny", 49_999.8)),
        (("aum_cny", 2.5), ("investments_cny", 1.6)),
        (("worst_return_12m", 0.02), ("n_reached_since_loss", NAN)),
        (("worst_return_12m", NAN), ("unrealised_return", NAN)),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_one_value_implies_is_left_unsaid_whichever_pushes_more(kept, implied, first):
    pushes = {kept[0]: 0.3 if first else 0.2, implied[0]: 0.2 if first else 0.3}

    assert _told(pushes, dict([kept, implied]))[0] == [_say(*kept)[0]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("days_since_contact", NAN), ("n_offer_90d", 1.0)),
        (("share_digital_365d", 0.0), ("n_atm_90d", 0.0)),
        (("n_transactions_90d", 0.0), ("n_counter_90d", 0.0)),
        (("n_bound", 1.0), ("bound_cts", 0.0)),
        (("n_bound", 0.0), ("n_eligible", 0.0)),
        (("aum_growth_12m", 0.3), ("drawdown_12m", 0.2)),
        (("aum_growth_6m", -0.3), ("drawdown_12m", 0.2)),
        (("aum_cny", 50_001.0), ("deposits_cny", 50_000.0)),
        (("aum_cny", 0.4), ("deposits_cny", 0.4)),
        (("worst_return_12m", -0.02), ("n_months_under_water_12m", 3.0)),
    ],
)
def test_what_is_not_implied_is_said(one, other):
    told = _told({one[0]: 0.3, other[0]: 0.2}, dict([one, other]))[0]

    assert told == [f"{_say(*one)[0]} and {_say(*other)[0]}"]


def test_nothing_is_said_about_contact_since_a_loss_where_there_is_none():
    shap = {"unrealised_pnl_cny": 0.2, "n_reached_since_loss": 0.3}

    assert _told(shap, {"unrealised_pnl_cny": 10.0, "n_reached_since_loss": 0.0})[0] == [
        "no unrealised loss and unrealised profit CNY 10"
    ]
    assert _told(shap, {"unrealised_pnl_cny": -10.0, "n_reached_since_loss": 0.0})[0] == [
        "not reached since the loss began and unrealised loss CNY 10"
    ]


def test_features_of_a_flat_file_are_told_by_name_and_value():
    shap = {"Total_Trans_Ct": 0.3, "Gender": 0.2, "Credit_Limit": 0.1, "Income": -0.2, "VIP": -0.1}
    values = {"Total_Trans_Ct": 42.0, "Gender": "F", "Credit_Limit": 12691.51, "Income": None, "VIP": True}

    assert _told(shap, values, known=()) == [
        ["Total_Trans_Ct = 42", "Gender = F", "Credit_Limit = 12691.51"],
        ["Total_Trans_Ct：42", "Gender：F", "Credit_Limit：12691.51"],
        ["Income not known", "VIP = yes"],
        ["Income：不详", "VIP：是"],
    ]


def test_a_flat_file_may_use_the_catalogues_names_for_something_else():
    assert _told({"unrealised_pnl_cny": 0.3}, {"unrealised_pnl_cny": "high"}, known=())[0] == [
        "unrealised_pnl_cny = high"
    ]


def test_where_nothing_pushes_nothing_is_told():
    found = explain_reasons(
        np.zeros((2, 1), dtype=np.float32), pd.DataFrame({"age_years": [1.0, 2.0]}), catalogue(CONFIG)
    )

    assert [part.shape for part in _words(found)] == [(2, 3), (2, 3), (2, 2), (2, 2)]
    assert all(text is None for part in _words(found) for text in part.ravel())


def test_nobody_has_no_reasons():
    found = explain_reasons(np.empty((0, 1), dtype=np.float32), pd.DataFrame({"age_years": []}), catalogue(CONFIG))

    assert [part.shape for part in _words(found)] == [(0, 3), (0, 3), (0, 2), (0, 2)]


def test_a_customer_is_told_the_same_alone_and_among_others(other_bank):
    _, frame = other_bank(1, dt.date(2024, 1, 31))
    features = frame.drop(columns=["customer_id", "as_of"])
    pushes = np.random.default_rng(0).normal(size=features.shape).astype(np.float32)
    together = _words(explain_reasons(pushes, features, catalogue(CONFIG)))

    for row in range(len(features)):
        alone = _words(explain_reasons(pushes[row : row + 1], features[row : row + 1], catalogue(CONFIG)))
        for part, own in zip(together, alone, strict=True):
            assert part[row].tolist() == own[0].tolist()


def test_every_feature_belongs_to_a_story_and_the_families_to_few():
    assert len({feature.story for feature in catalogue(CONFIG)}) == 12


def test_values_of_other_customers_are_refused():
    with pytest.raises(DataError, match=r"SHAP values of shape \(2, 1\), features of shape \(1, 1\)"):
        explain_reasons(np.zeros((2, 1), dtype=np.float32), pd.DataFrame({"age": [1.0]}), ())
