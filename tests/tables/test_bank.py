import datetime as dt
import hashlib
import os
from pathlib import Path

import pandas as pd
import pytest

from churn.tables.bank import open_tables
from churn.tables.checking import RowCount
from churn.tables.contract import to_date, to_days
from churn.threads import use_threads
from conftest import CUSTOMERS, HOLDINGS
from other_bank import make_tables, write_tables

PNL = "holding_id,customer_id,month,market_value\nH1,A,2020-03-31,1\nH1,A,2020-04-30,1\n"
TRANSACTIONS = "customer_id,transacted_on,channel,amount\nA,2020-01-15,atm,1\nA,2020-05-02,atm,1\n"
CONTACTS = (
    "contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached\nC1,A,M1,2020-06-03,call,care,1\n"
    "C2,A,M1,2020-02-30,call,care,1\n"
)


@pytest.mark.parametrize(
    ("tables", "begin", "end"),
    [
        ({}, "2020-01-10", "2020-03-01"),  # customers and holdings
        ({"pnl": PNL}, "2020-03-31", "2020-04-30"),
        ({"pnl": PNL, "transactions": TRANSACTIONS}, "2020-01-15", "2020-05-02"),
        ({"pnl": PNL, "transactions": TRANSACTIONS, "contacts": CONTACTS}, "2020-01-15", "2020-06-03"),
    ],
)
def test_data_run_from_the_first_to_the_last_event_or_else_opening_and_closing(make_folder, tables, begin, end):
    with open_tables(make_folder(**tables)) as bank:
        assert (bank.data_begin.isoformat(), bank.data_end.isoformat()) == (begin, end)


def test_closing_counts_as_data_where_there_are_no_events(make_folder):
    holdings = HOLDINGS.replace("2020-03-01,", "2020-03-01,2020-08-09")
    with open_tables(make_folder(holdings=holdings)) as bank:
        assert bank.data_end == dt.date(2020, 8, 9)


def test_data_end_may_be_given(make_folder):
    with open_tables(make_folder(pnl=PNL), data_end=dt.date(2020, 4, 15)) as bank:
        assert bank.data_end == dt.date(2020, 4, 15)


def test_tables_are_the_same_from_both_forms_and_on_one_and_two_threads(tmp_path):
    tables = make_tables(30, 2)
    names = list(tables)
    found = []
    for form in ("csv", "parquet"):
        folder = write_tables(tables, tmp_path / form, form)
        for n_threads in (1, 2):
            with use_threads(n_threads), open_tables(folder) as bank:
                assert bank.is_ok
                found.append({name: read(bank, name) for name in names})
    for other in found[1:]:
        for name in names:
            pd.testing.assert_frame_equal(other[name], found[0][name], check_exact=True)


def read(bank, name):
    return bank.connection.execute(f"SELECT * FROM {name} ORDER BY source_row").df()


def test_frames_of_a_range_hold_its_customers_and_those_they_refer_to(make_folder):
    referrals = "referrer_id,referred_id,referred_on\nA,B,2020-02-20\nB,A,2020-02-21\n"
    customers = CUSTOMERS + "C,N,,2020-01-01,,,gold\n"
    with open_tables(make_folder(customers=customers, referrals=referrals)) as bank:
        assert bank.ranges(2) == [("A", "B"), ("C", "C")]
        first, last = (bank.frames(between) for between in bank.ranges(2))
        assert ids(first["customers"]) == ["A", "B"]
        assert ids(last["customers"]) == ["C"]
        assert ids(first["holdings"]) == ["A", "A", "B"]
        assert ids(last["holdings"]) == []
        assert len(first["referrals"].collect("pyarrow")) == 2
        assert len(bank.frames(("A", "A"))["referrals"].collect("pyarrow")) == 2


def ids(frame):
    return sorted(frame.collect("pyarrow")["customer_id"].to_list())


def test_file_facts_name_bytes_and_hash(make_folder):
    folder = make_folder()
    with open_tables(folder) as bank:
        facts = {fact["table"]: fact for fact in bank.file_facts()}
    content = (folder / "customers.csv").read_bytes()
    assert facts["customers"] == {
        "table": "customers",
        "file": "customers.csv",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert set(facts) == {"customers", "holdings"}


def test_file_facts_are_of_the_bytes_that_were_read_even_where_the_file_is_another_now(make_folder):
    folder = make_folder()
    path, before = folder / "customers.csv", (folder / "customers.csv").stat()
    content = path.read_bytes()
    with open_tables(folder) as bank:
        path.with_name("new").write_bytes(content.replace(b"gold", b"GOLD"))
        os.utime(path.with_name("new"), ns=(before.st_atime_ns, before.st_mtime_ns))
        path.with_name("new").replace(path)
        facts = {fact["table"]: fact["sha256"] for fact in bank.file_facts()}
    assert facts["customers"] == hashlib.sha256(content).hexdigest()


def test_rows_left_out_are_counted(make_folder):
    with open_tables(make_folder(holdings=HOLDINGS + "H4,A,dragon,,2020-01-01,\n")) as bank:
        assert bank.row_counts["holdings"] == RowCount(rows=4, used=3, quarantined=1)
        assert not bank.is_ok


def test_warnings_alone_leave_the_bank_ok(make_folder):
    with open_tables(make_folder(customers=CUSTOMERS.replace("M1", ""))) as bank:
        assert [finding.rule for finding in bank.findings] == ["vip_without_manager"]
        assert bank.is_ok


def test_input_is_left_as_it_was(make_folder):
    folder = make_folder(customers=CUSTOMERS.encode("utf-8-sig"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with open_tables(folder):
        pass
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(("date", "days"), [("1970-01-01", 0), ("1969-12-31", -1), ("2016-12-01", 17136)])
def test_days_are_whole_days_since_1970(date, days):
    assert to_days(dt.date.fromisoformat(date)) == days
    assert to_date(days).isoformat() == date


def test_a_folder_named_from_where_one_stands_is_found_after_going_elsewhere(make_folder, monkeypatch):
    folder = make_folder()
    for place, name in ((folder.parent, "bank"), (folder, ".")):
        monkeypatch.chdir(place)
        with open_tables(Path(name)) as bank:
            assert bank.row_counts["customers"].rows == 2
