import datetime as dt

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest

from churn.config import Config, FlatFile, read_config
from churn.errors import ConfigError, DataError
from churn.tables.bank import open_tables
from churn.tables.contract import contract_tables
from churn.tables.flat import open_flat
from churn.tables.sources import require_mapping
from conftest import CUSTOMERS

CANARY = "Qz7canary"
ARROW = pa.table(
    {
        "customer_id": ["A", "B"],
        "branch_id": ["N", "N"],
        "opened_on": [dt.date(2020, 1, 10), dt.date(2020, 2, 20)],
        "tier": ["gold", "ordinary"],
    }
)


def read_customers(folder, config=None):
    with open_tables(folder, config) as bank:
        query = "SELECT customer_id, branch_id, opened_on, tier FROM customers ORDER BY source_file, source_row"
        return bank.connection.execute(query).fetchall()


def refuse(folder, *words, config=None):
    with pytest.raises(DataError) as caught, open_tables(folder, config):
        pass
    message = str(caught.value)
    assert CANARY not in message
    assert "\n" not in message
    for word in words:
        assert word in message


EXPECTED = [("A", "N", 18271, "gold"), ("B", "N", 18312, "ordinary")]


@pytest.mark.parametrize(
    "customers",
    [
        CUSTOMERS,
        CUSTOMERS.encode("utf-8-sig"),
        CUSTOMERS.replace("\n", "\r\n").encode(),
        CUSTOMERS.replace(",", ";"),
        CUSTOMERS.replace(",", "\t"),
        CUSTOMERS.replace(",", "|"),
        CUSTOMERS.replace("A,N", '"A","N"'),
        CUSTOMERS.rstrip("\n"),
        CUSTOMERS.replace("\nB", "\n\nB"),
        ARROW,
    ],
    ids=["utf-8", "mark", "crlf", "semicolon", "tab", "bar", "quoted", "no last line end", "blank line", "parquet"],
)
def test_every_form_of_a_table_reads_the_same(make_folder, customers):
    assert read_customers(make_folder(customers=customers)) == EXPECTED


@pytest.mark.parametrize("encoding", [None, "gb18030", "gbk"])
def test_chinese_extract_loads_unchanged_through_a_configuration(make_folder, encoding):
    text = "客户号,网点,开户日期,等级,备注\nA,城东,20200110,金卡,无\nB,城西,20200220,普卡,无\n"
    folder = make_folder(customers=None)
    (folder / "客户信息.csv").write_bytes(text.encode("gb18030"))
    source = {
        "file": "客户信息.csv",
        "encoding": encoding,
        "columns": {"customer_id": "客户号", "branch_id": "网点", "opened_on": "开户日期", "tier": "等级"},
        "dates": {"opened_on": "%Y%m%d"},
        "values": {"tier": {"普卡": "ordinary", "金卡": "gold"}},
    }
    config = Config.model_validate({"tables": {"customers": source}})
    assert read_customers(folder, config) == [("A", "城东", 18271, "gold"), ("B", "城西", 18312, "ordinary")]


def test_long_gb18030_file_is_decoded_across_its_chunks(make_folder):
    lines = "".join(f"C{i},城东支行,2020-01-10,gold\n" for i in range(70_000))
    folder = make_folder(
        customers=("customer_id,branch_id,opened_on,tier\nA,城东支行,2020-01-10,gold\n" + lines).encode("gbk")
    )
    with open_tables(folder) as bank:
        found = bank.connection.execute("SELECT count(*), count(DISTINCT branch_id) FROM customers").fetchall()
    assert found == [(70_001, 1)]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_parts_are_read_in_the_order_of_their_names(make_folder, form):
    folder = make_folder(customers=None)
    parts = folder / "customers"
    parts.mkdir()
    (parts / "README.txt").write_text("not a part")
    for name, row in (("part-1", 0), ("part-0", 1)):
        if form == "csv":
            (parts / f"{name}.csv").write_text("\n".join([CUSTOMERS.split("\n")[0], CUSTOMERS.split("\n")[1 + row]]))
        else:
            pa.parquet.write_table(ARROW.slice(row, 1), parts / f"{name}.parquet")
    assert read_customers(folder) == EXPECTED[::-1]


def test_parts_may_order_their_columns_differently(make_folder):
    folder = make_folder(customers=None)
    (folder / "customers").mkdir()
    (folder / "customers" / "0.csv").write_text("customer_id,branch_id,opened_on,tier\nA,N,2020-01-10,gold\n")
    (folder / "customers" / "1.csv").write_text("tier,opened_on,branch_id,customer_id\nordinary,2020-02-20,N,B\n")
    assert read_customers(folder) == EXPECTED


def test_parts_with_other_columns_are_refused(make_folder):
    folder = make_folder(customers=None)
    (folder / "customers").mkdir()
    (folder / "customers" / "0.csv").write_text("customer_id,branch_id,opened_on,tier\nA,N,2020-01-10,gold\n")
    (folder / "customers" / "1.csv").write_text(CUSTOMERS)
    refuse(folder, "customers", "differ in their columns")


def test_folder_without_parts_is_refused(make_folder):
    folder = make_folder(customers=None)
    (folder / "customers").mkdir()
    refuse(folder, "customers", "holds no")


def test_parts_in_two_forms_are_refused(make_folder):
    folder = make_folder(customers=None)
    (folder / "customers").mkdir()
    (folder / "customers" / "0.csv").write_text(CUSTOMERS)
    pa.parquet.write_table(ARROW, folder / "customers" / "1.parquet")
    refuse(folder, "customers", "twice")


@pytest.mark.parametrize("second", ["customers.parquet", "customers"])
def test_table_found_twice_is_refused(make_folder, second):
    folder = make_folder()
    if second == "customers":
        (folder / second).mkdir()
    else:
        pa.parquet.write_table(ARROW, folder / second)
    refuse(folder, "customers.csv", second, "twice")


@pytest.mark.parametrize("table", ["customers", "holdings"])
def test_required_table_that_is_missing_is_named(make_folder, table):
    refuse(make_folder(**{table: None}), f"required table {table} is missing")


def test_folder_that_is_missing_is_named(tmp_path):
    refuse(tmp_path / "nowhere", "nowhere", "no such folder")


def test_configured_file_that_is_missing_is_named(make_folder):
    config = Config.model_validate({"tables": {"contacts": {"file": "calls.csv"}}})
    refuse(make_folder(), "calls.csv", "tables.contacts.file", config=config)


def test_empty_file_is_refused(make_folder):
    refuse(make_folder(contacts=""), "contacts.csv", "is empty")


@pytest.mark.parametrize("table", ["customers", "holdings"])
def test_required_table_with_a_header_alone_is_refused(make_folder, table):
    header = {"customers": CUSTOMERS, "holdings": "holding_id,customer_id,product,opened_on\n"}[table].split("\n")[0]
    refuse(make_folder(**{table: header + "\n"}), f"{table}.csv", "is empty")


def test_optional_table_with_a_header_alone_is_refused_since_nothing_is_not_zero(make_folder):
    refuse(make_folder(referrals="referrer_id,referred_id,referred_on\n"), "referrals", "empty", "remove the file")


def test_month_that_is_not_its_last_day_is_left_out(make_folder):
    pnl = "holding_id,customer_id,month,market_value\nH1,A,2020-01-30,5\nH1,A,2020-02-29,6\n"
    with open_tables(make_folder(pnl=pnl)) as bank:
        assert [entry[2:] for entry in bank.quarantine()] == [(1, "month", "not_a_month_end")]


def test_parquet_cut_short_is_refused(make_folder):
    folder = make_folder(customers=ARROW)
    path = folder / "customers.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    refuse(folder, "customers.parquet", "Parquet")


def test_parquet_broken_in_its_middle_is_refused_without_a_cell(make_folder):
    cells = pa.table(
        {"customer_id": [f"{CANARY}{i}" for i in range(3000)]} | {n: ["N"] * 3000 for n in ("branch_id", "tier")}
    )
    folder = make_folder(customers=cells.append_column("opened_on", pa.array(["2020-01-10"] * 3000)))
    path = folder / "customers.parquet"
    whole = bytearray(path.read_bytes())
    whole[40:4000] = b"\xff" * 3960
    path.write_bytes(whole)
    refuse(folder, "customers.parquet")


def test_bytes_of_no_encoding_are_refused_with_their_position(make_folder):
    start = f"customer_id,branch_id,opened_on,tier\n{CANARY},".encode()
    refuse(make_folder(customers=start + b"\xff\xff,2020-01-10,gold\n"), "customers.csv", f"byte {len(start)}")


def test_bytes_that_are_not_of_the_configured_encoding_are_refused(make_folder):
    config = Config.model_validate({"tables": {"customers": {"encoding": "utf-8"}}})
    refuse(make_folder(customers=CUSTOMERS.replace("N", "城").encode("gbk")), "byte", "utf-8", config=config)


def test_unknown_encoding_is_refused(make_folder):
    config = Config.model_validate({"tables": {"customers": {"encoding": "klingon"}}})
    refuse(make_folder(), "klingon", config=config)


def test_column_named_twice_is_refused(make_folder):
    refuse(make_folder(customers=CUSTOMERS.replace("manager_id", "tier", 1)), "columns 3 and 7", "same name")


@pytest.mark.parametrize("folder", ["tier=platinum/customer_id=Z", "b[1]", "b*?", "it's"])
def test_name_of_a_folder_is_never_read_as_data(make_folder, folder):
    # Beside them what each would match as a pattern.
    for other in ("b1", "bxx"):
        make_folder(other, customers=ARROW.set_column(1, "branch_id", pa.array(["Z", "Z"])))
    assert read_customers(make_folder(folder, customers=ARROW)) == EXPECTED


@pytest.mark.parametrize("name", ["f[1].csv", "f*.csv", "f?.csv", "f[1].parquet"])
def test_name_of_a_file_is_never_a_pattern(tmp_path, name):
    for file, value in ((name, 1.0), (name.translate(str.maketrans("*?", "11", "[]")), 2.0)):
        frame = pd.DataFrame({"id": ["A", "B"], "left": ["Yes", "No"], "x": value})
        frame.to_csv(tmp_path / file, index=False) if file.endswith("csv") else frame.to_parquet(tmp_path / file)
    with open_flat(tmp_path / name, FlatFile(id="id", label="left", churned="Yes"), labels="needed") as table:
        assert table.rows().features["x"].tolist() == [1, 1]


@pytest.mark.parametrize("name", ["c.csv.7z", "part.PARQUET.tmp"])
def test_parts_that_would_be_missed_are_refused(make_folder, tmp_path, name):
    folder = make_folder(customers=None)
    (folder / "customers").mkdir()
    (folder / "customers" / "A.CSV").write_text(CUSTOMERS)
    assert len(read_customers(folder)) == 2
    (folder / "customers" / name).write_text("x")
    refuse(folder, name, "not a .parquet, .csv or .xlsx part")
    (folder / "customers" / name).unlink()
    (folder / "customers" / "year=2024").mkdir()
    refuse(folder, "year=2024")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_folders_of_keys_fill_the_columns_they_name(make_folder, form):
    folder = make_folder(customers=None)
    for row, (tier, branch) in enumerate((("gold", "N%2FE"), ("ordinary", "__HIVE_DEFAULT_PARTITION__"))):
        part = folder / "customers" / "year=2024" / f"tier={tier}" / f"branch_id={branch}" / f"part.{form}"
        part.parent.mkdir(parents=True)
        table = ARROW.select(["customer_id", "opened_on"]).slice(row, 1)
        (pa.parquet.write_table if form == "parquet" else pa.csv.write_csv)(table, part)
    with open_tables(folder) as bank:
        rows = bank.connection.execute("SELECT customer_id, tier, branch_id FROM customers").fetchall()
        assert (rows, bank.ignored_columns) == ([("A", "gold", "N/E")], {"customers": 1})
        name = f"year=2024/tier=ordinary/branch_id=__HIVE_DEFAULT_PARTITION__/part.{form}"
        assert next(bank.quarantine()) == ("customers", name, 1, "branch_id", "missing_value")


def test_folders_of_keys_that_are_nested_in_different_ways_are_refused(make_folder):
    folder = make_folder(customers=None)
    for name in ("tier=gold", "tier=ordinary/year=2024"):
        (folder / "customers" / name).mkdir(parents=True)
        (folder / "customers" / name / "part.csv").write_text(CUSTOMERS)
    refuse(folder, "customers", "nested in different ways")


@pytest.mark.parametrize("ends", ["\n\r\n", "\r\n\r", "\n\r"])
def test_mixed_line_ends_are_read_as_one_kind(make_folder, ends):
    lines = CUSTOMERS.splitlines()
    kinds = ends.replace("\r\n", "w").replace("\n", "u").replace("\r", "m")
    signs = {"w": "\r\n", "u": "\n", "m": "\r"}
    text = "".join(line + signs[kinds[i % len(kinds)]] for i, line in enumerate(lines))
    assert len(read_customers(make_folder(customers=text.encode()))) == 2


@pytest.mark.parametrize("encoding", ["hex", "rot13", "base64", "utf-16"])
def test_an_encoding_that_is_none_or_does_not_fit_is_one_error(make_folder, encoding):
    config = Config.model_validate({"tables": {"customers": {"encoding": encoding}}})
    refuse(make_folder(), "customers.csv", config=config)


def workbook_of(path, *rows):
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    workbook.save(path)


ROWS = [line.split(",") for line in CUSTOMERS.splitlines()]


@pytest.mark.parametrize("name", ["customers.XLSX", "customers.xlsx", "customers.CSV", "customers.csv"])
def test_an_ending_in_capitals_and_a_renamed_workbook_are_recognised(make_folder, name):
    folder = make_folder(customers=None)
    workbook_of(folder / "plain.xlsx", *ROWS)
    (folder / "plain.xlsx").rename(folder / name)
    assert read_customers(folder) == EXPECTED


def test_an_old_workbook_under_another_ending_says_so(make_folder):
    refuse(
        make_folder(customers=bytes.fromhex("d0cf11e0a1b11ae1") + bytes(999)), "customers.csv: is encrypted, or an old"
    )


def test_the_mark_of_an_open_workbook_is_no_part(make_folder):
    folder = make_folder(customers=None)
    (folder / "customers").mkdir()
    workbook_of(folder / "customers" / "a.xlsx", *ROWS)
    (folder / "customers" / "~$a.xlsx").write_bytes(b"x" * 165)
    assert read_customers(folder) == EXPECTED


def test_a_blank_first_row_says_so(make_folder):
    refuse(make_folder(customers="\n" + CUSTOMERS), "its first line is blank; remove the blank lines above")
    folder = make_folder("sheet", customers=None)
    workbook_of(folder / "customers.xlsx", [], *ROWS)
    refuse(folder, "its first line is blank")
    refuse(make_folder("none", customers="\n\n"), "is empty")


def test_a_title_above_the_header_is_asked_for(make_folder):
    refuse(make_folder(customers="客户清单\n" + CUSTOMERS), "is there a header, and no title above it?")


def test_a_transposed_sheet_tells_none_of_its_customers(make_folder):
    rows = zip(*[line.split(",") for line in CUSTOMERS.replace("A,N", f"{CANARY},N").splitlines()], strict=True)
    text = "\n".join(",".join(row) for row in rows) + "\n"
    refuse(make_folder(customers=text), "the file has customer_id and 2 others")


def require(config):
    require_mapping(config, contract_tables(config))


@pytest.mark.parametrize(
    ("customers", "where"),
    [
        ({"columns": {"closd_on": "x"}}, "columns.closd_on: is not a column"),
        ({"dates": {"opened": "%Y%m%d"}}, "dates.opened: is not a column"),
        ({"values": {"teir": {"a": "gold"}}}, "values.teir: is not a column"),
        ({"constants": {"teir": "gold"}}, "constants.teir: is not a column"),
        ({"constants": {"tier": "dragon"}}, "constants.tier: must be one of ordinary, gold, platinum"),
        ({"constants": {"opened_on": "20200110"}}, "constants.opened_on: must be a date of the form %Y-%m-%d"),
        ({"constants": {"birth_year": "old"}}, "constants.birth_year: must be a whole number"),
        ({"constants": {"do_not_contact": "perhaps"}}, "constants.do_not_contact: must be true or false"),
        ({"constants": {"tier": ""}}, "constants.tier: is empty"),
        ({"values": {"tier": {"金卡": "golden"}}}, "values.tier.金卡: must be one of ordinary, gold, platinum"),
        ({"values": {"closed_on": {"0": "never"}}}, "values.closed_on.0: must be a date"),
        ({"values": {"birth_year": {"0": "never"}}}, "values.birth_year.0: must be a whole number"),
        ({"columns": {"customer_id": "编号", "branch_id": "编号"}}, "columns.customer_id: .* that of branch_id too"),
        ({"columns": {"branch_id": "manager_id"}}, "columns.branch_id: .* that of manager_id too"),
    ],
)
def test_a_mapping_that_does_not_fit_the_contract_is_refused_and_named(customers, where):
    with pytest.raises(ConfigError, match=r"tables\.customers\." + where):
        require(Config.model_validate({"tables": {"customers": customers}}))


def test_a_table_the_contract_does_not_have_is_refused():
    with pytest.raises(ConfigError, match=r"tables\.custmers: is not a table"):
        require(Config.model_validate({"tables": {"custmers": {}}}))


@pytest.mark.parametrize(
    "customers",
    [
        {"columns": {"customer_id": "branch_id", "branch_id": "customer_id"}},
        {"columns": {"branch_id": "manager_id"}, "constants": {"manager_id": "M1"}},
        {"constants": {"opened_on": "20200110"}, "dates": {"opened_on": "%Y%m%d"}},
        {"constants": {"tier": "普卡"}, "values": {"tier": {"普卡": "ordinary", "未知": ""}}},
        {"values": {"closed_on": {"00000000": ""}, "do_not_contact": {"是": "是"}}},
    ],
)
def test_what_can_be_read_is_let_through(customers):
    require(Config.model_validate({"tables": {"customers": customers}}))


def test_the_message_names_the_configuration_file(tmp_path):
    path = tmp_path / "bank.toml"
    path.write_text('[tables.customers.constants]\ntier = "dragon"\n')
    with pytest.raises(ConfigError, match=r"bank\.toml: tables\.customers\.constants\.tier: "):
        require(read_config(path))
