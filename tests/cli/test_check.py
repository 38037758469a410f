import json

import pandas as pd

from other_bank import make_tables, write_tables


def test_json_has_the_promised_form_and_row_accounts_add_up(run, tmp_path):
    tables = make_tables(200, seed=1)
    tables["customers"].loc[3, "tier"] = "CANARY"
    tables["holdings"] = pd.concat([tables["holdings"], tables["holdings"].iloc[[0]]])
    folder = write_tables(tables, tmp_path / "bank")
    result = run("check", folder, "--json")
    assert result.code == 1
    document = json.loads(result.out)
    assert document["ok"] is False
    for counts in document["tables"].values():
        assert counts["rows"] == counts["used"] + counts["quarantined"]
    errors = {(f["table"], f["column"], f["rule"]): f for f in document["findings"] if f["severity"] == "error"}
    assert errors["customers", "tier", "unknown_value"]["rows"] == [4]
    assert errors["holdings", "", "exact_copy"]["rows"] == [len(tables["holdings"])]
    assert errors["holdings", "customer_id", "unknown_customer"]["count"] > 0
    assert "CANARY" not in result.out + result.err


def test_clean_tables_exit_with_0(run, bank):
    result = run("check", bank)
    assert result.code == 0
    assert "Every row can be used." in result.out


def test_without_optional_tables_a_warning_names_the_table_and_the_features_lost(run, bank, tmp_path):
    (tmp_path / "two").mkdir()
    for name in ("customers", "holdings"):
        (tmp_path / "two" / f"{name}.parquet").write_bytes((bank / f"{name}.parquet").read_bytes())
    result = run("features", tmp_path / "two", "--as-of", "2024-06-01", "-o", tmp_path / "f.parquet")
    assert result.code == 0
    assert "pnl: not there" in result.err
    assert "aum_cny" in result.err
    names = pd.read_parquet(tmp_path / "f.parquet").columns
    assert {"customer_id", "as_of", "product_coverage", "tenure_days"} <= set(names)
    assert not {"aum_cny", "n_bound", "tier_level"} & set(names)


def test_the_catalogue_describes_every_column_of_a_frame_in_two_languages(run, bank, tmp_path):
    assert run("features", bank, "--as-of", "2024-06-01", "-o", tmp_path / "f.parquet").code == 0
    catalogue = json.loads(run("features", "--catalogue", "--json").out)
    names = list(pd.read_parquet(tmp_path / "f.parquet").columns)
    assert [entry["name"] for entry in catalogue] == names[2:]
    for entry in catalogue:
        assert entry["en"].isascii()
        assert any("一" <= letter <= "鿿" for letter in entry["zh"]), entry["name"]
