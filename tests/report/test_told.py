import pandas as pd
import pytest

from churn.errors import DataError
from churn.report.told import Told, read_told

PLAIN = {"customer_id": ["A", "B"], "reason_1": ["n_bound", ""], "reason_2": ["unheard_of", ""]}
EXPLAINED = {
    "customer_id": ["A", "B"],
    "reason_1": ["n_bound", None],
    "raises_1_en": ["no service bound", None],
    "raises_1_zh": ["未绑定任何服务", None],
    "holds_1_en": ["aged 44", None],
    "holds_1_zh": ["44 岁", None],
    "next_binding": ["cts", None],
    "next_product": [None, "fund"],
    "next_binding_effect": [-0.1, None],
    "probability_low": [0.2, 0.3],
    "probability_high": [0.4, 0.5],
}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_explained_file_tells_reasons_and_the_next_step(tmp_path, ending):
    path = tmp_path / f"scores.{ending}"
    frame = pd.DataFrame(EXPLAINED)
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path)
    told = read_told(path, ["A", "B"], {})
    reasons = (("no service bound", "未绑定任何服务"),), (("aged 44", "44 岁"),)
    assert told["A"] == Told(*reasons, "cts", None, -0.1, 0.2, 0.4)
    assert told["B"] == Told((), (), None, "fund", None, 0.3, 0.5)


def test_without_reasons_in_words_features_are_named_by_their_meaning(tmp_path):
    path = tmp_path / "scores.csv"
    pd.DataFrame(PLAIN).to_csv(path, index=False)
    told = read_told(path, ["A"], {"n_bound": ("services bound", "已绑定服务数")})
    assert told["A"].raises == (("services bound", "已绑定服务数"), ("unheard_of", "unheard_of"))
    assert told["A"].binding is None
    assert list(told) == ["A"]


def test_a_column_that_is_no_number_is_refused_without_its_values(tmp_path):
    path = tmp_path / "scores.csv"
    pd.DataFrame(EXPLAINED | {"probability_low": ["secret", "0.1"]}).to_csv(path, index=False)
    with pytest.raises(DataError, match="a column is not what churn score writes") as error:
        read_told(path, ["A"], {})
    assert "secret" not in str(error.value)
