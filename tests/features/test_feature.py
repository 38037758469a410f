import numpy as np
import pandas as pd
import pytest

from churn.config import Config
from churn.features.catalogue import catalogue
from churn.features.feature import meaning_of, own_features, value_of
from churn.speech import say

FEATURES = (*catalogue(Config()), *own_features(["Job"]))


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT])
def test_a_missing_value_is_missing_however_it_is_written(missing):
    assert say(value_of(FEATURES, "aum_cny", missing), "en") == "missing"
    assert say(value_of(FEATURES, "days_since_contact", missing), "en") == "none"


def test_a_value_is_in_the_unit_of_its_feature_and_one_of_a_files_own_as_it_is():
    assert say(value_of(FEATURES, "aum_cny", np.float64(1234.5)), "en") == "CNY 1,234"
    assert say(value_of(FEATURES, "bound_cts", 1.0), "zh") == "是"
    assert say(value_of(FEATURES, "Job", "Blue collar"), "zh") == "Blue collar"
    assert say(value_of(FEATURES, "Job", True), "en") == "1"


def test_a_feature_that_is_in_no_catalogue_means_its_name():
    assert meaning_of(FEATURES, "nobody's") == "nobody's"
    assert say(value_of(FEATURES, "nobody's", 0.25), "en") == "0.25"
    assert meaning_of(FEATURES, "Job") == "Job"
