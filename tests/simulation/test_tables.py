import numpy as np
import pyarrow as pa

from churn.simulation.events import OPEN
from churn.simulation.tables import coded, customer_ids, dates, ids, money


def test_an_open_date_is_null() -> None:
    assert dates(np.array([0, OPEN])).to_pylist()[1] is None
    assert dates(np.array([0])).type == pa.date32()


def test_money_has_two_decimals() -> None:
    assert money(np.array([1.234, 5.0]), np.array([False, True])).to_pylist() == [1.23, None]


def test_codes_outside_the_words_are_null_and_the_rest_plain_strings() -> None:
    words = coded(np.array([0, 2, -1]), ("a", "b"))
    assert words.to_pylist() == ["a", None, None]
    assert words.type == pa.string()


def test_ids_have_one_width() -> None:
    assert ids("M", np.array([7, 1234]), 4) == ["M0007", "M1234"]
    assert customer_ids(np.array([1])) == ["C0000001"]
