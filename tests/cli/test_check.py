import json

import pandas as pd
import pytest

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


CUSTOMERS = "customer_id,branch_id,opened_on,经理,tier\nA,N,2020-01-10,,gold\nB,N,2020-01-10,,gold\n合计\n"
HOLDINGS = "holding_id,customer_id,product,opened_on\nH1,A,debit_card,2020-01-10\nH2,B,debit_card,2020-01-10\n"


@pytest.fixture
def small(tmp_path):
    (tmp_path / "customers.csv").write_text(CUSTOMERS)
    (tmp_path / "holdings.csv").write_text(HOLDINGS)
    (tmp_path / "bank.toml").write_text('[tables.customers.columns]\nmanager_id = "经理"\n')
    return tmp_path


def test_a_total_line_is_no_quarantined_row_in_either_language(run, small):
    result = run("check", small, "--config", small / "bank.toml")
    assert result.code == 0
    assert "left out" not in result.err.replace("features are left out", "")
    assert "note: customers: total lines, which are not rows: 1" in result.err
    assert "Every row can be used; total lines are not rows." in result.out
    assert "total lines" in result.out
    assert "manager_id (经理)" in result.out
    counts = json.loads(run("check", small, "--config", small / "bank.toml", "--json").out)["tables"]["customers"]
    assert counts == {"rows": 3, "used": 2, "quarantined": 1}


def test_the_chinese_report_speaks_of_features_and_columns_in_chinese(run, small):
    result = run("check", small, "--config", small / "bank.toml", "--lang", "zh")
    assert "经理 manager_id" in result.out
    assert "1、2" in result.out
    assert "第 1 行是表头之后的第一行" in result.out
    assert (
        "提醒：缺少“绑定服务 bindings”表，22 个特征无法计算（已绑定网上银行、已绑定手机银行、已绑定信用卡还款等）"
        in result.err
    )
    assert "2 个特征无法计算（" in result.err
    (referrals,) = [line for line in result.err.splitlines() if "referrals" in line]
    assert "等）" not in referrals
    assert ": " not in result.err


def test_the_catalogue_describes_every_column_of_a_frame_in_two_languages(run, bank, tmp_path):
    assert run("features", bank, "--as-of", "2024-06-01", "-o", tmp_path / "f.parquet").code == 0
    catalogue = json.loads(run("features", "--catalogue", "--json").out)
    names = list(pd.read_parquet(tmp_path / "f.parquet").columns)
    assert [entry["name"] for entry in catalogue] == names[2:]
    for entry in catalogue:
        assert entry["en"].isascii()
        assert any("一" <= letter <= "鿿" for letter in entry["zh"]), entry["name"]
