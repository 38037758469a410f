"""What a bank may change about its lists, and why each figure is what it is."""

from dataclasses import dataclass

from churn.errors import ConfigError
from churn.features.activity import LARGE_COUNTER_CENTS


@dataclass(frozen=True)
class ListSettings:
    """Thresholds of the managers' lists; amounts in yuan, shares as fractions of one.

    Where no source is named, the figure is an assumption that a bank replaces by its own. What a loss is, and managers
    whose branch is stated, stand in the configuration's section `plan`, so that plan and lists mean the same.

    Attributes
    ----------
    home_share
        Without a stated branch a manager's is the one of more than this share of the manager's customers: from one half
        on at most one branch can be meant. In [0.5, 1).
    word_purposes
        Contacts that speak to a customer who loses money (the practice's own three).
    quiet_days
        Whoever heard from us within so many days comes after those who did not. Assumption: a month, since
        valuations are monthly.
    large_counter_cny
        Size of a counter transaction, in or out, that shows a future VIP (the practice's own figure).
    counter_days
        How far back the counter is looked at. Assumption: a week, so that a weekly round misses nobody.
    counter_share
        Part of a day's counter customers who could become VIPs, at least (the practice's own figure).
    gold_floor_cny, platinum_floor_cny
        Assets from which a tier is earned. Assumption: gold from what the practice calls large at the counter,
        platinum from five times that.
    upgrade_share
        Part of the next tier's floor from which a customer is a candidate. Assumption.
    loyal_days
        How long a satisfied customer has been one. Assumption: a year, since most leave in their first.
    referrer_signs
        How many of the five signs a likely referrer shows. Assumption: most of them.
    valuable_cny
        Assets of a good customer of the ordinary tier. Assumption: the floor of gold.
    thin_products, thin_services
        A customer with at most so many products, or so many services bound, is thinly bound. Assumption, from the
        stated yearly churn: 62 % with one product, 42 % with three.
    fair_products, strong_products
        Products of a fair and a strong account relationship: three and five, where the stated churn falls.
    fair_services, strong_services
        Services it also needs. Assumption.
    busy_transactions
        Transactions in a year of a customer who deals with us: one a month. Assumption.
    fresh_days
        A meeting makes a personal relationship strong while we reached the customer within so many days. Assumption:
        a quarter.
    circle_size
        Smallest circle worth an event. Assumption.
    common_share
        A product that more than this share of all customers hold is nothing to share. Assumption.

    Raises
    ------
    ConfigError
        A figure is outside its range, or platinum does not begin above gold.

    Examples
    --------
    >>> ListSettings(gold_floor_cny=50_000).gold_floor_cny
    50000
    """

    home_share: float = 0.5
    word_purposes: tuple[str, ...] = ("loss_notice", "after_sales", "care")
    quiet_days: int = 30
    large_counter_cny: float = LARGE_COUNTER_CENTS / 100
    counter_days: int = 7
    counter_share: float = 0.05
    gold_floor_cny: float = 100_000
    platinum_floor_cny: float = 500_000
    upgrade_share: float = 0.8
    loyal_days: int = 365
    referrer_signs: int = 3
    valuable_cny: float = 100_000
    thin_products: int = 2
    thin_services: int = 1
    fair_products: int = 3
    strong_products: int = 5
    fair_services: int = 1
    strong_services: int = 3
    busy_transactions: int = 12
    fresh_days: int = 90
    circle_size: int = 3
    common_share: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        above_zero = ("large_counter_cny", "counter_days", "gold_floor_cny", "upgrade_share")
        wrong = [name for name in above_zero if not getattr(self, name) > 0]
        wrong += [] if 0.5 <= self.home_share < 1 else ["home_share"]
        wrong += [] if self.gold_floor_cny < self.platinum_floor_cny else ["platinum_floor_cny"]
        wrong += [] if 1 <= self.referrer_signs <= 5 else ["referrer_signs"]
        if wrong:
            raise ConfigError(f"lists: {', '.join(wrong)} outside what is possible; see ListSettings for the ranges")
