"""Train on 25 flat files as people write them, and hold the models against a plain pipeline on clean values.

    python benchmarks/flat_files.py                    # all 25, about five minutes of an idle core
    python benchmarks/flat_files.py --only german      # one of them
    python benchmarks/flat_files.py --keep folder      # keep what was written

Each file has the layout of a kind that people publish: numbers of rows and names beside the features, decimal commas,
currencies and per cent, a dozen ways to say that a cell is empty, dates in the order of a country, labels in words,
sheets, Parquet, encodings. The values are invented here, and so is who leaves: a few columns decide, by lines, steps,
valleys and groups. One half is trained on, as a file with the fewest settings that it needs, and the other is scored,
without its label, as a second file. The plain pipeline is `HistGradientBoostingClassifier`, as it stands or with small
trees that are learned slowly, whichever is better on the second file. It gets the values before they were written:
numbers as numbers, dates as days, groups as groups, no names. Prints the ROC-AUC of both on the second file. Exit code
1 if a file is refused, loses a row, or stays more than .005 behind.
"""

import argparse
import datetime as dt
import gzip
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openpyxl
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

import churn

BEHIND = 0.005
"""How far the ROC-AUC may stay behind: about three standard errors of the difference between two models here."""
N_TRAINED, N_SCORED = 4_000, 20_000
PLAIN: Sequence[Mapping[str, Any]] = ({}, {"max_leaf_nodes": 8, "learning_rate": 0.05, "max_iter": 200})
FIRST_DAY = dt.date(2012, 1, 1)

Random = np.random.Generator
Write = Callable[[pd.Series], Sequence[Any]]


class Column(NamedTuple):
    """A column: its clean values (NaN where missing), what stands in the file, and whether it is to be learned from."""

    name: str
    values: pd.Series
    written: Sequence[Any]
    is_feature: bool = True


Make = Callable[[Random, int], Column]


class Shape(NamedTuple):
    """How a kind of file looks: columns, outcomes, the `[flat]` section it needs, and how it is written."""

    columns: Sequence[Make]
    label: str
    left: Any
    stayed: Any
    id: str
    write: Callable[[pd.DataFrame, Path], Path]
    rate: float = 0.2
    settings: Mapping[str, Any] = {}


# Numbers, as people and programs write them; an empty cell is "".


def _each(values: pd.Series, text: Callable[[float], str], empty: str = "") -> list[str]:
    return [empty if pd.isna(value) else text(value) for value in values]


def plain(values: pd.Series, empty: str = "") -> list[str]:
    """Write 1234.5, and whole numbers without a point."""
    return _each(values, lambda value: f"{value:.10g}", empty)


def comma(values: pd.Series, empty: str = "") -> list[str]:
    """Write 1234,50."""
    return _each(values, lambda value: f"{value:.2f}".replace(".", ","), empty)


def german(values: pd.Series) -> list[str]:
    """Write 1.234,50."""
    return _each(values, lambda value: f"{value:,.2f}".translate(str.maketrans(",.", ".,")))


def french(values: pd.Series) -> list[str]:
    """Write 1 234,50 €, with a narrow blank."""
    return _each(values, lambda value: f"{value:,.2f} €".translate(str.maketrans({",": "\u202f", ".": ","})))


def swiss(values: pd.Series) -> list[str]:
    """Write 1'234.50."""
    return _each(values, lambda value: f"{value:,.2f}".replace(",", "'"))


def indian(values: pd.Series) -> list[str]:
    """Write ₹12,34,567.50: groups of two above the thousands."""
    return _each(values, _in_lakhs)


def _in_lakhs(value: float) -> str:
    whole, cents = f"{value:.2f}".split(".")
    head, tail = whole[:-3], whole[-3:]
    while head:
        head, tail = head[:-2], f"{head[-2:]},{tail}"
    return f"₹{tail}.{cents}"


def dollars(values: pd.Series) -> list[str]:
    """Write $1,234.50, and a blank after it as a spreadsheet's accounting format does."""
    return _each(values, lambda value: f"${value:,.2f} ")


def accounting(values: pd.Series) -> list[str]:
    """Write (1,234) for what is below zero."""
    return _each(values, lambda value: f"({-value:,.0f})" if value < 0 else f"{value:,.0f}")


def per_cent(values: pd.Series) -> list[str]:
    """Write 12.5%."""
    return _each(values, lambda value: f"{100 * value:.1f}%")


def floats(values: pd.Series) -> list[str]:
    """Write whole numbers with a point, as pandas does where one is missing."""
    return _each(values, lambda value: f"{value:.1f}")


def numbers(values: pd.Series) -> list[Any]:
    """Leave numbers as they are, for Parquet and workbooks."""
    return [None if pd.isna(value) else value for value in values]


def but(write: Callable[..., Sequence[Any]], empty: Any) -> Write:
    """Write so, with another word for an empty cell."""

    def written(values: pd.Series) -> list[Any]:
        return [empty if pd.isna(value) else text for value, text in zip(values, write(values), strict=True)]

    return written


# Kinds of columns.


def amount(name: str, write: Write = plain, mean: float = 5_000, missing: float = 0, zeros: float = 0.1) -> Make:
    """Balances, turnover, prices: many small ones, few large."""

    def make(r: Random, n: int) -> Column:
        values = np.round(r.gamma(1.5, mean / 1.5, n) * (r.random(n) >= zeros), 2)
        return _with_holes(name, values, write, missing, r)

    return make


def result(name: str, write: Write, spread: float = 8_000) -> Make:
    """Gains and losses."""
    return lambda r, n: _with_holes(name, np.round(r.normal(0, spread, n)), write, 0, r)


def count(name: str, low: int, high: int, write: Write = plain, missing: float = 0) -> Make:
    """Ages, months, calls."""
    return lambda r, n: _with_holes(name, r.integers(low, high, n).astype(float), write, missing, r)


def share(name: str, write: Write, missing: float = 0) -> Make:
    """Utilisation, rates."""
    return lambda r, n: _with_holes(name, np.round(r.beta(2, 4, n), 3), write, missing, r)


def group(name: str, *levels: str, missing: float = 0, empty: Any = "") -> Make:
    """Regions, plans, jobs."""

    def make(r: Random, n: int) -> Column:
        sizes = r.dirichlet(np.full(len(levels), 3.0))
        values = pd.Series(r.choice(list(levels), n, p=sizes)).where(r.random(n) >= missing)
        return Column(name, values.astype("category"), but(list, empty)(values))

    return make


def flag(name: str, yes: Any, no: Any, missing: float = 0, empty: Any = "") -> Make:
    """What is so or not."""

    def make(r: Random, n: int) -> Column:
        values = pd.Series((r.random(n) < 0.4).astype(float)).where(r.random(n) >= missing)
        return Column(name, values, [empty if pd.isna(value) else (yes if value else no) for value in values])

    return make


def date(name: str, form: str | None, missing: float = 0, empty: Any = "") -> Make:
    """Write days of the last dozen years; without a form, as dates."""

    def make(r: Random, n: int) -> Column:
        values = pd.Series(r.integers(0, 4_500, n).astype(float)).where(r.random(n) >= missing)
        days = [None if pd.isna(value) else FIRST_DAY + dt.timedelta(int(value)) for value in values]
        return Column(name, values, [empty if day is None else day.strftime(form) if form else day for day in days])

    return make


def constant(name: str, value: Any) -> Make:
    """Everybody has it."""
    return lambda _, n: Column(name, pd.Series([value] * n), [value] * n, is_feature=False)


def key(name: str, form: str = "{}", first: int = 1, *, mixed: bool = True) -> Make:
    """A number or word that is nobody else's; `mixed`: in no order."""

    def make(r: Random, n: int) -> Column:
        places = r.permutation(n) if mixed else np.arange(n)
        texts = [form.format(first + place) for place in places]
        return Column(name, pd.Series(texts), texts, is_feature=False)

    return make


def people(name: str, many: int = 100_000) -> Make:
    """Invented names."""

    def make(r: Random, n: int) -> Column:
        texts = [f"Ada{place % 97} Byron{place}" for place in r.integers(0, many, n)]
        return Column(name, pd.Series(texts), texts, is_feature=False)

    return make


def several(name: str, make: Callable[[str], Make], n: int) -> list[Make]:
    """Make columns alike."""
    return [make(f"{name}{place}") for place in range(1, n + 1)]


def _with_holes(name: str, values: Any, write: Write, missing: float, r: Random) -> Column:
    series = pd.Series(values).where(r.random(len(values)) >= missing)
    return Column(name, series, write(series))


# Files.


def csv(sep: str = ",", encoding: str = "utf-8", before: str = "", **how: Any) -> Callable[[pd.DataFrame, Path], Path]:
    """Write a text file."""

    def write(frame: pd.DataFrame, path: Path) -> Path:
        text = before + frame.to_csv(index=how.get("index", False), sep=sep, quoting=how.get("quoting", 0))
        path = path.with_suffix(".csv")
        path.write_bytes(text.replace("\n", how.get("end", "\n")).encode(encoding))
        return path

    return write


def text_with_blanks(frame: pd.DataFrame, path: Path) -> Path:
    """Write columns with one blank between."""
    return csv(sep=" ")(frame, path)


def compressed(frame: pd.DataFrame, path: Path) -> Path:
    """Write a compressed text file."""
    path = path.with_suffix(".csv.gz")
    with gzip.open(path, "wt", encoding="utf-8") as writer:
        frame.to_csv(writer, index=False)
    return path


def parquet(frame: pd.DataFrame, path: Path) -> Path:
    """Write with the index that filtering leaves."""
    path = path.with_suffix(".parquet")
    frame.set_axis(np.arange(len(frame)) * 2 + 7).to_parquet(path, index=True)
    return path


def workbook(*, described: bool = False) -> Callable[[pd.DataFrame, Path], Path]:
    """Write a workbook; `described`: the first sheet says what the columns are."""

    def write(frame: pd.DataFrame, path: Path) -> Path:
        path = path.with_suffix(".xlsx")
        book = openpyxl.Workbook()
        sheet = book.active
        if described:
            sheet.title = "Dictionary"
            sheet.append(["", "Variable", "Meaning"])
            for name in frame:
                sheet.append(["", name, "as its name says"])
            sheet = book.create_sheet("Customers")
        for row in [list(frame), *frame.itertuples(index=False)]:
            sheet.append([value.item() if hasattr(value, "item") else value for value in row])
        book.save(path)
        return path

    return write


_STATES = tuple(f"{a}{b}" for a in "ACIMNOTW" for b in "AEIKLN")
_YES, _NO = "Yes", "No"
_NO_SERVICE = ("Yes", "No", "No internet service")

SHAPES: dict[str, Shape] = {
    "branch network": Shape(
        [key("RowNumber", mixed=False), people("Surname", 2_000), count("CreditScore", 350, 850),
         group("Geography", "France", "Germany", "Spain"), group("Gender", "Female", "Male"), count("Age", 18, 92),
         count("Tenure", 0, 11), amount("Balance", zeros=0.35, mean=90_000), count("NumOfProducts", 1, 5),
         flag("HasCrCard", 1, 0), flag("IsActiveMember", 1, 0), amount("EstimatedSalary", mean=100_000, zeros=0)],
        "Exited", 1, 0, "CustomerId", csv(),
    ),
    "credit cards": Shape(
        [count("Customer_Age", 26, 73), group("Gender", "M", "F"), count("Dependent_count", 0, 6),
         group("Education_Level", "Graduate", "High School", "Unknown", "Uneducated", "College", "Doctorate"),
         group("Income_Category", "Less than $40K", "$40K - $60K", "$60K - $80K", "$120K +", "Unknown"),
         group("Card_Category", "Blue", "Silver", "Gold"), count("Months_on_book", 13, 56),
         count("Months_Inactive", 0, 7), amount("Credit_Limit", mean=8_600), count("Total_Trans_Ct", 10, 140),
         share("Avg_Utilization_Ratio", plain)],
        "Attrition_Flag", "Attrited Customer", "Existing Customer", "CLIENTNUM", csv(quoting=2), rate=0.16,
    ),
    "telephones": Shape(
        [group("gender", "Female", "Male"), flag("SeniorCitizen", 1, 0), flag("Partner", _YES, _NO),
         count("tenure", 0, 73), *several("Service", lambda name: group(name, *_NO_SERVICE), 6),
         group("Contract", "Month-to-month", "One year", "Two year"),
         group("PaymentMethod", "Electronic check", "Mailed check", "Bank transfer (automatic)"),
         amount("MonthlyCharges", mean=65, zeros=0), amount("TotalCharges", but(plain, " "), missing=0.01)],
        "Churn", _YES, _NO, "customerID", csv(end="\r\n"), rate=0.26,
    ),
    "calls by state": Shape(
        [group("State", *_STATES), count("Account length", 1, 240), group("Area code", "408", "415", "510"),
         key("Phone", "382-{:04d}"), flag("Int'l Plan", "yes", "no"), flag("VMail Plan", "yes", "no"),
         *several("Day Mins ", lambda name: amount(name, mean=180), 4), count("CustServ Calls", 0, 9)],
        "Churn?", "True.", "False.", "number", csv(), rate=0.15,
    ),
    "streaming": Shape(
        [group("city", *map(str, range(1, 23))), count("bd", -30, 90), group("gender", "male", "female", missing=0.6),
         group("registered_via", "3", "4", "7", "9", "13"), date("registration_init_time", "%Y%m%d"),
         amount("actual_amount_paid", mean=140), flag("is_auto_renew", 1, 0), count("plan_days", 1, 400)],
        "is_churn", 1, 0, "msno", csv(), rate=0.1, settings={"dates": {"registration_init_time": "%Y%m%d"}},
    ),
    "missing in R": Shape(
        [amount("MonthlyRevenue", but(plain, "NA"), mean=58, missing=0.1), count("MonthlyMinutes", 0, 3_000),
         *several("Calls", lambda name: count(name, 0, 300, but(plain, "NA"), missing=0.05), 12),
         flag("ChildrenInHH", _YES, _NO, missing=0.1, empty="NA"),
         group("CreditRating", "1-Highest", "2-High", "3-Good", "4-Medium", "5-Low", missing=0.02, empty="NA"),
         group("Homeownership", "Known", "Unknown"), count("CurrentEquipmentDays", 0, 1_500, but(plain, "NA"), 0.01)],
        "Churn", _YES, _NO, "CustomerID", csv(quoting=2), rate=0.29,
    ),
    "campaign": Shape(
        [count("age", 18, 90), group("job", "admin.", "technician", "services", "management", "unknown"),
         group("marital", "married", "single", "divorced"), flag("default", "yes", "no"),
         result("balance", plain, 3_000), flag("housing", "yes", "no"), count("duration", 0, 2_000),
         count("pdays", 0, 999, missing=0.7),
         group("month", "jan", "feb", "mar", "apr", "may", "jun")],
        "y", "yes", "no", "nr", csv(sep=";", quoting=2), rate=0.12,
    ),
    "coded credit": Shape(
        [group("status", "A11", "A12", "A13", "A14"), count("duration", 4, 72), group("history", "A30", "A32", "A34"),
         group("purpose", "A40", "A41", "A43", "A46", "A410"), amount("amount", mean=3_200, zeros=0),
         count("rate", 1, 5), count("age", 19, 75), flag("foreign", "A201", "A202")],
        "class", 2, 1, "nr", text_with_blanks, rate=0.3,
    ),
    "anonymous": Shape(
        [*several("Var", lambda name: amount(name, mean=40, missing=0.3), 60),
         *several("Cat", lambda name: group(name, *(f"{name}_{level}" for level in "abcdef"), missing=0.2), 8)],
        "appetency", 1, -1, "ID", csv(sep="\t"), rate=0.1,
    ),
    "two blanks in a name": Shape(
        [count("Call  Failure", 0, 36), flag("Complains", 1, 0), count("Subscription  Length", 3, 47),
         count("Charge  Amount", 0, 10), count("Seconds of Use", 0, 17_000), count("Frequency of SMS", 0, 500),
         count("Age Group", 1, 6), flag("Tariff Plan", 1, 2), amount("Customer Value", mean=470)],
        "Churn", 1, 0, "nr", csv(), rate=0.16,
    ),
    "shop with a dictionary": Shape(
        [count("Tenure", 0, 61, numbers, missing=0.05),
         group("PreferredLoginDevice", "Mobile Phone", "Phone", "Computer"),
         count("CityTier", 1, 4, numbers), count("WarehouseToHome", 5, 127, numbers, missing=0.04),
         group("PreferedOrderCat", "Laptop & Accessory", "Mobile", "Fashion", "Grocery"),
         count("SatisfactionScore", 1, 6, numbers), flag("Complain", 1, 0, empty=None),
         amount("CashbackAmount", numbers, mean=177)],
        "Churn", 1, 0, "CustomerID", workbook(described=True), rate=0.17,
    ),
    "many columns": Shape(
        [*several("num_var", lambda name: amount(name, mean=3, zeros=0.8), 150), count("var15", 5, 105),
         amount("saldo_var30", mean=1_300, zeros=0.3), constant("ind_var2", 0), constant("delta_imp", 9999999999)],
        "TARGET", 1, 0, "ID", csv(), rate=0.1,
    ),
    "staff": Shape(
        [count("Age", 18, 61), group("BusinessTravel", "Travel_Rarely", "Travel_Frequently", "Non-Travel"),
         constant("EmployeeCount", 1), key("EmployeeNumber"), flag("OverTime", _YES, _NO), constant("Over18", "Y"),
         amount("MonthlyIncome", mean=6_500, zeros=0), count("JobLevel", 1, 6), count("YearsAtCompany", 0, 41),
         group("JobRole", "Sales Executive", "Research Scientist", "Manager", "Laboratory Technician")],
        "Attrition", _YES, _NO, "nr", csv(encoding="utf-8-sig"), rate=0.16,
    ),
    "contest": Shape(
        [people("Name"), key("security_no", "XW{:06d}"), count("age", 10, 65), group("gender", "F", "M", "Unknown"),
         group("region_category", "Village", "City", "Town", missing=0.15), date("joining_date", "%d-%m-%Y"),
         group("medium_of_operation", "Desktop", "Smartphone", "Both", missing=0.15, empty="?"),
         amount("avg_transaction_value", mean=29_000, zeros=0),
         count("avg_frequency_login_days", 0, 73, but(plain, "Error"), missing=0.03),
         amount("points_in_wallet", mean=700, missing=0.1), flag("used_special_discount", _YES, _NO),
         group("feedback", "Poor Website", "No reason specified", "Too many ads")],
        "churn_risk_score", 1, 0, "customer_id", csv(), rate=0.5, settings={"missing": ["?", "Error"]},
    ),
    "instalments": Shape(
        [amount("LIMIT_BAL", mean=160_000, zeros=0), group("SEX", "1", "2"), count("EDUCATION", 0, 7),
         count("AGE", 21, 79),
         *several("PAY_", lambda name: count(name, -2, 9), 6),
         *several("BILL_AMT", lambda name: result(name, plain, 60_000), 6)],
        "default payment next month", 1, 0, "ID", csv(), rate=0.22,
    ),
    "german": Shape(
        [amount("Kontostand", german, mean=12_000), amount("Umsatz im Monat", german, mean=2_400),
         share("Zinssatz", comma),
         group("Filiale", "Köln", "München", "Nürnberg", "Düsseldorf"), date("Kunde seit", "%d.%m.%Y"),
         flag("Onlinebanking", "ja", "nein"), count("Alter", 18, 90)],
        "gekündigt", "ja", "nein", "Kundennummer", csv(sep=";", encoding="cp1252", end="\r\n"),
    ),
    "french": Shape(
        [amount("Solde", french, mean=9_000), amount("Épargne", but(comma, "n/a"), mean=30_000, missing=0.2),
         group("Région", "Île-de-France", "Bretagne", "Provence-Alpes-Côte d’Azur"), count("Âge", 18, 90),
         flag("Carte", "OUI", "NON"), date("Entrée", "%d/%m/%Y")],
        "Parti", "OUI", "NON", "N° client", csv(sep=";", encoding="utf-8-sig"),
    ),
    "chinese": Shape(
        [amount("资产余额", lambda values: _each(values, lambda value: f"{value:,.2f}"), mean=80_000),
         count("年龄", 18, 90),
         group("网点", "上海分行", "北京分行", "深圳分行"), flag("手机银行", "是", "否"), flag("代发工资", "有", "无"),
         date("开户日期", "%Y年%m月%d日"), people("客户姓名"), count("产品数", 1, 9)],
        "流失", "是", "否", "客户号", csv(encoding="gb18030"), rate=0.4,
    ),
    "indian": Shape(
        [amount("Balance", indian, mean=400_000), amount("EMI", indian, mean=18_000, zeros=0.4), count("Age", 18, 80),
         group("Branch", "Pune", "Mumbai", "Delhi", "Chennai"), date("Opened", "%d-%b-%Y"), flag("UPI", "Y", "N")],
        "Closed", "Y", "N", "Account", csv(),
    ),
    "american": Shape(
        [amount("Balance", dollars, mean=84_000), share("Rate", per_cent), result("Net change", accounting),
         date("Opened", "%m/%d/%Y"), group("State", *_STATES[:12]), flag("Autopay", "TRUE", "FALSE"),
         count("Age", 18, 90, but(plain, "#N/A"), missing=0.05)],
        "Left", "TRUE", "FALSE", "Member", csv(quoting=1),
    ),
    "written by R": Shape(
        [count("age", 18, 90, but(plain, "NA"), missing=0.05), amount("balance", mean=7_000),
         flag("online", "TRUE", "FALSE"), group("region", "north", "south", "east", missing=0.05, empty="NA"),
         date("since", "%Y-%m-%d"),
         count("products", 1, 8)],
        "left", "TRUE", "FALSE", "customer", csv(index=True, quoting=2),
    ),
    "written by pandas": Shape(
        [count("age", 18, 90, floats, missing=0.05), amount("balance", mean=7_000), flag("online", "True", "False"),
         date("last_login", "%Y-%m-%d %H:%M:%S.000000", missing=0.1), group("region", "north", "south", "east"),
         count("products", 1, 8)],
        "left", "True", "False", "customer", csv(index=True), rate=0.3,
    ),
    "parquet": Shape(
        [count("age", 18, 90, numbers, missing=0.05), amount("balance", numbers, mean=7_000),
         flag("online", True, False, missing=0.05, empty=None), date("since", None, missing=0.05, empty=None),
         group("region", "north", "south", "east", missing=0.05, empty=None), count("products", 1, 8, numbers)],
        "left", True, False, "customer", parquet, rate=0.3,
    ),
    "workbook": Shape(
        [count("Age", 18, 90, numbers, missing=0.05), amount("Balance", numbers, mean=7_000),
         amount("Turnover", dollars, mean=900), date("Since", None, missing=0.05, empty=None),
         group("Region", "north", "south", "east"), flag("Online", _YES, _NO), share("Rate", numbers)],
        "Left", _YES, _NO, "Customer", workbook(), rate=0.3,
    ),
    "data lake": Shape(
        [count("age", 18, 90, but(plain, r"\N"), missing=0.1),
         amount("balance", but(plain, r"\N"), mean=7_000, missing=0.1),
         flag("online", "true", "false"), group("region", "north", "south", "east", missing=0.1, empty=r"\N"),
         amount("turnover", swiss, mean=30_000), count("logins", 0, 400)],
        "left", "true", "false", "customer", compressed, rate=0.3,
    ),
}  # fmt: skip


class Judged(NamedTuple):
    """ROC-AUC on the second file of a model trained on the first, and of the plain pipeline; how many were scored."""

    ours: float
    plain: float
    n_scored: int
    n_wanted: int

    @property
    def holds(self) -> bool:
        """Whether nobody is lost and the model does not stay behind."""
        return self.ours >= self.plain - BEHIND and self.n_scored == self.n_wanted


def judge(name: str, folder: Path, n_trained: int = N_TRAINED, n_scored: int = N_SCORED) -> Judged:
    """Write both files of a shape, train on the first, and score the second."""
    shape, r = SHAPES[name], np.random.default_rng(sum(map(ord, name)))
    columns = [make(r, n_trained + n_scored) for make in shape.columns]
    left = _outcomes(columns, shape.rate, r)
    ids = [f"K{place:06d}" for place in r.permutation(len(left))]
    written: dict[str, Any] = {shape.id: ids} | {column.name: column.written for column in columns}
    frame = pd.DataFrame(written | {shape.label: np.where(left, shape.left, shape.stayed)})
    first = shape.write(frame.iloc[:n_trained], folder / "trained")
    second = shape.write(frame.iloc[n_trained:].drop(columns=shape.label), folder / "scored")
    flat = {"id": shape.id, "label": shape.label, "churned": shape.left, **shape.settings}
    config = churn.Config.model_validate({"flat": flat})
    with churn.open_file(first, config) as file:
        model = churn.train(churn.build_snapshots(file), with_effects=False)
    with churn.open_file(second, config, model=model) as file:
        scores = churn.score(model, file).set_index("customer_id")["churn_probability"]
    wanted = pd.Series(left[n_trained:], index=ids[n_trained:])
    ours = roc_auc_score(wanted.reindex(scores.index), scores)
    features = pd.DataFrame({column.name: column.values for column in columns if column.is_feature})
    reached = []
    for parameters in PLAIN:
        pipeline = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0, **parameters)
        pipeline.fit(features.iloc[:n_trained], left[:n_trained])
        reached.append(roc_auc_score(left[n_trained:], pipeline.predict_proba(features.iloc[n_trained:])[:, 1]))
    return Judged(ours, max(reached), len(scores), len(wanted))


def _outcomes(columns: Sequence[Column], rate: float, r: Random) -> np.ndarray:
    """Draw who leaves: about six columns decide, each by a line, a step, a valley or its groups; being empty counts."""
    features = [column for column in columns if column.is_feature]
    chosen = r.permutation(len(features))[: max(5, min(8, len(features)))]
    score = np.zeros(len(features[0].values))
    for place in chosen:
        values = features[place].values
        if values.dtype == "category":
            effects = dict(zip(values.cat.categories, r.normal(0, 0.8, len(values.cat.categories)), strict=True))
            part = values.astype(object).map(effects).fillna(0.5).to_numpy(dtype=float)
        else:
            rank = values.rank(pct=True).fillna(0.8).to_numpy()
            how = r.integers(3)
            part = [2 * rank, 1.5 * (rank > r.uniform(0.3, 0.7)), 6 * (rank - 0.5) ** 2][how] * r.choice([-1, 1])
        score = score + part
    shift = np.quantile(score + r.logistic(size=len(score)), 1 - rate)
    return r.random(len(score)) < 1 / (1 + np.exp(shift - score))


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the files and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(SHAPES), default=list(SHAPES), metavar="SHAPE")
    parser.add_argument("--keep", type=Path, help="an existing folder for the files")
    given = parser.parse_args(arguments)
    n_behind = 0
    for name in given.only:
        with tempfile.TemporaryDirectory() as temporary:
            folder = (given.keep or Path(temporary)) / name.replace(" ", "_")
            folder.mkdir()
            try:
                judged = judge(name, folder)
            except churn.ChurnError as error:
                print(f"{name:24} refused: {error}", flush=True)
                n_behind += 1
                continue
        n_behind += not judged.holds
        print(
            f"{name:24} ROC-AUC {judged.ours:.4f}, plain pipeline {judged.plain:.4f}, difference"
            f" {judged.ours - judged.plain:+.4f}; {judged.n_scored:,} of {judged.n_wanted:,} scored"
            f"{'' if judged.holds else '   <--'}",
            flush=True,
        )
    print(f"{len(given.only) - n_behind} of {len(given.only)} hold")
    return int(n_behind > 0)


if __name__ == "__main__":
    sys.exit(main())
