"""How many examples a property is tried on: few in a usual run, many with `--hypothesis-profile=long`."""

from hypothesis import settings

settings.register_profile("long")


def examples(usual: int, long: int) -> int:
    """Give the number of examples of this run, for `settings(max_examples=…)`."""
    return long if settings.get_current_profile_name() == "long" else usual
