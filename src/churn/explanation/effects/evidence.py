"""What effects are estimated from: labelled customers, their history, and a bank's randomised offers."""

import datetime as dt
from typing import NamedTuple

import narwhals as nw
import pandas as pd

from churn.errors import TimeRangeError
from churn.explanation.effects.campaigns import build_offers
from churn.explanation.effects.covariates import build_history
from churn.frame import Snapshot
from churn.tables.bank import Bank, to_date, to_days
from churn.timeline import last_complete


class Evidence(NamedTuple):
    """What effects are estimated from.

    Attributes
    ----------
    snapshot
        Labelled customers at one date.
    history
        Of `covariates.build_history`, the snapshot's rows in its order.
    offers
        Of `campaigns.build_offers`; empty without campaigns.
    """

    snapshot: Snapshot
    history: pd.DataFrame
    offers: pd.DataFrame


def evidence_date(bank: Bank, as_of: dt.date, horizon_days: int) -> dt.date:
    """Return the last date up to `as_of` whose outcome the data hold.

    Raises
    ------
    TimeRangeError
        There is none.
    """
    if bank.has("labels"):
        known = bank.frames()["labels"].filter(nw.col("as_of") <= to_days(as_of)).select(nw.col("as_of").max())
        last = known.collect(backend="pyarrow").to_native()["as_of"][0].as_py()
        if last is None:
            raise TimeRangeError(
                f"--as-of {as_of}: the labels table holds no outcome up to that date; give a later one"
            )
        return to_date(last)
    return min(as_of, last_complete(bank.data_end, horizon_days))


def gather_evidence(bank: Bank, snapshot: Snapshot, horizon_days: int) -> Evidence:
    """Read the evidence for a labelled snapshot; of offers, every one whose horizon is complete in the data.

    Parameters
    ----------
    snapshot
        Of a date and with the horizon given here; labelled.
    """
    day = to_days(snapshot.as_of) if snapshot.as_of else 0
    native = build_history(bank.frames(), day, bank.config).collect(backend="pyarrow").to_native()
    found = pd.DataFrame({"customer_id": snapshot.customer_id})
    history = found.merge(native.to_pandas(), on="customer_id", how="left", validate="one_to_one")
    return Evidence(snapshot, history, build_offers(bank, horizon_days))
