import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import openpyxl
import pandas as pd
import pytest

from churn.config import MISSING
from commands import call
from hostile_texts import HOSTILE
from made_once import made_once

AS_OF = "2025-01-01"


@pytest.fixture(scope="module")
def scored(scores):
    return scores("--explain")


class Planned(NamedTuple):
    """The folder that a plain call wrote, and what it said."""

    folder: Path
    out: str
    err: str


@pytest.fixture(scope="module")
def planned(bank, scored, tmp_path_factory) -> Planned:
    """What `churn plan` makes with no options; only to be read."""

    def make(place: Path) -> None:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            call("plan", bank, "--scores", scored, "-o", place / "plan")
        (place / "out.txt").write_text(out.getvalue(), encoding="utf-8")
        (place / "err.txt").write_text(err.getvalue(), encoding="utf-8")

    place = made_once(tmp_path_factory, "cli-planned", make)
    return Planned(place / "plan", *((place / name).read_text(encoding="utf-8") for name in ("out.txt", "err.txt")))


@pytest.fixture
def config(tmp_path):
    def write(text):
        path = tmp_path / "bank.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_every_file_holds_the_same_contacts(planned):
    out = planned.folder
    assert sorted(path.name for path in out.iterdir()) == [
        "assignments.csv", "lists", "plan.csv", "plan.json", "plan.xlsx",
    ]  # fmt: skip
    table = pd.read_csv(out / "plan.csv", dtype={"customer_id": str})
    document = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert [row["customer_id"] for row in document["rows"]] == table["customer_id"].tolist()
    assert document["meetings"] + document["calls"] == len(table) > 0
    book = openpyxl.load_workbook(out / "plan.xlsx")
    on_sheets = [row[2].value for sheet in book for row in sheet.iter_rows(min_row=2) if row[2].value]
    assert on_sheets == table["customer_id"].tolist()
    assert len(book.sheetnames) == document["managers"]
    lists = openpyxl.load_workbook(out / "lists" / "lists.xlsx")
    overview = [[cell.value for cell in row] for row in lists.worksheets[0].iter_rows(min_row=2)]
    assert [row[0] for row in overview] == lists.sheetnames[1:]
    assert [row[4] for row in overview] == [f"lists/{name}.csv" for name in document["lists"]]
    assert [row[2] for row in overview] == [one["rows"] if one["made"] else None for one in document["lists"].values()]


def test_lists_stand_beside_the_plan_as_long_as_it_says(planned):
    out = planned.folder
    told = json.loads((out / "plan.json").read_text(encoding="utf-8"))["lists"]
    files = {path.stem: pd.read_csv(path, dtype=str) for path in (out / "lists").glob("*.csv")}
    assert {name: len(rows) for name, rows in files.items()} == {name: one["rows"] for name, one in told.items()}
    assert {"unassigned_vips", "loss_alerts", "potential_vips", "upgrades", "referrers"} <= files.keys()
    assert max(map(len, files.values())) > 0
    for name, rows in files.items():
        assert list(rows.columns[:5]) == ["rank", "customer_id", "branch_id", "manager_id", "tier"]
        assert rows["why_en"].notna().all()
        assert rows["why_zh"].notna().all()
        assert name in planned.out


def test_table_that_is_missing_costs_its_lists_and_says_so(run, bank, scored, tmp_path):
    poorer = tmp_path / "bank"
    shutil.copytree(bank, poorer)
    (poorer / "pnl.parquet").unlink()
    result = run("plan", poorer, "--scores", scored, "-o", tmp_path / "plan")
    assert result.code == 0, result.err
    told = json.loads((tmp_path / "plan" / "plan.json").read_text(encoding="utf-8"))["lists"]
    assert not told["loss_alerts"]["made"]
    assert told["loss_alerts"]["says_zh"]
    assert "note: loss_alerts: " in result.err


def test_stale_valuations_are_not_taken_for_customers_without_assets(run, bank, scored, tmp_path):
    older = tmp_path / "bank"
    shutil.copytree(bank, older)
    pnl = pd.read_parquet(bank / "pnl.parquet")
    pnl[pd.to_datetime(pnl["month"]) < pd.Timestamp(AS_OF) - pd.Timedelta(days=40)].to_parquet(older / "pnl.parquet")
    result = run("plan", older, "--scores", scored, "-o", tmp_path / "plan")
    assert result.code == 0, result.err
    assert result.err.count("note: assets are not known") == 1
    document = json.loads((tmp_path / "plan" / "plan.json").read_text(encoding="utf-8"))
    assert document["notes_zh"][0].startswith("资产未知")
    values = {row["value_cny"] for row in document["rows"]}
    assert max(values) <= 13 * 1000  # products alone
    assert len(values) > 1


@pytest.mark.parametrize(("setting", "times"), [("", 1), ('weekend = ["sunday"]', 0), ("holidays = [2026-10-01]", 0)])
def test_it_is_said_once_that_no_holidays_are_configured(run, bank, scored, planned, tmp_path, config, setting, times):
    said = planned.err
    if setting:
        path = config(f"[plan]\n{setting}\n")
        result = run("plan", bank, "--scores", scored, "-o", tmp_path / "plan", "--config", path)
        assert result.code == 0, result.err
        said = result.err
    assert said.count("note: no holidays and no weekend are configured") == times


def test_the_plan_keeps_to_the_tables_it_was_made_of(bank, planned):
    table = pd.read_csv(planned.folder / "plan.csv")
    customers = pd.read_parquet(bank / "customers.parquet").set_index("customer_id").loc[table["customer_id"]]
    contacts = pd.read_parquet(bank / "contacts.parquet")
    before = contacts[contacts["contacted_on"] < AS_OF].groupby("customer_id")["contacted_on"].max()
    last = table["customer_id"].map(before)
    own = customers["manager_id"].notna().to_numpy()
    assert table["customer_id"].is_unique
    assert (table.loc[own, "manager_id"] == customers.loc[own, "manager_id"].to_numpy()).all()
    if "do_not_contact" in customers:
        assert not customers["do_not_contact"].fillna(False).any()
    assert ((pd.Timestamp(AS_OF) - last).dt.days.dropna() > 7).all()
    sizes = table.groupby(["kind", "manager_id"]).size()
    assert sizes["meeting"].max() <= 5
    assert sizes["call"].max() <= 20
    assert (table["date"] == AS_OF).all()


def test_the_same_call_gives_the_same_bytes_and_replaces_its_own_folder(run, bank, scored, planned, tmp_path):
    out = shutil.copytree(planned.folder, tmp_path / "plan")
    (out / "plan.csv").write_text("of yesterday")
    assert run("plan", bank, "--scores", scored, "-o", out).code == 0
    for name in ("plan.csv", "plan.json", "plan.xlsx", "assignments.csv"):
        assert (out / name).read_bytes() == (planned.folder / name).read_bytes()


def test_json_on_standard_output_is_the_summary(run, bank, scored, tmp_path):
    result = run("plan", bank, "--scores", scored, "-o", tmp_path / "plan", "--json")
    document = json.loads(result.out)
    assert document["date"] == AS_OF
    assert set(document["left_out"]) == {
        "not_scored", "do_not_contact", "branch_without_manager", "resting", "held_out"
    }  # fmt: skip
    assert "rest on assumed shares" in result.err


def test_the_configuration_sets_capacities_for_all_and_for_one(run, bank, scored, tmp_path, config):
    customers = pd.read_parquet(bank / "customers.parquet")
    one = sorted(customers["manager_id"].dropna())[0]
    path = config(f"[plan]\nmeetings = 1\ncalls = 2\nhold_out = 0\nmanagers.{one}.calls = 0\n")
    assert run("plan", bank, "--scores", scored, "-o", tmp_path / "plan", "--config", path).code == 0
    sizes = pd.read_csv(tmp_path / "plan" / "plan.csv").groupby(["kind", "manager_id"]).size()
    assert sizes["meeting"].max() == 1
    assert sizes["call"].max() == 2
    assert one not in sizes["call"].index


def test_scores_without_explanations_make_a_plan_that_says_what_is_missing(run, bank, model, tmp_path):
    scores = tmp_path / "plain.csv"
    assert run("score", bank, "--model", model, "--as-of", AS_OF, "-o", scores).code == 0
    result = run("plan", bank, "--scores", scores, "-o", tmp_path / "plan", "--lang", "zh")
    assert result.code == 0, result.err
    assert "churn score --explain" in result.err
    table = pd.read_csv(tmp_path / "plan" / "plan.csv")
    assert table["service"].isna().all()
    assert table["why_en"].str.contains("raised most by").any()


def test_without_a_date_the_next_working_day_is_planned(run, bank, scored, tmp_path, config):
    path = config(f'[plan]\nholidays = [{AS_OF}]\nweekend = ["saturday", "sunday"]\n')
    result = run("plan", bank, "--scores", scored, "-o", tmp_path / "plan", "--config", path, "--json")
    assert json.loads(result.out)["date"] == "2025-01-02"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--date", AS_OF], "nobody works on that day"),
        (["--date", "2024-12-31"], "the scores are of 2025-01-01"),
        (["--date", "2026-06-01"], "--date 2026-06-01: more than 31 days after the data end"),
        (["--scores", "nowhere.csv"], "no such file"),
        (["--scores", "scores.txt"], "ends in"),
    ],
)
def test_what_cannot_be_planned_is_one_line_exit_code_2_and_no_folder(
    run, bank, scored, tmp_path, config, arguments, said
):
    path = config(f"[plan]\nholidays = [{AS_OF}]\n")
    result = run("plan", bank, "--scores", scored, "-o", tmp_path / "plan", "--config", path, *arguments)
    assert result.code == 2
    error = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(error) == 1
    assert said in error[0]
    assert not (tmp_path / "plan").exists()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("meetings = -1", "plan.meetings"),
        ("hold_out = 1.0", "plan.hold_out"),
        ('holidays = ["Easter"]', "plan.holidays"),
        ("managers.M1.luck = 1", "not a known setting"),
        ('weekend = ["funday"]', "plan.weekend"),
    ],
)
def test_a_wrong_setting_is_named(run, bank, scored, tmp_path, config, setting, said):
    result = run("plan", bank, "--scores", scored, "-o", tmp_path / "plan", "--config", config(f"[plan]\n{setting}\n"))
    assert result.code == 2
    assert said in result.err


def test_a_manager_nobody_knows_is_told(run, bank, scored, tmp_path, config):
    path = config("[plan.managers.M999999]\ncalls = 3\n")
    result = run("plan", bank, "--scores", scored, "-o", tmp_path / "plan", "--config", path)
    assert result.code == 0
    assert "M999999: responsible for nobody" in result.err


def test_a_folder_of_somebodys_own_and_one_flat_file_are_refused(run, bank, scored, tmp_path, config):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "letter.txt").write_text("mine")
    assert run("plan", bank, "--scores", scored, "-o", tmp_path / "own").code == 2
    assert (tmp_path / "own" / "letter.txt").read_text() == "mine"
    flat = tmp_path / "flat.csv"
    flat.write_text("id,left\n1,0\n")
    path = config('[flat]\nid = "id"\nlabel = "left"\nchurned = "1"\n')
    result = run("plan", flat, "--scores", scored, "-o", tmp_path / "plan", "--config", path)
    assert result.code == 2
    assert "names no manager" in result.err


@pytest.mark.parametrize("column", ["absent", "empty"])
def test_a_bank_without_managers_gets_every_file_and_is_told_what_to_do(run, bank, scored, tmp_path, column):
    other, out = tmp_path / "bank", tmp_path / "plan"
    shutil.copytree(bank, other)
    customers = pd.read_parquet(bank / "customers.parquet").drop(columns="manager_id")
    if column == "empty":
        customers["manager_id"] = pd.Series([None] * len(customers), dtype="str")
    customers.to_parquet(other / "customers.parquet", index=False)
    result = run("plan", other, "--scores", scored, "-o", out)
    assert result.code == 0, result.err
    assert result.err.count("note: the tables name no manager") == 1
    document = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert (document["rows"], document["managers"], document["expected_value_kept"]) == ([], 0, 0.0)
    assert sum(document["left_out"].values()) == document["customers"] > 0
    assert pd.read_csv(out / "plan.csv").empty
    waiting = pd.read_csv(out / "assignments.csv")
    assert len(waiting) == document["vips_without_manager_in_branch"] > 0
    assert set(waiting["status"]) == {"open"}
    assert openpyxl.load_workbook(out / "plan.xlsx").sheetnames == ["plan 计划"]


def test_without_contacts_the_plan_says_what_it_cannot_know(run, bank, scored, tmp_path):
    other, out = tmp_path / "bank", tmp_path / "plan"
    shutil.copytree(bank, other)
    (other / "contacts.parquet").unlink()
    result = run("plan", other, "--scores", scored, "-o", out)
    assert result.code == 0, result.err
    assert "note: past contacts are not known" in result.err
    table = pd.read_csv(out / "plan.csv")
    assert table["last_contacted_on"].isna().all()
    assert set(table["purpose"]) <= {"introduce", "loss_notice"}
    assert (table["purpose"] == "loss_notice").any()
    assert not table["why_en"].str.contains("not discussed yet").any()
    assert not table["why_zh"].str.contains("尚未提示").any()


def test_customers_who_are_missing_from_the_scores_are_counted(run, bank, scored, tmp_path):
    part = tmp_path / "part.parquet"
    pd.read_parquet(scored).iloc[::2].to_parquet(part, index=False)
    result = run("plan", bank, "--scores", part, "-o", tmp_path / "plan", "--json")
    document = json.loads(result.out)
    missing = document["left_out"]["not_scored"]
    assert document["notes_en"][0].startswith(f"{missing:,} of {document['customers']:,} customers are missing")


@pytest.mark.parametrize("is_known", [True, False])
def test_hostile_ids_in_every_table_and_names_of_the_catalogue_leave_every_file_whole(run, tmp_path, config, is_known):
    # An empty cell, however a program writes it, is no id.
    names = sorted({text.strip() for text in HOSTILE} - {"", *MISSING})
    people = pd.DataFrame({"customer_id": names, "branch_id": names[::-1], "manager_id": names, "tier": "gold"})
    people = people.assign(opened_on=pd.Timestamp("2020-01-01"))
    people.loc[::3, "manager_id"] = None
    # Names in the catalogue are hostile where it knows the codes; else the codes in the scores are.
    codes = [f"p{number}" for number in range(len(names))] if is_known else names
    quoted = [json.dumps(text, ensure_ascii=False) for text in names]
    catalogue = [f"[products.p{n}]\nen = {text}\nzh = {text}" for n, text in enumerate(quoted)]
    services = [f'{one.replace("[products", "[services")}\nproduct = "p{n}"' for n, one in enumerate(catalogue)]
    path = config("\n".join([*catalogue, *services]))
    products = codes if is_known else "fund"
    holdings = people[["customer_id", "opened_on"]].assign(holding_id=names, product=products)
    (tmp_path / "bank").mkdir()
    people.to_parquet(tmp_path / "bank" / "customers.parquet", index=False)
    holdings.to_parquet(tmp_path / "bank" / "holdings.parquet", index=False)
    scores = pd.DataFrame({"customer_id": names, "as_of": "2024-12-31", "churn_probability": 0.5})
    for column in ("raises_1_en", "raises_1_zh", "reason_1"):
        scores[column] = names
    scores["next_binding"], scores["next_product"] = codes, codes
    scores.assign(next_binding_effect=-0.1).to_parquet(tmp_path / "scores.parquet", index=False)
    out = tmp_path / "plan"
    result = run(
        "plan",
        tmp_path / "bank",
        "--scores",
        tmp_path / "scores.parquet",
        "-o",
        out,
        "--data-end",
        "2024-12-31",
        "--config",
        path,
    )
    assert result.code == 0, result.err
    document = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    rows = document["rows"]
    assert {row["customer_id"] for row in rows} <= set(names)
    assert len(rows) > len(names) / 2
    table = pd.read_csv(out / "plan.csv", dtype=str, keep_default_na=False)
    assert len(table) == len(rows)
    starts = table.drop(columns=["next_binding_effect"]).map(lambda cell: cell[:1] in set("=+@\t\r\n＝＋－＠"))
    assert not starts.any(axis=None)
    book = openpyxl.load_workbook(out / "plan.xlsx")
    read = people[(people[["customer_id", "branch_id"]] != "TRUE").all(axis=1)]  # TRUE is no id
    assert len(book.sheetnames) == document["managers"] == read["manager_id"].nunique() > len(names) / 2
    listed = openpyxl.load_workbook(out / "lists" / "lists.xlsx")
    assert sum(sheet.max_row > 2 for sheet in listed) >= 3
    for written in (book, listed):
        cells = [cell for sheet in written for row in sheet.iter_rows() for cell in row]
        assert {cell.data_type for cell in cells} <= {"s", "n"}
        assert {cell.hyperlink for cell in cells} == {None}
        assert len({name.lower() for name in written.sheetnames}) == len(written.sheetnames)
        assert all(
            0 < len(name.encode("utf-16-le")) <= 62 and not set(name) & set("[]:*?/\\") for name in written.sheetnames
        )


@pytest.mark.parametrize("mine", ["lists/my-notes.txt", "notes.txt", "lists/old/plan.csv"])
def test_a_file_that_no_plan_wrote_is_kept(run, bank, scored, planned, tmp_path, mine):
    out = shutil.copytree(planned.folder, tmp_path / "plan")
    (out / mine).parent.mkdir(exist_ok=True)
    (out / mine).write_text("calls I made")
    result = run("plan", bank, "--scores", scored, "-o", out)
    assert (result.code, f"{mine} among them" in result.err) == (2, True)
    assert (out / mine).read_text() == "calls I made"


def test_a_plan_json_of_somebodys_own_is_kept(run, bank, scored, tmp_path):
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan" / "plan.json").write_text('{"rows": []}')
    result = run("plan", bank, "--scores", scored, "-o", tmp_path / "plan")
    assert (result.code, "its plan.json is not of an earlier output" in result.err) == (2, True)


def test_a_plan_names_the_scores_it_was_made_of(planned, scored):
    said = json.loads((planned.folder / "plan.json").read_text(encoding="utf-8"))["scores"]
    manifest = json.loads(scored.with_suffix(".manifest.json").read_text(encoding="utf-8"))
    assert (said["sha256"], said["model_id"]) == (manifest["scores"]["sha256"], manifest["model_id"])
