import pytest

from churn import errors


@pytest.mark.parametrize(
    ("error", "also"),
    [
        (errors.ConfigError, ValueError),
        (errors.DataError, ValueError),
        (errors.MissingColumnError, KeyError),
        (errors.MissingColumnError, errors.DataError),
        (errors.TimeRangeError, ValueError),
        (errors.ModelError, ValueError),
        (errors.ExplanationError, ValueError),
        (errors.OutputError, OSError),
    ],
)
def test_every_error_is_a_churn_error_and_a_familiar_one(error, also):
    assert issubclass(error, errors.ChurnError)
    assert issubclass(error, also)


@pytest.mark.parametrize("error", [errors.DataError, errors.MissingColumnError, errors.OutputError])
def test_message_is_one_line_without_quotes_around_it(error):
    assert str(error("customers.tier: unknown\nvalue")) == "customers.tier: unknown value"


def test_tree_in_the_docstring_names_every_error():
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}
    for name in defined:
        assert name in errors.__doc__
