"""Calling the command line where no test is running yet: for what is made once."""

import pytest

from churn.cli.main import main


def call(*arguments: object) -> None:
    """Call a command, which has to succeed."""
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    assert not exit_info.value.code, arguments
