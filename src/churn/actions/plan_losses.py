"""What a loss is that a manager speaks about; the same for the plan and for the lists."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import PlanSettings


def is_felt_loss(customers: pd.DataFrame, settings: PlanSettings) -> NDArray[np.bool_]:
    """Mark customers with an unrealised loss of a share of its cost, or of an amount.

    Parameters
    ----------
    customers
        `unrealised_return`, as a fraction of the cost, and `unrealised_pnl_cny`, in yuan; what is not known is no loss.
    settings
        `loss_return` and `loss_cny`; a loss as large as either counts.

    Examples
    --------
    >>> customers = pd.DataFrame({"unrealised_return": [-0.05, -0.01, None], "unrealised_pnl_cny": [-1, -10_000, None]})
    >>> is_felt_loss(customers, PlanSettings(loss_return=0.05, loss_cny=10_000)).tolist()
    [True, True, False]
    """
    by_share = customers["unrealised_return"] <= -settings.loss_return
    by_amount = customers["unrealised_pnl_cny"] <= -settings.loss_cny
    loses = customers["unrealised_pnl_cny"] < 0
    marks: NDArray[np.bool_] = (loses & (by_share | by_amount)).to_numpy(dtype=bool, na_value=False)
    return marks
