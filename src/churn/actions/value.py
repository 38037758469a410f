"""What a customer is worth, how much of it a contact is expected to keep, and what a loss is that is spoken of.

Expected value kept = value × fall of the churn probability, in yuan. The fall is the larger of two:

- what the contact itself prevents, a share of the churn probability that is *assumed* (`[plan] contact_effect`, and
  `loss_effect` where a loss is told);
- what the next binding would change, where the model claims an effect: that effect × the share of customers who take
  an offer up (`take_up`), shared out equally over the steps that still lead to the offer. An effect that cannot be
  told is not claimed, and counts for nothing.

A meeting does as much as `meeting_factor` calls where it suits: a VIP we have spoken to, or anybody already invited.
With a stranger it does no more than a call, which is where getting to know somebody begins. No contact takes away more
than the whole of a customer's risk.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churn.config import PlanSettings

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]
Words = NDArray[np.object_]

N_STEPS = 4
"""Introduce, invite, familiarise, configure."""
SPOKEN_TO, INVITED = 1, 2
"""From this many steps behind a customer on, a meeting suits a VIP, and anybody."""


class Kept(NamedTuple):
    """Of n customers, in yuan; shapes (n,).

    Attributes
    ----------
    call, meeting
        Expected value kept by either; a meeting keeps at least what a call does.
    call_assumes, meeting_assumes
        The settings it rests on, joined by " + ": what a bank should know to be assumed.
    """

    call: Floats
    meeting: Floats
    call_assumes: Words
    meeting_assumes: Words


def customer_value(aum_cny: Floats, product_coverage: Floats, settings: PlanSettings) -> Floats:
    """Say what leaves with a customer, in yuan: the assets under management, and a sum for each product held.

    Assets are what tables know of a customer's worth; an overdraft takes nothing away. Without `pnl` they are not
    known (NaN) and count as 0, so that products alone decide.

    Examples
    --------
    >>> customer_value(np.array([50_000.0, -200.0, np.nan]), np.array([2.0, 1.0, 3.0]), PlanSettings()).tolist()
    [52000.0, 1000.0, 3000.0]
    """
    assets: Floats = np.maximum(np.nan_to_num(aum_cny, nan=0.0), 0.0)
    return assets + settings.product_value_cny * product_coverage


def value_kept(
    probability: Floats,
    value: Floats,
    stage: NDArray[np.int64],
    is_vip: Marks,
    tells_loss: Marks,
    effect: Floats,
    settings: PlanSettings,
) -> Kept:
    """Weigh a call and a meeting with each customer.

    Parameters
    ----------
    probability
        Calibrated churn probability, in [0, 1].
    value
        Of `customer_value`.
    stage
        Steps behind the customer: 0 nobody reached yet, 1 spoken to, 2 invited, 3 met.
    is_vip, tells_loss
        Gold or platinum; the contact is to tell a loss, and offers nothing.
    effect
        Change of the churn probability by the next binding, negative = less churn; NaN where none is claimed.

    Examples
    --------
    A customer who was met: 5 % of the risk are assumed of the call; an effect of 20 points at 30 % take-up is more.

    >>> one = (np.array([0.4]), np.array([1000.0]), np.array([3]), np.array([False]), np.array([False]))
    >>> kept = value_kept(*one, np.array([-0.2]), PlanSettings())
    >>> kept.call.round(6).item(), kept.meeting.round(6).item(), kept.meeting_assumes[0]
    (60.0, 90.0, 'take_up + meeting_factor')
    >>> value_kept(*one, np.array([np.nan]), PlanSettings()).call.round(6).item()
    20.0
    """
    share = np.where(tells_loss, settings.loss_effect, settings.contact_effect)
    contact = share * probability
    claimed = np.maximum(np.nan_to_num(-effect, nan=0.0), 0.0) * settings.take_up / (N_STEPS - stage)
    binding = np.where(tells_loss, 0.0, claimed)
    fall = np.minimum(np.maximum(contact, binding), probability)
    suits = stage >= np.where(is_vip, SPOKEN_TO, INVITED)
    met = np.minimum(fall * np.where(suits, settings.meeting_factor, 1.0), probability)
    names = np.where(binding > contact, "take_up", np.where(tells_loss, "loss_effect", "contact_effect")).astype(object)
    return Kept(fall * value, met * value, names, np.where(suits, names + " + meeting_factor", names))


def is_felt_loss(customers: pd.DataFrame, settings: PlanSettings) -> Marks:
    """Mark customers with an unrealised loss of a share of its cost, or of an amount.

    Parameters
    ----------
    customers
        `unrealised_return`, as a fraction of the cost, and `unrealised_pnl_cny`, in yuan; unknown is not a loss.
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
    marks: Marks = (loses & (by_share | by_amount)).to_numpy(dtype=bool, na_value=False)
    return marks
