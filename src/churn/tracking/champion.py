"""Which version is champion, which challenger, and which was champion before.

A promotion takes three steps, each of which MLflow does whole: the new version is told whom it replaces, the alias
`champion` moves, the alias `previous_champion` follows. The second decides. A process that dies before it has changed
nothing that counts; after it, whom the champion replaced is still known from the first.
"""

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

from churn.errors import TrackingError
from churn.model.storage import StoredModel
from churn.tracking import session, versions
from churn.tracking.place import Place, tracking_place


class Version(NamedTuple):
    """A registered model.

    Attributes
    ----------
    version
        Its number, from 1.
    model_id
        As in the manifest.
    snapshots
        ISO dates it was trained on; none for a flat file.
    metrics
        Held-out values and ends of intervals, as the run has them.
    since
        When it became what it is (champion, challenger), ISO in UTC; None for a version that was neither.
    by, reason
        Who made it that, and why.
    run_id
        The run that logged it.
    """

    version: int
    model_id: str
    snapshots: tuple[str, ...]
    metrics: Mapping[str, float]
    since: str | None
    by: str | None
    reason: str | None
    run_id: str


class Standing(NamedTuple):
    """Who is what; None where there is none."""

    champion: Version | None = None
    challenger: Version | None = None
    previous_champion: Version | None = None


def read_standing(*, place: Place | None = None) -> Standing:
    """Return champion, challenger and previous champion; makes no database.

    Raises
    ------
    TrackingError
        Tracking cannot be used.
    """
    place = place or tracking_place()
    if not place.is_there:
        return Standing()
    with versions.open_registry(place, write=False) as registry:
        numbers = versions.standing_numbers(registry)
        return Standing(**{role: _version(registry, n, role) for role, n in numbers.items() if n is not None})


def get_champion(*, place: Place | None = None) -> tuple[int, StoredModel] | None:
    """Return the champion's version and model, every byte checked; None where there is no champion.

    Raises
    ------
    TrackingError
        Tracking cannot be used.
    ModelError
        The champion's folder was changed.
    """
    place = place or tracking_place()
    if not place.is_there:
        return None
    with versions.open_registry(place, write=False) as registry:
        number = registry.aliases.get(versions.CHAMPION)
        return None if number is None else (number, versions.read_version(registry, number))


def promote(version: int, *, reason: str, by: str = "", place: Place | None = None) -> int | None:
    """Make a version the champion, and remember the one before; return that one's number.

    The version is read first: one that cannot be loaded is not promoted. The champion of now stays as it is, but for
    what is noted of it.

    Parameters
    ----------
    version
        Its number.
    reason
        Why, kept with the version.
    by
        What did it, such as a command; the user's name is added.
    place
        As for `register`.

    Raises
    ------
    TrackingError
        There is no such version, or tracking cannot be used.
    ModelError
        The version's folder was changed.
    """
    with versions.open_registry(place or tracking_place(), write=True) as registry:
        versions.read_version(registry, version)
        return _promote(registry, version, reason, by)


def set_challenger(version: int, *, reason: str, by: str = "", place: Place | None = None) -> None:
    """Make a version the challenger; parameters and errors as for `promote`."""
    with versions.open_registry(place or tracking_place(), write=True) as registry:
        versions.read_version(registry, version)
        _note(registry, version, versions.CHALLENGER, reason, by)
        registry.client.set_registered_model_alias(versions.MODEL_NAME, versions.CHALLENGER, str(version))


def roll_back(*, reason: str, by: str = "", place: Place | None = None) -> int:
    """Bring the previous champion back, which the champion of now then is; return its number.

    Raises
    ------
    TrackingError
        There is no previous champion, or tracking cannot be used.
    ModelError
        Its folder was changed.
    """
    place = place or tracking_place()
    with versions.open_registry(place, write=True) as registry:
        previous = versions.standing_numbers(registry)[versions.PREVIOUS]
        if previous is None:
            raise TrackingError(
                f"{place}: {versions.MODEL_NAME} has no champion before this one; give a version with --set"
            )
        versions.read_version(registry, previous)
        _promote(registry, previous, reason, by)
        return previous


def _promote(registry: versions.Registry, version: int, reason: str, by: str) -> int | None:
    client, name = registry.client, versions.MODEL_NAME
    before = registry.aliases.get(versions.CHAMPION)
    if before == version:
        return _complete_previous(registry)
    client.set_model_version_tag(name, str(version), versions.REPLACES, "" if before is None else str(before))
    _note(registry, version, versions.CHAMPION, reason, by)
    client.set_registered_model_alias(name, versions.CHAMPION, str(version))
    if before is not None:
        client.set_registered_model_alias(name, versions.PREVIOUS, str(before))
    if registry.aliases.get(versions.CHALLENGER) == version:
        client.delete_registered_model_alias(name, versions.CHALLENGER)
    return before


def _complete_previous(registry: versions.Registry) -> int | None:
    """Let the alias of the previous champion follow where a promotion was cut off before it did."""
    previous = versions.standing_numbers(registry)[versions.PREVIOUS]
    if previous is not None and previous != registry.aliases.get(versions.PREVIOUS):
        registry.client.set_registered_model_alias(versions.MODEL_NAME, versions.PREVIOUS, str(previous))
    return previous


def _note(registry: versions.Registry, version: int, role: str, reason: str, by: str) -> None:
    """Keep with a version since when, by whom and why it is what it is."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    who = f"{by}, {session.user_name()}" if by else session.user_name()
    for tag, value in (("since", now), ("by", who), ("reason", reason)):
        registry.client.set_model_version_tag(versions.MODEL_NAME, str(version), f"{role}_{tag}", value)


def _version(registry: versions.Registry, number: int, role: str) -> Version:
    found = registry.client.get_model_version(versions.MODEL_NAME, str(number))
    tags = found.tags
    # a champion of before was a champion
    told = versions.CHALLENGER if role == versions.CHALLENGER else versions.CHAMPION
    return Version(
        version=number,
        model_id=tags.get("model_id", ""),
        snapshots=tuple(part for part in tags.get("snapshots", "").split(", ") if part[:1].isdigit()),
        metrics=dict(registry.client.get_run(found.run_id).data.metrics) if found.run_id else {},
        since=tags.get(f"{told}_since"),
        by=tags.get(f"{told}_by"),
        reason=tags.get(f"{told}_reason"),
        run_id=str(found.run_id),
    )
