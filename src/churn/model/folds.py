"""Who is held out together: folds by customer, stable over runs and machines, and stratified folds."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedKFold


def customer_folds(customer_id: Iterable[object], n_folds: int, salt: str) -> NDArray[np.int64]:
    """Put each customer in one of `n_folds` folds, the same one wherever the customer appears.

    The fold is BLAKE2b of salt and id modulo `n_folds`: it depends on nothing but these, so that a customer
    who is in several snapshots is never on both sides of a split. Different salts give unrelated folds.

    Parameters
    ----------
    customer_id
        Ids, n of them, repeated where a customer has several rows; compared by their text.
    n_folds
        At least 1.
    salt
        Names the split.

    Returns
    -------
    NDArray[np.int64]
        Fold of each row in [0, n_folds), shape (n,).

    Examples
    --------
    >>> customer_folds(["C1", "C2", "C3", "C1"], 3, "example")
    array([1, 0, 2, 1])
    """
    prefix = hashlib.blake2b(f"{salt}\0".encode(), digest_size=8)
    folds = (_hash_after(prefix, str(one)) % n_folds for one in customer_id)
    return np.fromiter(folds, dtype=np.int64)


def stratified_folds(y: ArrayLike, n_folds: int, seed: int) -> NDArray[np.int64]:
    """Put each row in one of `n_folds` folds with about equal shares of each class, seeded.

    Parameters
    ----------
    y
        Classes, shape (n,); each has at least `n_folds` rows.
    n_folds
        At least 2.
    seed
        Same seed, same folds.

    Returns
    -------
    NDArray[np.int64]
        Fold of each row in [0, n_folds), shape (n,).

    Examples
    --------
    >>> folds = stratified_folds([0, 0, 0, 0, 1, 1], 2, seed=0)
    >>> sorted(folds[4:].tolist())
    [0, 1]
    """
    classes = np.asarray(y)
    fold = np.empty(len(classes), dtype=np.int64)
    split = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(classes[:, None], classes)
    for number, (_, members) in enumerate(split):
        fold[members] = number
    return fold


def _hash_after(prefix: "hashlib.blake2b", text: str) -> int:
    digest = prefix.copy()
    digest.update(text.encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest(), "big")
