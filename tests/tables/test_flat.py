import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.config import FlatFile
from churn.errors import ConfigError, DataError, MissingColumnError
from churn.speech import say
from churn.tables.flat import open_flat

FLAT = FlatFile(id="id", label="left", churned="Yes")
CANARY = "Qz7canary"


@pytest.fixture
def make_file(tmp_path):
    def make(text, name="flat.csv"):
        path = tmp_path / name
        if isinstance(text, pa.Table):
            pq.write_table(text, path)
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


def test_columns_that_are_not_named_are_features_of_a_kind(make_file):
    text = "id,left,age,city,empty,yes\n2,No,30,Wuhan,,yes\n1,Yes,,Xi'an,,no\n"
    with open_flat(make_file(text), FLAT, labels="needed") as table:
        customer_id, churned, frame = table.rows()
        assert table.kinds == {"age": "number", "city": "text", "empty": "number", "yes": "number"}
    assert list(frame.columns) == ["age", "city", "empty", "yes"]
    assert customer_id.tolist() == ["1", "2"]
    assert churned.tolist() == [1, 0]
    assert frame["age"].isna().tolist() == [True, False]
    assert frame["city"].tolist() == ["Xi'an", "Wuhan"]
    assert frame["yes"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("n_words", "kind", "n_left_out"), [(1, "number", 1), (2, "text", 0)])
def test_column_is_a_number_where_95_of_100_cells_are(make_file, n_words, kind, n_left_out):
    cells = ["word"] * n_words + ["1.5"] * (20 - n_words) + [""] * 5  # empty cells do not count
    text = "id,left,x\n" + "".join(f"{i},{'Yes' if i else 'No'},{cell}\n" for i, cell in enumerate(cells))
    with open_flat(make_file(text), FLAT, labels="needed") as table:
        assert table.kinds == {"x": kind}
        assert table.row_counts["flat"].quarantined == n_left_out
        expected = [("flat", "flat.csv", 1, "x", "not_a_number")] if n_left_out else []
        assert list(table.quarantine()) == expected
        assert [(finding.column, finding.rule) for finding in table.findings] == [row[3:] for row in expected]


def test_bindings_and_coverage_are_numbers_whatever_their_cells(make_file):
    flat = FlatFile(id="id", label="left", churned="Yes", coverage="n", bindings=("app",), drop=("note",))
    text = "id,left,n,app,note\n1,Yes,2,true,x\n2,No,many,maybe,y\n3,No,1,0,z\n"
    with open_flat(make_file(text), flat, labels="needed") as table:
        assert table.kinds == {"n": "number", "app": "number"}
        assert table.rows().features["app"].tolist() == [1.0, 0.0]
        assert [row[2:] for row in table.quarantine()] == [(2, "n", "not_a_number")]


def test_infinite_number_is_left_out(make_file):
    text = "id,left,x\n" + "".join(f"{i},{'Yes' if i else 'No'},{i * i % 17}\n" for i in range(30)) + "30,No,inf\n"
    with open_flat(make_file(text), FLAT, labels="needed") as table:
        assert [row[2:] for row in table.quarantine()] == [(31, "x", "not_a_number")]


def test_copies_keep_the_first_and_contradictions_go(make_file):
    text = "id,left,x\n1,Yes,1\n1,Yes,1\n2,No,1\n2,No,2\n3,No,3\n"
    with open_flat(make_file(text), FLAT, labels="needed") as table:
        assert [row[2:] for row in table.quarantine()] == [
            (2, "", "exact_copy"),
            (3, "", "duplicate_key"),
            (4, "", "duplicate_key"),
        ]
        assert table.rows().customer_id.tolist() == ["1", "3"]
        assert (table.row_counts["flat"].rows, table.row_counts["flat"].quarantined) == (5, 3)


def test_row_without_id_or_label_is_left_out(make_file):
    with open_flat(make_file("id,left,x\n1,Yes,1\n,No,2\n3,,3\n"), FLAT, labels="needed") as table:
        assert [row[2:] for row in table.quarantine()] == [(2, "id", "missing_value"), (3, "left", "missing_value")]


@pytest.mark.parametrize("label", ["left", "churned", "x y"])
def test_scoring_needs_no_label_and_reads_none(make_file, label):
    flat = FlatFile(id="id", label=label, churned="Yes")
    for name, text in (
        ("with.csv", f"id,{label},x\n1,Yes,1\n2,,2\n3,odd,3\n"),
        ("without.csv", "id,x\n1,1\n2,2\n3,3\n"),
    ):
        with open_flat(make_file(text, name), flat, kinds={"x": "number"}, labels="unread") as table:
            assert list(table.rows().features.columns) == ["x"]
            assert (table.row_counts["flat"].used, table.has_label, table.kinds) == (3, False, {"x": "number"})


def test_scoring_ignores_and_counts_columns_the_model_does_not_use(make_file):
    with open_flat(make_file("id,x,new\n1,1,2\n"), FLAT, kinds={"x": "number"}, labels="unread") as table:
        assert table.ignored_columns == {"flat": 1}


def test_names_that_differ_in_case_or_are_ours_stay_apart(make_file):
    text = "id,left,Age,age,rule,customer_id\n1,Yes,1,2,3,4\n2,No,5,6,7,8\n"
    with open_flat(make_file(text), FLAT, labels="needed") as table:
        assert list(table.kinds) == ["Age", "age", "rule", "customer_id"]
        assert table.rows().features.iloc[0].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_csv_and_parquet_give_the_same(make_file):
    cells = {"id": [2, 1, 3], "left": ["Yes", "No", "No"], "x": [0.1, None, 3.0], "city": ["a", None, "b"]}
    parquet = make_file(pa.table(cells), "flat.parquet")
    csv = make_file("id,left,x,city\n2,Yes,0.1,a\n1,No,,\n3,No,3.0,b\n")
    found = []
    for path in (parquet, csv):
        with open_flat(path, FLAT, labels="needed") as table:
            found.append(table.rows().features)
    pd.testing.assert_frame_equal(*found, check_exact=True)


def test_gb18030_file_with_chinese_names_loads(make_file):
    flat = FlatFile(id="客户号", label="流失", churned="是")
    with open_flat(
        make_file("客户号,流失,城市\n1,是,武汉\n2,否,西安\n".encode("gb18030")), flat, labels="needed"
    ) as table:
        assert table.rows().features.to_numpy().tolist() == [["武汉"], ["西安"]]


def test_ranges_cut_customers_in_the_order_of_their_ids(make_file):
    text = "id,left,x\n" + "".join(f"{i},{'Yes' if i == 'c' else 'No'},1\n" for i in "cab")
    with open_flat(make_file(text), FLAT, labels="needed") as table:
        assert table.ranges(2) == [("a", "b"), ("c", "c")]
        assert table.rows(("c", "c")).customer_id.tolist() == ["c"]


@pytest.mark.parametrize(
    ("flat", "missing"),
    [
        (FlatFile(id="nr", label="left", churned="Yes"), "nr"),
        (FlatFile(id="id", label="gone", churned="Yes"), "gone"),
        (FlatFile(id="id", label="left", churned="Yes", coverage="n"), "n"),
        (FlatFile(id="id", label="left", churned="Yes", bindings=("app",)), "app"),
    ],
)
def test_column_of_the_configuration_that_is_missing_is_named(make_file, flat, missing):
    path = make_file(f"id,left,x\n1,Yes,{CANARY}\n")
    refuse(path, MissingColumnError, rf"column {missing}, .* the file has .* and \d others?", flat)


def test_feature_of_the_model_that_is_missing_is_named(make_file):
    with (
        pytest.raises(MissingColumnError, match="column y, which the model needs"),
        open_flat(make_file("id,x\n1,1\n"), FLAT, kinds={"x": "number", "y": "text"}, labels="unread"),
    ):
        pass


def refuse(path, error, match, flat=FLAT):
    with pytest.raises(error, match=match) as caught, open_flat(path, flat, labels="needed"):
        pass
    assert CANARY not in str(caught.value)


def test_label_that_never_has_the_churned_value_is_refused(make_file):
    refuse(make_file(f"id,left,x\n1,{CANARY},1\n"), ConfigError, "left never has the value")


@pytest.mark.parametrize(("n_values", "is_refused"), [(20, False), (21, True)])
def test_label_of_more_than_twenty_values_is_no_label(make_file, n_values, is_refused):
    labels = ["Yes", *(f"{CANARY}{i}" for i in range(n_values - 1))]
    path = make_file("id,left,x\n" + "".join(f"{i},{label},1\n" for i, label in enumerate(labels)))
    if is_refused:
        refuse(path, ConfigError, "more than 20 values")
    else:
        stayed = FLAT.model_copy(update={"stayed": tuple(labels[1:])})
        with open_flat(path, stayed, labels="needed") as table:
            assert table.rows().churned.value_counts().to_dict() == {0: 19, 1: 1}
        refuse(path, ConfigError, r"has 20 that fewer than 5 customers have; name those who stayed as stayed")


def test_missing_empty_and_useless_files_are_refused(make_file, tmp_path):
    refuse(tmp_path / "no.csv", DataError, "no such file")
    refuse(make_file("", "empty.csv"), DataError, "is empty")
    refuse(make_file(f"id,left,x\n{CANARY},Yes,1\n{CANARY},Yes,2\n"), DataError, "no usable row among 2")
    refuse(make_file(b"PAR1", "short.parquet"), DataError, "whole Parquet")


def test_broken_rows_keep_their_numbers(make_file):
    with open_flat(make_file("id,left,x\n1,Yes,1\n2,No\n3,No,3\n4,No,4,5\n"), FLAT, labels="needed") as table:
        assert [row[2:] for row in table.quarantine()] == [(2, "", "broken_row"), (4, "", "broken_row")]
        assert (table.row_counts["flat"].rows, table.row_counts["flat"].used) == (4, 2)
        assert table.file_facts()[0]["file"] == "flat.csv"


def test_columns_of_the_names_used_inside_stay_features(make_file):
    flat = FlatFile(id="id", label="left", churned="Yes")
    text = "id,left,churned,customer_id,feature_0,source_row,rule\n1,Yes,5,6,7,8,9\n2,No,1,2,3,4,5\n"
    with open_flat(make_file(text), flat, labels="needed") as table:
        rows = table.rows()
        assert (rows.customer_id.tolist(), rows.churned.tolist()) == (["1", "2"], [1, 0])
        assert rows.features.iloc[0].to_dict() == {
            "churned": 5,
            "customer_id": 6,
            "feature_0": 7,
            "source_row": 8,
            "rule": 9,
        }


@pytest.mark.parametrize(
    ("heading", "value"),
    [
        ("owner", lambda i: f"Zhang {i}"),  # everybody's own
        ("owner", lambda i: f"Zhang {i}" if i < 140 else "unknown"),  # of those who have one
        ("owner", lambda i: f"Zhang {i // 2}"),  # two share it
        ("Surname", lambda i: f"Zhang {i % 30}"),  # ten share it, and the heading says so
        ("姓名", lambda i: f"张{i % 30}"),
    ],
    ids=["own", "half", "pairs", "surnames", "Chinese"],
)
def test_a_column_of_names_is_left_out_with_a_note(make_file, heading, value):
    rows = "".join(f"{i},{'Yes' if i % 3 else 'No'},{value(i)},{i % 4}x\n" for i in range(300))
    with open_flat(make_file(f"id,left,{heading},city\n{rows}"), FLAT, labels="needed") as table:
        assert table.kinds == {"city": "text"}
        said = [say(note.said, "en") for note in table.notes]
        assert [text for text in said if heading in text and "left out" in text]
        assert not [text for text in said if "Zhang" in text or "张" in text]
    with open_flat(
        make_file(f"id,left,{heading},city\n{rows}", "kept.csv"),
        FLAT.model_copy(update={"keep": (heading,)}),
        labels="needed",
    ) as table:
        assert table.kinds == {heading: "text", "city": "text"}


def test_groups_under_a_heading_of_names_and_few_rare_values_stay(make_file):
    towns = [f"hamlet {i}" if i < 9 else f"town {i % 60}" for i in range(400)]
    rows = "".join(f"{i},{'Yes' if i % 3 else 'No'},product {i % 7},{town}\n" for i, town in enumerate(towns))
    with open_flat(make_file(f"id,left,name,city\n{rows}"), FLAT, labels="needed") as table:
        assert list(table.kinds) == ["name", "city"]


def test_encoding_and_totals_are_those_of_the_flat_section(make_file):
    text = "id,left,city\n1,Yes,Zürich\n2,No,Bern\nTotal,,\nTotal: 2\n"
    flat = FLAT.model_copy(update={"encoding": "cp1252", "totals": ("Total",)})
    with open_flat(make_file(text.encode("cp1252")), flat, labels="needed") as table:
        assert table.rows().features["city"].tolist() == ["Zürich", "Bern"]
        assert [row[2:] for row in table.quarantine()] == [(3, "", "total_line"), (4, "", "broken_row")]


def test_the_sheet_is_that_of_the_flat_section(tmp_path):
    workbook = openpyxl.Workbook()
    workbook.active.append(["something", "else"])
    sheet = workbook.create_sheet("名单")
    for row in (["id", "left", "app"], [1, "Yes", "是"], [2, "No", "否"], [3, "No", "#REF!"]):
        sheet.append(row)
    workbook.save(tmp_path / "flat.xlsx")
    flat = FLAT.model_copy(update={"sheet": "名单", "bindings": ("app",)})
    with open_flat(tmp_path / "flat.xlsx", flat, labels="needed") as table:
        assert table.rows().features["app"].tolist() == [1.0, 0.0]
        assert [row[2:] for row in table.quarantine()] == [(3, "app", "not_a_number")]


def test_an_error_value_is_neither_a_label_nor_a_category(make_file):
    text = "id,left,city\n1,Yes,#REF!\n2,No,Bern\n3,#NUM!,Bern\n"
    with open_flat(make_file(text), FLAT, labels="needed") as table:
        found = [row[2:] for row in table.quarantine()]
        assert found == [(1, "city", "not_a_text"), (3, "left", "unknown_value")]


def test_a_file_of_formulas_without_values_says_what_to_do(tmp_path):
    workbook = openpyxl.Workbook()
    for row in (["id", "left"], ["=A1", "Yes"]):
        workbook.active.append(row)
    workbook.save(tmp_path / "flat.xlsx")
    with (
        pytest.raises(DataError, match="open it in Excel and save it"),
        open_flat(tmp_path / "flat.xlsx", FLAT, labels="if there"),
    ):
        pass


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_file_without_ids_calls_its_customers_by_their_rows(make_file, form):
    text = "left,x\nYes,1\nNo\nNo,1\nYes,3\n"
    table = pa.table({"left": ["Yes", None, "No", "Yes"], "x": [1, 2, 1, 3]})
    flat = FLAT.model_copy(update={"id": "row number"})
    path = make_file(text if form == "csv" else table, f"flat.{form}")
    with open_flat(path, flat, labels="needed") as found:
        rows = found.rows()
        assert rows.customer_id.tolist() == ["row 1", "row 3", "row 4"]
        assert rows.features["x"].tolist() == [1, 1, 3]
        assert [entry[2] for entry in found.quarantine()] == [2]
        assert any("row 1, row 2" in note.said.text for note in found.notes)
    with open_flat(path, flat, kinds={"x": "number"}, labels="unread") as found:
        assert "row 4" in found.rows().customer_id.tolist()
