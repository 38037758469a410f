"""The short form of the study; `python benchmarks/binding_effects.py` is the long one."""

import csv
import sys

import binding_effects as study
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from churn.config import Config

KINDS = ("hidden", "observed")
CUSTOMERS, MONTHS = 4000, 24
ESTIMATES = ("att", "atu", "itt", "late", "raw")
OFFERED = {"mobile_banking", "credit_card_repayment", "fund_trading", "wealth_management", "cts", "cash_sweep"}


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A small bank of either kind without offers, written as a study writes it and read back."""
    folder = tmp_path_factory.mktemp("study")
    parts = []
    for kind in KINDS:
        study.run(folder / f"{kind}.csv", [3], CUSTOMERS, MONTHS, kind, records=True)
        parts.append(pd.read_csv(folder / f"{kind}.csv"))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def offered(tmp_path_factory):
    """A small bank with offers, judged by them alone."""
    path = tmp_path_factory.mktemp("offers") / "offers.csv"
    study.run(path, [4], CUSTOMERS, MONTHS, "hidden", records=False)
    return pd.read_csv(path)


def test_every_bank_has_a_row_for_every_service_with_its_truth(studied):
    assert studied.groupby("confounders")["service"].apply(list).to_dict() == {
        kind: list(Config().services) for kind in KINDS
    }
    assert (studied["seed"] == 3).all()
    assert (studied["customers"] == CUSTOMERS).all()
    for name in ("att_truth", "atu_truth"):
        assert studied[name].between(-0.5, 0.1).all(), name


def test_estimates_come_with_their_interval_or_not_at_all(studied, offered):
    for name in ESTIMATES:
        rows = offered if name in ("itt", "late") else studied
        low, value, high = (rows[f"{name}_{part}"] for part in ("low", "value", "high"))
        known = value.notna()
        assert known.any(), name
        assert (low.notna() == known).all()
        assert (high.notna() == known).all()
        assert ((low < value) & (value < high))[known].all(), name
    told = studied[studied["atu_value"].notna()]
    assert (told["bound_low"] <= told["atu_low"]).all()
    assert (told["bound_high"] >= told["atu_high"]).all()


def test_services_with_offers_have_both_effects_of_them_and_their_truths(studied, offered):
    found = offered[offered["itt_value"].notna()]
    assert len(found) >= len(OFFERED) - 1
    assert set(found["service"]) <= OFFERED
    assert found[["itt_truth", "late_truth", "verdict"]].notna().all(axis=None)
    assert offered.loc[~offered["service"].isin(OFFERED), ["itt_value", "verdict"]].isna().all(axis=None)
    assert studied[["itt_value", "verdict"]].isna().all(axis=None)  # banks judged by records never made an offer


def test_records_alone_never_say_that_a_binding_cuts_churn(studied):
    for name in ("verdict_records", "verdict_measured"):
        assert set(studied[name]) <= {"suggests", "no_effect", "raises", "cannot_tell"}, name


def test_most_randomised_intervals_hold_their_truth(offered):
    """Of six services at most two do not; with 95 % that fails once in four hundred studies."""
    found = offered[offered["late_value"].notna()]
    for name in ("itt", "late"):
        assert (~study.covers(found, name)).sum() <= 2, name


def test_table_of_a_study_names_every_claim_it_has_rows_for(studied, offered):
    claims = {claim: n for claim, _, n in study.summarise(pd.concat([studied, offered]))}
    assert claims["offers: interval of ITT covers its truth"] == offered["itt_truth"].notna().sum()
    for kind in KINDS:
        assert claims[f"{kind}: cuts"] == len(Config().services)
    biases = study.render_biases(studied).splitlines()
    assert len(biases) == 2 + len(studied)
    assert all(line.count("|") == 7 for line in biases)


def test_offers_alone_leave_the_records_out(offered):
    assert offered["atu_value"].isna().all()
    assert offered["itt_value"].notna().any()
    assert set(offered["verdict_records"]) == {"cannot_tell"}


def row(**known):
    """A service of whose estimates nothing is known but what is given."""
    names = [f"{name}_{part}" for name in ESTIMATES for part in ("value", "low", "high", "truth")]
    blank = dict.fromkeys([*names, "bound_low", "bound_high"], np.nan) | {
        "service": "cts", "customers": 200_000, "confounders": "hidden", "records": True, "verdict": None, "ran": "",
        "verdict_records": "cannot_tell", "verdict_measured": "cannot_tell",
    }  # fmt: skip
    return blank | known


def offer(truth, low, high, verdict, **known):
    ends = {"value": (low + high) / 2, "low": low, "high": high, "truth": truth}
    late = {f"late_{part}": value for part, value in ends.items()}
    return row(
        **late, **{f"itt_{part}": value / 2 for part, value in ends.items()}, verdict=verdict, records=False, **known
    )


def record(truth, low, high, bounds, records, measured, **known):
    ends = {"value": (low + high) / 2, "low": low, "high": high, "truth": truth}
    found = {f"{name}_{part}": value for name in ("att", "atu") for part, value in ends.items()}
    verdicts = {"verdict_records": records, "verdict_measured": measured}
    return row(**found, bound_low=bounds[0], bound_high=bounds[1], ran="placebo outcome", **verdicts, **known)


HAND_MADE = pd.DataFrame(
    [
        offer(-0.06, -0.10, -0.02, "cuts"),
        offer(-0.05, -0.04, 0.01, "cannot_tell"),  # the cut is 5 points, and is missed
        offer(-0.04, -0.10, -0.02, "cuts"),  # less than 5 points: in no row of found cuts
        offer(0.0, -0.10, -0.02, "cuts"),  # a claim where there is nothing
        offer(0.0, -0.02, 0.02, "no_effect"),
        offer(-0.06, -0.10, 0.01, "cannot_tell", customers=60_000),  # too small a bank to promise anything
        record(0.0, -0.02, 0.02, (-0.09, 0.09), "cannot_tell", "no_effect"),
        record(0.0, -0.06, -0.02, (-0.09, 0.01), "cannot_tell", "suggests"),
        record(-0.07, -0.09, -0.05, (-0.12, -0.02), "suggests", "suggests", confounders="observed"),
        record(-0.05, -0.03, 0.01, (-0.04, 0.05), "cannot_tell", "cannot_tell", confounders="observed"),
        row(confounders="observed", att_truth=-0.1, atu_truth=-0.1),  # nothing was told, though it cuts
    ]
)


def test_counts_of_a_hand_made_table_are_right():
    assert study.summarise(HAND_MADE) == [
        ("offers: interval of ITT covers its truth", 4, 6),
        ("offers: interval of LATE covers its truth", 4, 6),
        ("200,000 customers, true cut of 5 points: cuts", 1, 2),
        ("200,000 customers, no effect: cuts", 1, 2),
        ("hidden: an estimate is made", 2, 2),
        ("hidden: of those, a negative control could be run", 2, 2),
        ("hidden: cuts", 0, 2),
        ("hidden, no effect: suggests", 0, 2),
        ("hidden, measured by statement, no effect: suggests", 1, 2),
        ("hidden: interval of ATT covers", 1, 2),
        ("hidden: interval of ATU covers", 1, 2),
        ("hidden: bounds of ATU cover", 2, 2),
        ("observed: an estimate is made", 2, 3),
        ("observed: of those, a negative control could be run", 2, 2),
        ("observed: cuts", 0, 3),
        ("observed, true cut of 5 points: suggests", 1, 3),
        ("observed, measured by statement, true cut of 5 points: suggests", 1, 3),
        ("observed: interval of ATT covers", 1, 2),
        ("observed: interval of ATU covers", 1, 2),
        ("observed: bounds of ATU cover", 1, 2),
    ]


def test_shares_come_with_their_wilson_intervals():
    """Wilson 1927: (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n)."""
    z, n = 1.959964, 20
    for held in (0, 19, 20):
        share = held / n
        centre, reach = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        low, high = ((centre + sign * reach) / (1 + z**2 / n) for sign in (-1, 1))
        expected = f"| of it | 20 | {100 * share:.1f} % | {abs(100 * low):.1f} to {100 * high:.1f} % |"
        assert study.render([("of it", held, n)]).splitlines()[2:] == [expected]
    assert binomtest(19, 20).proportion_ci(method="wilson").low == pytest.approx(0.7639, abs=1e-4)


def test_biases_are_means_over_banks_in_points():
    known = {"raw_value": -0.1, "att_value": -0.02, "att_truth": -0.03, "late_value": 0.004, "late_truth": 0.0}
    rows = pd.DataFrame([row(**known), row(**known | {"raw_value": -0.2})])
    assert study.render_biases(rows).splitlines()[2] == "| hidden | cts | −15.0 | −2.0, −3.0 | –, – | +0.4, +0.0 |"


def test_study_that_was_stopped_goes_on_with_the_banks_that_are_missing(tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(study, "study_bank", lambda *given: asked.append(given) or [{"seed": given[2], "service": "x"}])
    path = tmp_path / "study.csv"
    study.run(path, [1, 2], 10, 36, "hidden", records=True)
    study.run(path, [1, 2, 3], 10, 36, "hidden", records=True)
    assert asked == [(10, 36, seed, "hidden", True) for seed in (1, 2, 3)]
    with path.open(encoding="utf-8", newline="") as stream:
        assert [line["seed"] for line in csv.DictReader(stream)] == ["1", "2", "3"]
    assert capsys.readouterr().out.splitlines() == [f"seed {seed}: 1 services" for seed in (1, 2, 3)]


def test_tables_are_printed_from_the_files_of_a_study(tmp_path, monkeypatch, capsys):
    HAND_MADE.iloc[:8].to_csv(tmp_path / "hidden.csv", index=False)
    HAND_MADE.iloc[8:].to_csv(tmp_path / "observed.csv", index=False)
    files = [str(tmp_path / f"{kind}.csv") for kind in KINDS]
    monkeypatch.setattr(sys, "argv", ["binding_effects.py", "--table", *files])
    study.main()
    out = capsys.readouterr().out
    assert out.startswith(study.render(study.summarise(HAND_MADE)) + "\n\n")
    assert "| observed | cts |" in out
