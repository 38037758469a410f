import json

import pandas as pd
import pytest


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_simulated_bank_passes_the_check_and_has_its_truth_apart(run, tmp_path, form):
    out = tmp_path / "bank"
    assert run("simulate", out, "--customers", 300, "--months", 36, "--seed", 4, "--format", form).code == 0
    result = run("check", out, "--json")
    assert result.code == 0
    document = json.loads(result.out)
    assert document["tables"]["customers"]["rows"] == 300
    assert set(document["tables"]) == {
        "bindings",
        "campaigns",
        "contacts",
        "customer_states",
        "customers",
        "holdings",
        "pnl",
        "referrals",
        "transactions",
    }
    risk = pd.read_parquet(out / "truth" / "oracle.parquet")["oracle_risk"]
    assert risk.between(0, 1).all()


def test_too_small_a_bank_is_one_line(run, tmp_path):
    result = run("simulate", tmp_path / "bank", "--customers", 3)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert not (tmp_path / "bank").exists()
