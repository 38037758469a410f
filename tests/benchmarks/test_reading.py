"""The short form of the study of reading; `python benchmarks/reading.py --files 20000` is the long one."""

from collections import Counter

import pytest
import reading


@pytest.fixture(scope="module", autouse=True)
def _in_one_process():
    with reading.in_one_process():
        yield


@pytest.mark.parametrize("first", range(0, 500, 125))
def test_a_file_gives_the_values_that_were_written_or_one_refusal(tmp_path, first):
    outcomes = Counter()
    for number in range(first, first + 125):
        outcome, why = reading.judge(reading.write_file(number, tmp_path))
        assert outcome != "wrong", f"{number}: {why}"
        outcomes[outcome] += 1
    assert outcomes["read"] > 110


@pytest.mark.parametrize("make", [reading.make_table, reading.make_customers, reading.make_transactions])
def test_another_value_or_another_number_of_rows_is_noticed(tmp_path, make):
    written = reading.write_polars(reading.random.Random(4), tmp_path, make)
    kept = written.path.read_bytes()
    name = next(iter(written.table.columns))
    written.table.columns[name][3] = {"day": reading.dt.date(2001, 2, 3)}.get(written.table.kinds[name], 77)
    assert reading.judge(written)[0] == "wrong"
    written.path.write_bytes(kept[: kept.rindex(b"\n", 0, -1) + 1])
    assert "rows of" in reading.judge(written)[1]


def test_what_one_person_has_is_noticed_among_the_features(tmp_path):
    written = reading.write_polars(reading.random.Random(4), tmp_path, reading.make_table)
    written.table.personal = (next(iter(written.table.columns)),)
    assert reading.judge(written) == ("wrong", f"WrongError: {written.table.personal[0]} is a feature")
