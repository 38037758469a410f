import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import churn.simulation.bank as module
from churn.config import Config
from churn.data import open_bank
from churn.errors import ChurnError, OutputError
from churn.simulation import Summary, simulate_bank
from churn.simulation import structure as s
from churn.simulation.bank import stream


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


def test_a_part_has_exactly_as_many_records_as_numbers(part: Any) -> None:
    assert part.tables["customers"].num_rows == 1200
    assert sorted(part.number[part.number > 0]) == list(range(1, 1201))


def test_streams_of_different_purposes_and_parts_differ_and_repeat() -> None:
    draws = {key: stream(*key).random() for key in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]}
    assert len(set(draws.values())) == 4
    assert stream(0, 0, 0).random() == draws[0, 0, 0]


def test_the_number_of_the_living_is_the_same_at_the_start_and_in_the_end(bank: Any) -> None:
    living = [len(bank.outcomes(day)) for day in ("2022-01-01", "2023-06-01", "2025-12-01")]
    assert max(living) - min(living) < 0.06 * living[0]


def test_campaign_members_are_kept_as_they_were_on_the_day(part: Any) -> None:
    for assignment, members in part.campaigns:
        assert not members.bound[:, assignment.service].any()
        gone = set(assignment.person) - set(members.person)  # in silence, before that day
        assert set(members.person) <= set(assignment.person)
        assert len(gone) < 0.15 * len(assignment.person)


def test_the_reference_population_is_everyone_with_a_holding(part: Any) -> None:
    assert (part.reference.state.coverage >= 1).all()
    assert len(np.unique(part.reference.state.person)) == len(part.reference.state.person)


REFERENCE = "2025-01-01"
TARGETS = pd.Series([0.62, 0.52, 0.42, 0.27, 0.12], index=[1, 2, 3, 4, 5])


def hash_folder(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def by_coverage(values: pd.Series, coverage: pd.Series) -> pd.core.groupby.SeriesGroupBy:
    return values.groupby(coverage.clip(upper=5))


def test_mean_oracle_risk_at_each_coverage_is_within_a_point_of_the_target(bank: Any) -> None:
    oracle = bank.truth("oracle")
    assert (by_coverage(oracle.oracle_risk, oracle.product_coverage).mean() - TARGETS).abs().max() < 0.01


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_seed_meets_the_targets_and_realises_them_within_sampling_error(
    seed: int, tmp_path: Path, bank: Any
) -> None:
    simulate_bank(tmp_path / "bank", customers=2_000, months=24, seed=seed)
    small = dataclasses.replace(bank, folder=tmp_path / "bank")
    outcome, oracle = small.outcomes(REFERENCE), small.truth("oracle")
    assert (by_coverage(oracle.oracle_risk, oracle.product_coverage).mean() - TARGETS).abs().max() < 0.01
    realised = by_coverage(outcome.churned, outcome.coverage)
    error = np.sqrt(TARGETS * (1 - TARGETS) / realised.count())
    assert ((realised.mean() - TARGETS).abs() < 0.02 + 2.6 * error).all()


def test_realised_rates_at_the_reference_date_are_within_two_points_and_sampling_error(bank: Any) -> None:
    outcome = bank.outcomes(REFERENCE)
    realised = by_coverage(outcome.churned, outcome.coverage)
    error = np.sqrt(TARGETS * (1 - TARGETS) / realised.count())
    assert ((realised.mean() - TARGETS).abs() < 0.02 + 2 * error).all()


def test_years_differ_little_without_drift(bank: Any) -> None:
    rates = [bank.outcomes(day).churned.mean() for day in ("2023-01-01", "2024-01-01", REFERENCE)]
    assert max(rates) - min(rates) < 0.03


def test_the_oracle_is_of_exactly_the_population_at_the_reference_date(bank: Any) -> None:
    outcome = bank.outcomes(REFERENCE)
    oracle = bank.truth("oracle").set_index("customer_id")
    assert set(oracle.index) == set(outcome.index)
    assert (oracle.product_coverage.loc[outcome.index] == outcome.coverage).all()


def test_balances_of_those_who_stay_rarely_look_like_silent_leaving(bank: Any) -> None:
    outcome = bank.outcomes(REFERENCE)
    accidental = outcome.silent & (outcome.ratio > 0.03) & (outcome.ratio > 0)
    assert accidental.mean() < 0.01


def test_who_had_decided_to_leave_is_labelled_as_churned(bank: Any) -> None:
    outcome, risk = bank.outcomes(REFERENCE), bank.risk()
    decided = outcome.loc[risk.index[risk == 1]]
    assert len(decided) > 150
    assert decided.churned.mean() > 0.99


def test_a_service_without_effect_looks_protective_by_ten_points(bank: Any) -> None:
    churned = bank.outcomes(REFERENCE).churned
    effects = bank.truth("effects").set_index(["service", "group"]).effect
    for service in ("fund_trading", "wealth_management"):
        bound = bank.bound(service, REFERENCE)
        bound = bound[bound.index.isin(churned.index)]
        y = churned.loc[bound.index]
        assert y[bound].mean() - y[~bound].mean() < -0.10
        assert abs(effects[service, "eligible"]) < 0.005


def test_contacted_customers_churn_more(bank: Any) -> None:
    churned, contacts = bank.outcomes(REFERENCE).churned, bank.table("contacts")
    recent = contacts[(contacts.contacted_on < REFERENCE) & (contacts.contacted_on >= "2024-07-01")]
    contacted = churned.index.isin(recent.customer_id)
    assert churned[contacted].mean() - churned[~contacted].mean() > 0.03


def test_observed_confounders_leave_the_same_targets(observed_bank: Any) -> None:
    oracle = observed_bank.truth("oracle")
    assert (by_coverage(oracle.oracle_risk, oracle.product_coverage).mean() - TARGETS).abs().max() < 0.01


def test_same_arguments_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    hashes = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        simulate_bank(tmp_path / name, customers=100, months=24, seed=seed)
        hashes.append(hash_folder(tmp_path / name))
    assert hashes[0] == hashes[1]
    assert hashes[0] != hashes[2]


def test_parts_hold_every_customer_once_and_know_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PARTITION", 200)
    summary = simulate_bank(tmp_path / "bank", customers=500, months=24)
    assert len(list((tmp_path / "bank" / "pnl").iterdir())) == 3
    customers = pd.read_parquet(tmp_path / "bank" / "customers")
    assert sorted(customers.customer_id) == [f"C{i:07d}" for i in range(1, 501)]
    holdings = pd.read_parquet(tmp_path / "bank" / "holdings")
    assert holdings.holding_id.is_unique
    assert len(holdings) == summary.rows["holdings"]
    assert len(pd.read_parquet(tmp_path / "bank" / "truth" / "oracle.parquet")) > 150


@pytest.mark.parametrize("customers", [50, 77])
def test_the_smallest_banks_can_be_written_and_say_what_they_lack(customers: int, tmp_path: Path) -> None:
    summary = simulate_bank(tmp_path / "bank", customers=customers, months=24, file_format="csv")
    facts = json.loads((tmp_path / "bank" / "simulation.json").read_text())
    assert summary.rows["customers"] == len(pd.read_csv(tmp_path / "bank" / "customers.csv")) == customers
    lacking = [f"no row in {name}" for name, count in summary.rows.items() if count == 0]
    assert [note for note in facts["notes"] if note.startswith("no row")] == lacking


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_table_without_a_row_is_not_written_and_the_bank_can_be_read(
    seed: int, file_format: Any, tmp_path: Path
) -> None:
    summary = simulate_bank(tmp_path / "bank", customers=50, months=24, seed=seed, file_format=file_format, truth=False)
    written = {path.stem for path in (tmp_path / "bank").glob(f"*.{file_format}")}
    assert written == {name for name, count in summary.rows.items() if count > 0}
    with open_bank(tmp_path / "bank", Config()) as opened:
        assert {name: count.rows for name, count in opened.row_counts.items()} == {
            name: count for name, count in summary.rows.items() if count > 0
        }


def test_a_sample_of_150_customers_stays_under_a_megabyte(tmp_path: Path) -> None:
    simulate_bank(tmp_path / "bank", customers=150, months=24, file_format="csv")
    assert sum(path.stat().st_size for path in (tmp_path / "bank").rglob("*") if path.is_file()) < 1_000_000


def test_a_shock_raises_risk_above_the_stated_rates(tmp_path: Path) -> None:
    simulate_bank(tmp_path / "bank", customers=600, months=24, shock=True, truth=False)
    coverage = json.loads((tmp_path / "bank" / "simulation.json").read_text())["coverage"]
    assert all(row["oracle_risk"] > row["target"] + 0.01 for row in coverage)


def test_drift_makes_earlier_years_calmer(tmp_path: Path, bank: Any) -> None:
    simulate_bank(tmp_path / "bank", customers=5_000, months=48, drift=True, truth=False)
    drifting = dataclasses.replace(bank, folder=tmp_path / "bank")
    assert drifting.outcomes(REFERENCE).churned.mean() - drifting.outcomes("2023-01-01").churned.mean() > 0.02


def test_without_truth_no_truth_is_written(tmp_path: Path) -> None:
    simulate_bank(tmp_path / "bank", customers=50, months=24, truth=False)
    assert not (tmp_path / "bank" / "truth").exists()


def test_an_earlier_simulation_is_replaced_and_a_folder_of_ones_own_is_not(tmp_path: Path) -> None:
    simulate_bank(tmp_path / "bank", customers=50, months=24)
    simulate_bank(tmp_path / "bank", customers=60, months=24, truth=False)
    assert len(pd.read_parquet(tmp_path / "bank" / "customers.parquet")) == 60
    assert not (tmp_path / "bank" / "truth").exists()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        simulate_bank(tmp_path / "own", customers=50, months=24)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"customers": 49}, "give at least 50"),
        ({"months": 23}, "give at least 24"),
        ({"seed": -1}, "give 0 or more"),
        ({"file_format": "xlsx"}, "give parquet or csv"),
        ({"confounders": "some"}, "give hidden or observed"),
    ],
)
def test_a_bank_that_cannot_be_is_refused_with_what_to_give_instead(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ChurnError, match=message):
        simulate_bank(tmp_path / "bank", **arguments)
    assert not (tmp_path / "bank").exists()


def test_the_summary_counts_rows_and_gives_the_reference_date(tmp_path: Path) -> None:
    steps: list[str] = []
    summary = simulate_bank(tmp_path / "bank", customers=50, months=24, on_step=steps.append)
    assert isinstance(summary, Summary)
    assert (str(summary.reference_as_of), str(summary.data_end)) == ("2025-01-01", "2025-12-31")
    assert steps == ["living customers 1 to 50 of 50", "writing their tables", "working out the true effects"]


def test_no_latent_is_in_any_table(bank: Any) -> None:
    allowed_outside_the_contract: set[str] = set()
    for path in bank.folder.glob("*.parquet"):
        columns = set(pd.read_parquet(path).columns)
        assert not columns & {*s.LATENTS, "oracle_risk", "keeps", "leaves_in", "dormant", "way"}
        assert columns <= CONTRACT[path.stem] | allowed_outside_the_contract


CONTRACT = {
    "customers": {"customer_id", "branch_id", "manager_id", "opened_on", "closed_on", "birth_year", "tier",
                  "do_not_contact"},
    "customer_states": {"customer_id", "valid_from", "tier", "manager_id", "branch_id"},
    "holdings": {"holding_id", "customer_id", "product", "account_class", "opened_on", "closed_on"},
    "bindings": {"customer_id", "service", "bound_on", "unbound_on"},
    "contacts": {"contact_id", "customer_id", "manager_id", "contacted_on", "channel", "purpose", "reached"},
    "pnl": {"holding_id", "customer_id", "month", "market_value", "cost_basis"},
    "transactions": {"customer_id", "transacted_on", "channel", "amount", "queue_ticket"},
    "referrals": {"referrer_id", "referred_id", "referred_on"},
    "campaigns": {"campaign_id", "customer_id", "service", "assigned_on", "arm"},
}  # fmt: skip
