import pytest

from binding_rows import CUSTODY, binding_row
from churn.errors import ExplanationError
from churn.explanation.tables import binding_rows, bindings_frame

ROWS = [CUSTODY, binding_row("cash_sweep", controls_passed=False)]


def test_rows_come_back_as_they_went_in():
    assert binding_rows(bindings_frame(ROWS)) == ROWS


def test_rows_may_be_chosen_and_put_in_another_order():
    assert binding_rows(bindings_frame(ROWS).iloc[[1]]) == ROWS[1:]
    assert binding_rows(bindings_frame(ROWS)[::-1]) == ROWS[::-1]


def test_no_row_is_a_table_with_all_columns():
    assert list(bindings_frame([])) == list(bindings_frame(ROWS))


def test_a_missing_column_is_named():
    with pytest.raises(ExplanationError, match="column late is missing"):
        binding_rows(bindings_frame(ROWS).drop(columns="late"))
