import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churn.errors import DataError
from churn.tables.bank import open_tables
from churn.threads import use_threads
from conftest import CUSTOMERS, HOLDINGS
from long_runs import examples

CANARY = "Qz7canary"


def check(folder):
    with open_tables(folder) as bank:
        for name, count in bank.row_counts.items():
            assert count.rows == count.used + count.quarantined
            assert count.quarantined == sum(row[0] == name for row in bank.quarantine())
        left_out = [(table, row, column, rule) for table, _, row, column, rule in bank.quarantine()]
        return left_out, {(f.table, f.column, f.rule): (f.severity, f.count, f.rows) for f in bank.findings}


def test_exact_copies_keep_the_first(make_folder):
    row = "B,N,,2020-02-20,,1990,ordinary\n"
    left_out, findings = check(make_folder(customers=CUSTOMERS + row + row))
    assert left_out == [("customers", 3, "", "exact_copy"), ("customers", 4, "", "exact_copy")]
    assert findings["customers", "", "exact_copy"] == ("error", 2, (3, 4))


def test_copies_may_stand_in_two_parts_and_differ_in_columns_nobody_reads(make_folder):
    folder = make_folder(customers=None)
    (folder / "customers").mkdir()
    header = "customer_id,branch_id,opened_on,tier,note\n"
    (folder / "customers" / "0.csv").write_text(header + "A,N,2020-01-10,gold,x\nB,N,2020-02-20,gold,x\n")
    (folder / "customers" / "1.csv").write_text(header + "A,N,2020-01-10,gold,y\n")
    with open_tables(folder) as bank:
        assert list(bank.quarantine()) == [("customers", "1.csv", 1, "", "exact_copy")]


def test_rows_that_contradict_each_other_under_a_key_are_all_left_out(make_folder):
    holdings = HOLDINGS + "H2,A,fund,,2020-03-02,\nH2,A,fund,,2020-03-01,\nH4,B,fund,,2020-03-01,\n"
    left_out, _ = check(make_folder(holdings=holdings))
    assert left_out == [("holdings", row, "", "duplicate_key") for row in (2, 4, 5)]


def test_unreadable_row_contradicts_a_readable_one_of_its_key(make_folder):
    left_out, _ = check(make_folder(holdings=HOLDINGS + "H2,A,fund,,yesterday,\n"))
    assert left_out == [("holdings", 2, "", "duplicate_key"), ("holdings", 4, "opened_on", "not_a_date")]


@pytest.mark.parametrize(
    ("table", "first", "second", "both_stay"),
    [
        ("bindings", "A,cts,2020-03-01,", "A,cts,2020-03-02,", True),
        ("bindings", "A,cts,2020-03-01,", "A,cts,2020-03-01,2020-04-01", False),
        ("customer_states", "A,2020-03-01,gold", "A,2020-03-02,gold", True),
        ("customer_states", "A,2020-03-01,gold", "A,2020-03-01,ordinary", False),
        ("pnl", "H2,A,2020-03-31,1,1", "H2,A,2020-04-30,1,1", True),
        ("pnl", "H2,A,2020-03-31,1,1", "H2,A,2020-03-31,1,2", False),
        ("contacts", "C1,A,M,2020-03-31,call,care,1", "C1,A,M,2020-03-31,call,care,0", False),
        ("referrals", "A,B,2020-03-01", "A,B,2020-03-02", True),
        ("campaigns", "P,A,cts,2020-03-01,treated", "P,A,cts,2020-03-01,control", False),
        ("labels", "A,2020-03-01,0", "A,2020-03-01,1", False),
        ("transactions", "A,2020-03-01,atm,1", "A,2020-03-01,atm,2", True),
    ],
)
def test_key_of_each_table(make_folder, table, first, second, both_stay):
    headers = {
        "bindings": "customer_id,service,bound_on,unbound_on",
        "customer_states": "customer_id,valid_from,tier",
        "pnl": "holding_id,customer_id,month,market_value,cost_basis",
        "contacts": "contact_id,customer_id,manager_id,contacted_on,channel,purpose,reached",
        "referrals": "referrer_id,referred_id,referred_on",
        "campaigns": "campaign_id,customer_id,service,assigned_on,arm",
        "labels": "customer_id,as_of,churned",
        "transactions": "customer_id,transacted_on,channel,amount",
    }
    other = first.replace("A,", "B,").replace("H2,", "H3,").replace("C1,", "C2,")
    left_out, _ = check(make_folder(**{table: f"{headers[table]}\n{first}\n{second}\n{other}\n"}))
    expected = [] if both_stay else [(table, 1, "", "duplicate_key"), (table, 2, "", "duplicate_key")]
    assert left_out == expected


def test_equal_transactions_are_copies_unless_they_have_ids(make_folder):
    header, row = "customer_id,transacted_on,channel,amount", "A,2020-03-01,atm,1"
    plain, _ = check(make_folder(transactions=f"{header}\n{row}\n{row}\n"))
    named, _ = check(make_folder("named", transactions=f"{header},transaction_id\n{row},T1\n{row},T2\n{row},T2\n"))
    assert plain == [("transactions", 2, "", "exact_copy")]
    assert named == [("transactions", 3, "", "exact_copy")]


def test_unknown_customer_is_left_out_and_so_are_the_rows_of_a_quarantined_one(make_folder):
    customers = CUSTOMERS + "C,N,,2020-02-20,2020-02-19,,gold\n"
    holdings = HOLDINGS + "H4,C,fund,,2020-03-01,\nH5,nobody,fund,,2020-03-01,\n"
    referrals = "referrer_id,referred_id,referred_on\nA,B,2020-03-01\nA,C,2020-03-01\nC,A,2020-03-01\n"
    left_out, _ = check(make_folder(customers=customers, holdings=holdings, referrals=referrals))
    assert left_out == [
        ("customers", 3, "closed_on", "ends_before_beginning"),
        ("referrals", 2, "referred_id", "unknown_customer"),
        ("referrals", 3, "referrer_id", "unknown_customer"),
        ("holdings", 4, "customer_id", "unknown_customer"),
        ("holdings", 5, "customer_id", "unknown_customer"),
    ]


@pytest.mark.parametrize(
    ("table", "rows", "column"),
    [
        ("holdings", "holding_id,customer_id,product,opened_on,closed_on\nH,A,fund,{},{}\n", "closed_on"),
        ("bindings", "customer_id,service,bound_on,unbound_on\nA,cts,{},{}\n", "unbound_on"),
    ],
)
def test_end_before_its_beginning_is_left_out_and_on_the_same_day_is_not(make_folder, table, rows, column):
    both = {"holdings": HOLDINGS, table: rows.format("2020-05-02", "2020-05-02")}
    same, _ = check(make_folder("same", **both))
    with_good = (
        rows.format("2020-05-02", "2020-05-01")
        + ("H9," if table == "holdings" else "")
        + ("A,fund,2020-05-01,\n" if table == "holdings" else "A,fund_trading,2020-05-01,\n")
    )
    before, _ = check(make_folder("before", **(both | {table: with_good})))
    assert same == []
    assert before == [(table, 1, column, "ends_before_beginning")]


def test_row_is_named_under_the_first_rule_it_breaks(make_folder):
    left_out, _ = check(make_folder(holdings=HOLDINGS + "H4,nobody,dragon,9,never,\n"))
    assert left_out == [("holdings", 4, "product", "unknown_value")]


def test_findings_show_five_rows_at_most(make_folder):
    bad = "".join(f"X{i},A,dragon,,2020-03-01,\n" for i in range(7))
    _, findings = check(make_folder(holdings=HOLDINGS + bad))
    assert findings["holdings", "product", "unknown_value"] == ("error", 7, (4, 5, 6, 7, 8))


def class_1(*rows):
    return "holding_id,customer_id,product,account_class,opened_on,closed_on\n" + "".join(f"{row}\n" for row in rows)


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("H1,A,debit_card,1,2020-01-10,", "H2,A,debit_card,1,2020-01-11,", True),
        ("H1,A,debit_card,1,2010-01-10,", "H2,A,debit_card,1,2016-12-01,", True),
        ("H1,A,debit_card,1,2010-01-10,", "H2,A,debit_card,1,2016-11-30,", False),  # before the rule
        ("H1,A,debit_card,1,2020-01-10,", "H2,A,debit_card,2,2020-01-11,", False),
        ("H1,A,debit_card,1,2020-01-10,", "H2,B,debit_card,1,2020-01-11,", False),
        ("H1,A,debit_card,1,2020-01-10,2020-01-11", "H2,A,debit_card,1,2020-01-11,", False),  # the first was closed
    ],
)
def test_second_class_1_account_is_warned_of_and_kept(make_folder, first, second, found):
    left_out, findings = check(make_folder(holdings=class_1(first, second)))
    assert left_out == []
    expected = {("holdings", "account_class", "second_class_1_account"): ("warning", 1, (2,))} if found else {}
    assert {key: value for key, value in findings.items() if key[0] == "holdings"} == expected


def test_service_bound_though_its_product_was_never_held_is_warned_of(make_folder):
    bindings = "customer_id,service,bound_on\nA,fund_trading,2020-03-01\nA,cts,2020-03-01\nB,fund_trading,2020-03-01\n"
    left_out, findings = check(make_folder(bindings=bindings))
    assert left_out == []
    assert findings == {("bindings", "service", "product_never_held"): ("warning", 2, (2, 3))}


def test_vip_without_a_manager_is_warned_of_while_a_customer(make_folder):
    more = "C,N,,2020-01-01,,,platinum\nD,N,,2020-01-01,2020-01-02,,gold\nE,N,M1,2020-01-01,,,gold\n"
    left_out, findings = check(make_folder(customers=CUSTOMERS + more))
    assert left_out == []
    assert findings == {("customers", "manager_id", "vip_without_manager"): ("warning", 1, (3,))}


def test_without_a_manager_column_nothing_is_said_of_managers(make_folder):
    _, findings = check(make_folder(customers=CUSTOMERS.replace("manager_id", "boss")))
    assert findings == {}


def test_valuation_of_an_unknown_holding_is_warned_of(make_folder):
    pnl = "holding_id,customer_id,month,market_value\nH9,A,2020-03-31,1\nH1,A,2020-03-31,1\n"
    left_out, findings = check(make_folder(pnl=pnl))
    assert left_out == []
    assert findings == {("pnl", "holding_id", "unknown_holding"): ("warning", 1, (1,))}


def test_no_finding_no_line_and_no_quarantine_repeats_a_cell(make_folder):
    bad = f"{CANARY},{CANARY},{CANARY},{CANARY},{CANARY},{CANARY}\n"
    tables = {
        "customers": CUSTOMERS + bad + f"{CANARY},N,,2020-01-01,,,gold\n" * 2 + f"{CANARY},S,,2020-01-01,,,gold\n",
        "holdings": HOLDINGS + bad + f"{CANARY},A,{CANARY},,2020-01-01,\n",
        "transactions": "customer_id,transacted_on,channel,amount\nA,2020-01-15,atm,1\n" + ",".join([CANARY] * 4),
    }
    with open_tables(make_folder(**tables)) as bank:
        assert not bank.is_ok
        for said in (bank.findings, bank.row_counts, list(bank.quarantine())):
            assert CANARY not in str(said)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("customers", f"customer_id,branch_id,opened_on,tier\n{CANARY},N,{CANARY},{CANARY}\n"),
        ("transactions", f"customer_id,transacted_on,channel,amount\nA,{CANARY},{CANARY},{CANARY}\n"),
    ],
)
def test_table_of_which_no_row_can_be_used_is_refused_without_its_cells(make_folder, table, text):
    with pytest.raises(DataError, match="none of the 1 rows") as caught, open_tables(make_folder(**{table: text})):
        pass
    assert CANARY not in str(caught.value)


cells = st.sampled_from(
    ["A", "B", "", "2020-01-10", "2019-02-30", "fund", "1", "1e400", '"', '"q"', "\n", "城", ";", "x,y"]
)
lines = st.lists(st.lists(cells, min_size=1, max_size=5).map(",".join), max_size=8)


@settings(max_examples=examples(12, 40), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(lines=lines)
def test_every_row_is_used_or_quarantined(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("corrupted")
    (folder / "customers.csv").write_text(CUSTOMERS)
    (folder / "holdings.csv").write_text(HOLDINGS)
    header = "customer_id,transacted_on,channel,amount\n"
    (folder / "transactions.csv").write_text(header + "A,2020-01-10,atm,1\n" + "\n".join(lines) + "\n")
    with use_threads(1), open_tables(folder) as bank:
        count = bank.row_counts["transactions"]
        left_out = [row for table, _, row, *_ in bank.quarantine() if table == "transactions"]
        used = [row for (row,) in bank.connection.execute("SELECT source_row FROM transactions").fetchall()]
    assert count.rows == count.used + count.quarantined
    assert (count.used, count.quarantined) == (len(used), len(left_out))
    assert sorted(used + left_out) == list(range(1, count.rows + 1))
    assert 1 in used
