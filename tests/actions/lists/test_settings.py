import pytest

from churn.actions.lists.settings import ListSettings
from churn.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"home_share": 0.49}, "home_share"),  # two branches could be meant
        ({"large_counter_cny": 0}, "large_counter_cny"),
        ({"counter_days": 0}, "counter_days"),
        ({"gold_floor_cny": 500_000}, "platinum_floor_cny"),
        ({"referrer_signs": 6, "upgrade_share": -1}, "upgrade_share, referrer_signs"),
    ],
)
def test_setting_outside_its_range_is_named(given, named):
    with pytest.raises(ConfigError, match=f"^lists: {named} outside what is possible"):
        ListSettings(**given)
