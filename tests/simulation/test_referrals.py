from typing import Any

import numpy as np


def test_a_referrer_was_a_customer_when_the_referred_came(bank: Any) -> None:
    customers = bank.table("customers").set_index("customer_id")
    referrals = bank.table("referrals")
    referrer = customers.loc[referrals.referrer_id].reset_index()
    assert (referrer.opened_on.to_numpy() < referrals.referred_on.to_numpy()).all()
    assert not (referrer.closed_on.to_numpy() <= referrals.referred_on.to_numpy()).any()


def test_a_customer_is_referred_once_on_the_day_of_coming_and_not_by_himself(bank: Any) -> None:
    referrals, opened = bank.table("referrals"), bank.table("customers").set_index("customer_id").opened_on
    assert referrals.referred_id.is_unique
    assert (referrals.referrer_id != referrals.referred_id).all()
    assert (opened.loc[referrals.referred_id].to_numpy() == referrals.referred_on.to_numpy()).all()


def test_referrers_are_loyal(bank: Any) -> None:
    outcome = bank.outcomes("2025-01-01")
    before = bank.table("referrals").query("referred_on < '2025-01-01'")
    refers = outcome.index.isin(before.referrer_id)
    assert refers.sum() > 200
    assert outcome.churned[refers].mean() < outcome.churned[~refers].mean() - 0.05


def test_about_one_newcomer_in_eight_was_referred(bank: Any) -> None:
    newcomers = (bank.table("customers").opened_on >= "2022-01-01").sum()
    assert np.isclose(len(bank.table("referrals")) / newcomers, 0.12, atol=0.015)
