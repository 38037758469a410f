import pytest

from churn.data import open_bank


@pytest.mark.parametrize(("classes", "known"), [(["", "2"], False), (["", "1"], True)])
def test_classes_are_known_where_one_account_is_of_class_1(make_folder, classes, known):
    rows = [f"H{at},A,debit_card,{found},2020-01-10" for at, found in enumerate(classes)]
    holdings = "\n".join(["holding_id,customer_id,product,account_class,opened_on", *rows, ""])
    with open_bank(make_folder(holdings=holdings), n_threads=1) as bank:
        assert bank.classes_known is known
