"""Other futures of a bank: what happens on a date or later is different, and all before it the same."""

import datetime as dt
from random import Random

import numpy as np
import pandas as pd

BEGINS = {
    "customer_states": "valid_from", "holdings": "opened_on", "bindings": "bound_on", "contacts": "contacted_on",
    "pnl": "month", "transactions": "transacted_on", "referrals": "referred_on", "campaigns": "assigned_on",
}  # fmt: skip
ENDS = {"customers": "closed_on", "holdings": "closed_on", "bindings": "unbound_on"}


def other_future(known: dict[str, pd.DataFrame], date: dt.date, number: int) -> dict[str, pd.DataFrame]:
    """Remove, add and end later rows of a bank otherwise; a customer, a branch and accounts of class 1 are new.

    `number`: of the future; the same gives the same.
    """
    tables = {name: table.copy() for name, table in known.items()}
    random = Random(number)
    day = pd.Timestamp(date) + pd.Timedelta(days=random.randrange(300) if number else 0)
    for name in BEGINS.keys() & tables:
        tables[name] = _begun_otherwise(tables[name], name, pd.Timestamp(date), day, random)
    for name, end in ENDS.items():
        later = (tables[name][end].isna() | (tables[name][end] >= pd.Timestamp(date))).to_numpy()
        begun = tables[name]["bound_on" if name == "bindings" else "opened_on"].to_numpy()
        ends = np.maximum(begun, np.datetime64(day))
        changed = later & np.array([random.random() < 0.5 for _ in later])
        tables[name][end] = tables[name][end].where(~changed, pd.Series(ends, index=tables[name].index))
    tables["pnl"] = tables["pnl"].assign(month=tables["pnl"]["month"] + pd.offsets.MonthEnd(0))
    tables["pnl"] = tables["pnl"].drop_duplicates(["holding_id", "month"])
    newcomer = tables["customers"].head(1).assign(customer_id="NEW", opened_on=day, closed_on=pd.NaT, branch_id="NEW")
    tables["customers"] = pd.concat([tables["customers"], newcomer])
    return tables


def _begun_otherwise(
    table: pd.DataFrame, name: str, date: pd.Timestamp, day: pd.Timestamp, random: Random
) -> pd.DataFrame:
    begins = table[BEGINS[name]]
    gone = np.array([when >= date and random.random() < 0.5 for when in begins], dtype=bool)
    more = table[(begins < date).to_numpy()].sample(3, random_state=random.randrange(99))
    more = more.assign(**{BEGINS[name]: day})
    for key in {"holding_id", "contact_id", "campaign_id"} & set(more):
        more[key] = [f"new {name} {number}" for number in range(3)]
    for end in {"closed_on", "unbound_on"} & set(more):
        more[end] = pd.NaT
    if name == "holdings":
        more["account_class"] = "1"
    return pd.concat([table[~gone], more.drop_duplicates("customer_id" if "customer_id" in more else None)])
