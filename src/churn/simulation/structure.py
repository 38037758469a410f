"""The constants of the structural model: every number that acts, and why it has that size.

None is estimated from a real bank. Where no source is named, the size was chosen so that the bank
looks like one: shares of products, of VIPs and of counter visits that a branch would recognise, and
effects a controlled trial could find. Effects act on the log-odds of deciding to leave in a month.

Latents are standard normal among entrants, in this order: loyalty, wealth, digital habit, risk appetite.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from churn.config import PRODUCTS, SERVICES
from churn.config.modelling import STATED_ANNUAL_CHURN

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Confounders = Literal["hidden", "observed"]

LATENTS = ("loyalty", "wealth", "digital", "risk_appetite")
TIERS = ("ordinary", "gold", "platinum")
# The bank opens its doors 15 years before the window, so that long tenures exist.
BURN_IN_MONTHS = 180
HORIZON_MONTHS = 12

# --- products: (share at entry, adoptions per month, loadings on the four latents) -------------------
_PRODUCTS: dict[str, tuple[float, float, tuple[float, float, float, float]]] = {
    "debit_card": (1.0, 0.0, (0.0, 0.0, 0.0, 0.0)),
    "time_deposit": (0.06, 0.0026, (0.30, 0.20, -0.30, -0.40)),
    "wealth_management": (0.09, 0.0042, (0.35, 0.30, 0.00, 0.20)),
    "fund": (0.08, 0.004, (0.25, 0.20, 0.20, 0.60)),
    "fund_plan": (0.02, 0.0014, (0.30, 0.10, 0.30, 0.40)),
    "credit_card": (0.14, 0.0045, (0.20, 0.15, 0.20, 0.10)),
    "mortgage": (0.03, 0.001, (0.30, 0.20, 0.00, 0.00)),
    "online_banking": (0.06, 0.0026, (0.15, 0.10, 0.55, 0.00)),
    "mobile_banking": (0.28, 0.0085, (0.15, 0.00, 0.70, 0.00)),
    "cts": (0.05, 0.0026, (0.25, 0.15, 0.20, 0.70)),
    "cash_sweep": (0.03, 0.0018, (0.40, 0.20, 0.20, 0.00)),
    "precious_metals": (0.015, 0.0008, (0.00, 0.15, 0.00, 0.40)),
    "insurance": (0.03, 0.0012, (0.30, 0.15, -0.20, -0.30)),
}
PRODUCT_NAMES = tuple(PRODUCTS)
ENTRY_SHARE = np.array([_PRODUCTS[p][0] for p in PRODUCT_NAMES])
ADOPTION_RATE = np.array([_PRODUCTS[p][1] for p in PRODUCT_NAMES])
ADOPTION_LOADING = np.array([_PRODUCTS[p][2] for p in PRODUCT_NAMES]).T
# A product is given up in 0.4 % of months (about 5 % a year); the debit card only when leaving.
CLOSING_RATE = np.array([0.0 if p == "debit_card" else 0.004 for p in PRODUCT_NAMES])

# --- services: (effect on log-odds, log-odds bound at opening, binds per month, loadings) ------------
# Two have no effect at all and the strongest loading on loyalty: they look protective and are not.
_SERVICES: dict[str, tuple[float, float, float, tuple[float, float, float, float]]] = {
    "online_banking": (-0.1, -0.4, 0.004, (0.30, 0.00, 0.40, 0.00)),
    "mobile_banking": (-0.5, -1.1, 0.004, (0.35, 0.00, 0.50, 0.00)),
    "credit_card_repayment": (-0.75, -1.0, 0.0035, (0.40, 0.10, 0.20, 0.00)),
    "mortgage_repayment": (-0.2, -0.3, 0.004, (0.30, 0.00, 0.10, 0.00)),
    "fund_trading": (0.0, -1.1, 0.0035, (1.10, 0.10, 0.10, 0.20)),
    "wealth_management": (0.0, -1.2, 0.0035, (1.20, 0.20, 0.00, 0.00)),
    "cts": (-0.9, -0.9, 0.0035, (0.35, 0.20, 0.20, 0.20)),
    "cash_sweep": (-0.35, -0.8, 0.0035, (0.35, 0.30, 0.20, 0.00)),
}
SERVICE_NAMES = tuple(SERVICES)
SERVICE_PRODUCT = np.array([PRODUCT_NAMES.index(SERVICES[s].product) for s in SERVICE_NAMES])
BINDING_EFFECT = np.array([_SERVICES[s][0] for s in SERVICE_NAMES])
BOUND_AT_OPENING = np.array([_SERVICES[s][1] for s in SERVICE_NAMES])
BINDING_RATE = np.array([_SERVICES[s][2] for s in SERVICE_NAMES])
BINDING_LOADING = np.array([_SERVICES[s][3] for s in SERVICE_NAMES]).T
UNBINDING_RATE = 0.004

# --- what moves the monthly log-odds of deciding to leave -----------------------------------------
# Loyalty holds; wealth and risk appetite are courted by other banks; habit of the phone compares offers.
LATENT_EFFECT = np.array([-0.50, 0.32, 0.10, 0.15])
# A loss of 10 % of what was invested adds 0.4; a timely reached after-sales contact takes 0.45 off.
LOSS_EFFECT = 4.0
CONTACT_EFFECT = -0.45
CONTACT_MONTHS = 3
LOSS_THRESHOLD = 0.05
# The first year is the loosest; it halves every eight months or so.
NEW_CUSTOMER_EFFECT = 0.40
NEW_CUSTOMER_MONTHS = 12.0
# Intercepts by coverage 1, 2, 3, 4, 5+: solved once on large banks so that a year's churn meets TARGETS.
INTERCEPTS: dict[Confounders, Floats] = {
    "hidden": np.array([-2.49, -2.51, -2.45, -2.75, -3.09]),
    "observed": np.array([-1.995, -2.11, -2.09, -2.265, -2.59]),
}
# Stated at 1, 3 and 5 or more (config.STATED_ANNUAL_CHURN); 2 and 4 lie between, chosen here.
TARGETS = np.array([STATED_ANNUAL_CHURN["1"], 0.52, STATED_ANNUAL_CHURN["3"], 0.27, STATED_ANNUAL_CHURN["5+"]])

# --- how a customer leaves -------------------------------------------------------------------------
# Months from the decision to the end, and the share of balances still there at each month's end.
DRAIN_SHARE = np.array([0.60, 0.30, 0.10])
DRAIN_KEEPS = np.array([[0.60, 0.0, 0.0], [0.75, 0.45, 0.0], [0.80, 0.60, 0.40]])
# Relationship closed, all holdings closed with the record left open, silent.
WAYS = ("closed", "emptied", "silent")
WAY_SHARE = np.array([0.60, 0.25, 0.15])
SILENT_KEEPS = 0.01
# The bank closes a dormant relationship with this chance per month (after seven months on average).
DORMANT_CLOSING_RATE = 0.15

# --- balances ------------------------------------------------------------------------------------
VALUED = ("debit_card", "time_deposit", "wealth_management", "fund", "fund_plan", "precious_metals")
VALUED_PRODUCT = np.array([PRODUCT_NAMES.index(p) for p in VALUED])
INVESTED = np.array([p not in {"debit_card", "time_deposit"} for p in VALUED])
# Median debit balance 25,000 yuan; wealth and chance move it.
MEDIAN_BALANCE_CNY = 25_000.0
WEALTH_TO_LOG_BALANCE = 1.1
OTHER_LOG_BALANCE = 0.5
BALANCE_MEMORY = 0.85
BALANCE_NOISE = 0.20
# Monthly returns: exposure to the share and gold markets, and each holder's own noise.
STOCK_EXPOSURE = np.array([0.0, 0.0, 0.10, 1.0, 1.0, 0.0])
GOLD_EXPOSURE = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
OWN_RETURN_NOISE = np.array([0.0, 0.0, 0.008, 0.050, 0.040, 0.020])
STOCK_MEAN, STOCK_NOISE = 0.002, 0.018
GOLD_MEAN, GOLD_NOISE = 0.002, 0.030
# Each month 3 % of gains and losses is realised (rolled over), and 5 % of the way back to plan is made.
REALISED_SHARE = 0.03
REBALANCED_SHARE = 0.05

# --- tiers, managers, contacts --------------------------------------------------------------------
# Assets under management from which a customer is gold or platinum; a tier is kept down to 70 % of it.
TIER_FLOOR_CNY = np.array([0.0, 105_000.0, 420_000.0])
TIER_KEPT = 0.7
CUSTOMERS_PER_BRANCH = 1_000
MANAGERS_PER_BRANCH = 4
MANAGED_AT_ENTRY = 0.12
MANAGER_CHANGE_RATE = 0.006
VIP_ASSIGNED_RATE = 0.60
# A few VIPs stay without a manager because nobody was assigned to their branch's desk.
NEVER_ASSIGNED = 0.03
CONTACT_RATE = np.array([0.03, 0.09, 0.14])
CONTACT_RATE_UNMANAGED = 0.004
# Dissatisfied customers are heard of and called: the rate times exp(this times loyalty).
CONTACT_LOYALTY = -0.6
CONTACT_RATE_LOSS = 0.35
CONTACT_RATE_DRAINING = np.array([0.50, 0.80])
REACHED_LOG_ODDS = 0.8
REACHED_LOYALTY = 0.5
DO_NOT_CONTACT = 0.03

# --- transactions per month: counter, atm, online, mobile ---------------------------------------------
CHANNELS = ("counter", "atm", "online", "mobile")
CHANNEL_RATE = np.array([0.22, 0.40, 0.70, 1.50])
CHANNEL_LOADING = np.array([[0.40, 0.40, 0.45, 0.45], [0.05, 0.0, 0.1, 0.0], [-0.55, -0.35, 0.45, 0.50], [0.0] * 4])
# Ordinary customers are sent to the machines with 15 % of their counter business, VIPs bring a fifth of the
# machines' to the counter: so that about 20 % of a year's counter customers are VIPs.
SENT_TO_ATM = 0.15
BROUGHT_TO_COUNTER = 0.20
# Median amount at a debit balance of 22,000 yuan; it grows with the square root of the balance.
MEDIAN_AMOUNT_CNY = 545.0
AMOUNT_AT_BALANCE_CNY = 22_000.0
AMOUNT_TO_LOG_BALANCE = 0.5
# Counter business of the size of the balance itself (money that passes through included), so that about 6 % of a
# year's counter customers have one of 100,000 yuan or more: VIPs, and ordinary customers on their way there.
LARGE_SHARE = 0.10
LARGE_TO_BALANCE = 1.5
LARGE_NOISE = 0.6
# Log-odds that money comes in rather than goes out, by the month's change of log balances: where 40 % have
# left, three in four transactions go out.
FLOW_RESPONSE = 2.0

# --- randomised offers ------------------------------------------------------------------------------
# Services offered, and how many months before each year's reference day; one wave per year each.
CAMPAIGNS = {
    "cts": 0,
    "fund_trading": 0,
    "mobile_banking": 1,
    "wealth_management": 2,
    "credit_card_repayment": 3,
    "cash_sweep": 4,
}
CAMPAIGN_SHARE = 1.0
UPTAKE_LOG_ODDS = 0.7
UPTAKE_LOADING = np.array([0.4, 0.0, 0.3, 0.0])
REFERRED_SHARE = 0.12
REFERRER_LOYALTY = 0.7

# --- switches ---------------------------------------------------------------------------------------
# Drift: log-odds per year (nil in the middle of the last year), digital adoption per year, share market per month.
DRIFT_HAZARD = 0.15
DRIFT_DIGITAL = 0.20
DRIFT_STOCK = -0.0015
# Shock: half a year after the reference day the share market loses a quarter in a month, and for the
# following months leaving is likelier.
SHOCK_MONTHS_AFTER_REFERENCE = 5
SHOCK_RETURN = -0.25
SHOCK_HAZARD = 0.5


def describe_structure() -> dict[str, Any]:
    """Return every public constant under its own name, ready for JSON.

    Examples
    --------
    >>> describe_structure()["LOSS_EFFECT"]
    4.0
    """
    imported = {"PRODUCTS", "SERVICES", "STATED_ANNUAL_CHURN"}
    names = [name for name in globals() if name.isupper() and name[0] != "_" and name not in imported]
    return {name: _plain(globals()[name]) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value
