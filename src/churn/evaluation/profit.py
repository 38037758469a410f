"""Profit of a campaign that contacts customers because of their predictions.

Profit of one contact, after Verbraken, Verbeke, Baesens 2013, https://doi.org/10.1109/TKDE.2012.50: whoever would
have left accepts the incentive with probability gamma and is then worth `customer_value - incentive`; whoever would
have stayed takes the incentive as well; every contact costs `contact_cost`. So contacting n customers, n_1 of whom
would have left, earns gamma (customer_value - incentive) n_1 - incentive (n - n_1) - contact_cost n. All amounts are
in one currency.
"""

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincc

from churn.config import CampaignSettings

Floats = NDArray[np.float64]


CAMPAIGN = CampaignSettings()
"""Costs and gains of a campaign by Verbraken et al. 2013, in euros."""


def empc(y_obs: ArrayLike, y_pred: ArrayLike, campaign: CampaignSettings = CAMPAIGN) -> float:
    """Expected maximum profit for churn, per customer (of all, contacted or not), in the currency of `campaign`.

    The most that any cut-off on the ranking earns at a share gamma of leavers who accept, in expectation over
    gamma ~ Beta(alpha, beta). Not negative, larger is better; 0 is to contact nobody. The best cut-offs are the
    corners of the ROC curve's convex hull, so that only the ranking counts. Verbraken, Verbeke, Baesens 2013,
    https://doi.org/10.1109/TKDE.2012.50, whose parameters are the defaults.

    Parameters
    ----------
    y_obs
        0 or 1, shape (n,); one class alone is accepted.
    y_pred
        What customers are ranked by, shape (n,); a higher value is contacted earlier.
    campaign
        Costs and gains of a contact.

    Examples
    --------
    Contacting the churner alone earns 0.3 (200 - 10) - 1 = 56, a quarter of it a customer; the next contact never
    pays. (Where less than 1 / 190 would accept, nobody is contacted: that hardly ever happens.)

    >>> round(empc([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.4]), 6)
    14.0
    """
    share, rate = _hull_edges(np.asarray(y_obs, dtype=np.float64), np.asarray(y_pred, dtype=np.float64))
    kept = campaign.customer_value - campaign.incentive
    cost = campaign.contact_cost + campaign.incentive * (1 - rate)
    # an edge without churners, or one that would not pay if all accepted, pays at no gamma below 1
    pays_from = np.ones(len(rate))
    pays = kept * rate > cost
    pays_from[pays] = cost[pays] / (kept * rate[pays])
    contacted = betaincc(campaign.alpha, campaign.beta, pays_from)
    accepting = campaign.kept_share * betaincc(campaign.alpha + 1, campaign.beta, pays_from)
    profit = share * (kept * rate * accepting - cost * contacted)
    return float(np.sum(profit))


def campaign_profit(y_obs: ArrayLike, y_pred: ArrayLike, campaign: CampaignSettings = CAMPAIGN) -> float:
    """Profit per customer (of all), of a bank that took the probabilities at their word.

    It contacts everybody whose expected gain exceeds the cost of the contact,

        p kept_share (customer_value - incentive) - (1 - p) incentive > contact_cost,

    and earns kept_share (customer_value - incentive) y - incentive (1 - y) - contact_cost from each of them: the
    profit of Verbraken et al. 2013, https://doi.org/10.1109/TKDE.2012.50, at a fixed gamma = kept_share, its mean, and
    at the model's own cut-off instead of the best one. Larger is better; 0 is to contact nobody, and predictions that
    are too high can lose money.

    Parameters
    ----------
    y_obs
        0 or 1, shape (n,).
    y_pred
        Probabilities in [0, 1], shape (n,).
    campaign
        Costs and gains of a contact.

    Examples
    --------
    Whoever is above 11 / 67 is contacted: one who leaves (57 - 1) and one who stays (-10 - 1).

    >>> campaign_profit([0, 0, 0, 1], [0.1, 0.16, 0.17, 0.4])
    11.25
    """
    y, p = np.asarray(y_obs, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    kept = campaign.kept_share * (campaign.customer_value - campaign.incentive)
    contacted = y[p * kept - (1 - p) * campaign.incentive > campaign.contact_cost]
    return float(np.sum(contacted * kept - (1 - contacted) * campaign.incentive - campaign.contact_cost) / len(y))


def _hull_edges(y: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Share of all customers on each edge of the ROC curve's convex hull, and their churn rate, ascending.

    The edges are the blocks of the isotonic regression of the outcome on the ranking (pool adjacent violators; Fawcett
    and Niculescu-Mizil 2007, https://doi.org/10.1007/s10994-007-5011-0), in linear time once sorted.
    """
    # churners first among tied scores: they descend, and are therefore pooled with the stayers they are tied with
    order = np.lexsort((-y, score))
    fit = scipy.optimize.isotonic_regression(y[order])
    return np.diff(fit.blocks) / len(y), np.asarray(fit.x[fit.blocks[:-1]])
