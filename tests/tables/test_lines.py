import pytest

from churn.config import Config
from churn.tables.bank import open_tables

HEADER = "customer_id,branch_id,opened_on,tier"
GOOD = ["A,N,2020-01-10,gold", "B,N,2020-02-20,gold"]


def left_out(folder, config=None):
    with open_tables(folder, config) as bank:
        assert bank.row_counts["customers"].used == 2
        return [entry[2:] for entry in bank.quarantine()]


@pytest.mark.parametrize(
    "line",
    [
        "合计,,,2",
        "合计：,,,2",
        "合 计,,,2",
        "　总计 :,,,2",
        "合计",
        "小计,2",
        '"合计",2',
        "共3条",
        "共3条记录",
        "共 3 笔,,,",
        "共３条,",
    ],
)
def test_a_line_that_sums_others_up_is_known_however_it_is_written_and_however_short(make_folder, line):
    folder = make_folder(customers="\n".join([HEADER, GOOD[0], line, GOOD[1]]) + "\n")
    assert left_out(folder) == [(2, "", "total_line")]


@pytest.mark.parametrize(
    ("line", "rule"), [("合计划,N", "broken_row"), ("C", "broken_row"), ("共和国,N", "broken_row")]
)
def test_other_short_lines_are_broken_rows(make_folder, line, rule):
    folder = make_folder(customers="\n".join([HEADER, *GOOD, line]) + "\n")
    assert left_out(folder) == [(3, "", rule)]


def test_the_configuration_says_which_words_are_totals(make_folder):
    text = "\n".join([HEADER, *GOOD, "Sum:,,,2", "合计,N,2020-01-10,dragon"]) + "\n"
    config = Config.model_validate({"tables": {"customers": {"totals": ["Sum"]}}})
    assert left_out(make_folder(customers=text), config) == [(3, "", "total_line"), (4, "tier", "unknown_value")]


def test_without_words_nothing_is_a_total(make_folder):
    text = "\n".join([HEADER, *GOOD, "合计", "共3条"]) + "\n"
    config = Config.model_validate({"tables": {"customers": {"totals": []}}})
    assert [rule for _, _, rule in left_out(make_folder(customers=text), config)] == ["broken_row"] * 2
