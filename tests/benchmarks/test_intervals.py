"""The short form of the study; `python benchmarks/intervals.py` is the long one."""

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "intervals.py"


def test_intervals_of_one_bank_hold_a_year_later_and_oftener_than_the_plain_probability(capsys):
    study = runpy.run_path(str(SCRIPT))
    code = study["main"](["--quick", "--customers", "5000"])
    assert code == 0, capsys.readouterr().out


def test_a_claim_that_holds_too_seldom_fails(capsys):
    report = runpy.run_path(str(SCRIPT))["report"]
    shares = {("calm", "exact"): 0.9, ("calm", "widened"): 0.97, ("drift", "exact"): 0.6, ("drift", "widened"): 0.93}
    assert report(shares, quick=False) == 0
    assert report(shares | {("calm", "widened"): 0.94}, quick=False) == 1
    assert report(shares | {("calm", "exact"): 0.98}, quick=False) == 1
    assert report(shares | {("drift", "widened"): 0.85}, quick=False) == 1
    assert "FAILS: drift: 85.0% of groups, at least 90% and 60.0%" in capsys.readouterr().out
