import pandas as pd
import pytest

from churn.actions.plan_losses import is_felt_loss
from churn.config import PlanSettings


@pytest.mark.parametrize(
    ("pnl", "returned", "felt"),
    [
        (-50.0, -0.05, True),
        (-49.0, -0.049, False),
        (-10_000.0, -0.001, True),
        (-9_999.99, -0.001, False),
        (-10_000.0, None, True),  # of what cost nothing
        (None, None, False),
        (50.0, 0.05, False),
    ],
)
def test_a_loss_counts_from_its_share_or_its_amount_on(pnl, returned, felt):
    customers = pd.DataFrame({"unrealised_pnl_cny": [pnl], "unrealised_return": [returned]}, dtype=float)
    assert is_felt_loss(customers, PlanSettings()).tolist() == [felt]
