import numpy as np
import pandas as pd
import pytest

from churn.config import Config
from churn.data import open_bank, open_file
from churn.segments import age_bands, coverage_groups, flat_segments

CUSTOMERS = """\
customer_id,branch_id,manager_id,opened_on,closed_on,birth_year,tier
A,N,M1,2020-01-10,2024-09-01,1980,platinum
B,N,,2020-02-20,,1999,platinum
C,N,,2020-02-20,,,platinum
"""
HOLDINGS = """\
holding_id,customer_id,product,account_class,opened_on,closed_on
H1,A,debit_card,1,2020-01-10,
H2,A,fund,,2020-03-01,
H3,B,debit_card,1,2020-02-20,
H4,C,debit_card,1,2020-02-20,2025-12-30
"""
STATES = """\
customer_id,valid_from,tier,manager_id,branch_id
A,2020-01-10,ordinary,,N
A,2023-12-31,gold,M1,S
A,2024-01-01,platinum,M1,W
B,2024-06-01,gold,,S
"""
AS_OF = pd.Timestamp("2024-01-01").date()


def _segments(folder, config=None):
    with open_bank(folder, config or Config(), data_end=pd.Timestamp("2025-12-31").date()) as bank:
        return bank.labelled(AS_OF, 365).segments


def test_customers_are_in_the_groups_they_were_in_at_the_date(make_folder):
    found = _segments(make_folder(customers=CUSTOMERS, holdings=HOLDINGS, customer_states=STATES))
    # a state that begins on the date is not yet known; one that begins later neither
    assert found.to_dict("list") == {
        "coverage": ["2", "1", "1"],
        "tier": ["gold", None, None],
        "branch": ["S", None, None],
        "age": ["30 to 44", "0 to 29", None],
    }


def test_todays_tier_and_branch_are_not_those_of_the_date(make_folder):
    found = _segments(make_folder(customers=CUSTOMERS, holdings=HOLDINGS))
    assert list(found) == ["coverage", "age"]


def test_columns_that_never_change_are_todays(make_folder):
    config = Config.model_validate({"customers": {"static": ["tier", "branch_id"]}})
    found = _segments(make_folder(customers=CUSTOMERS, holdings=HOLDINGS), config)
    assert found["tier"].tolist() == ["platinum"] * 3
    assert found["branch"].tolist() == ["N"] * 3


@pytest.mark.parametrize(
    ("number", "group"), [(0, None), (np.nan, None), (1, "1"), (4, "4"), (5, "5+"), (12, "5+"), (-1, None)]
)
def test_products_are_grouped_as_the_stated_rates_are(number, group):
    assert coverage_groups(np.array([number], dtype=float)).tolist() == [group]


def test_age_bands_begin_at_their_lower_end():
    ages = np.array([29.0, 30, 44, 45, 59, 60])
    assert age_bands(ages).tolist() == ["0 to 29", "30 to 44", "30 to 44", "45 to 59", "45 to 59", "60 and more"]


def test_groups_of_a_flat_file_are_its_texts_of_few_values(tmp_path):
    path = tmp_path / "file.csv"
    rows = [f"{n},{'yes' if n % 3 else 'no'},{'mf'[n % 2]},{n},name{n},{n % 7}" for n in range(60)]
    path.write_text("id,left,sex,balance,name,products\n" + "\n".join(rows), encoding="utf-8")
    config = Config.model_validate({"flat": {"id": "id", "label": "left", "churned": "yes", "coverage": "products"}})
    with open_file(path, config) as table:
        found = table.labelled(None, 0).segments
    assert list(found) == ["coverage", "sex"]
    # id 1 comes after id 0: one of each, with no product and one
    assert found.iloc[:2].to_dict("list") == {"coverage": [None, "1"], "sex": ["m", "f"]}


def test_flat_file_without_a_text_has_no_group():
    found = flat_segments(pd.DataFrame({"income": [1.0, 2.0]}), None)
    assert found.shape == (2, 0)


def test_customers_who_are_only_scored_are_in_no_group(make_folder, tmp_path):
    path = tmp_path / "file.csv"
    path.write_text("id,sex\n1,m\n2,f\n", encoding="utf-8")
    config = Config.model_validate({"flat": {"id": "id", "label": "left", "churned": "yes"}})
    with open_file(path, config, labels="unread") as table:
        (part,) = table.partitions(None)
    assert part.segments is None
