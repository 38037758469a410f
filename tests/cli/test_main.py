import click
import pytest

from churn.cli.main import cli


def test_every_command_has_help_with_an_example():
    for name, command in cli.commands.items():
        text = command.get_help(click.Context(command, info_name=name))
        assert "Example:" in text, name
        assert f"churn {name}" in text, name


def test_every_option_says_what_it_is_for():
    silent = [
        f"{name} {parameter.name}"
        for name, command in cli.commands.items()
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert silent == []


@pytest.mark.parametrize("flag", ["--help", "-h", "--version"])
def test_flags_that_only_tell_exit_with_0(run, flag):
    result = run(flag)
    assert result.code == 0
    assert "churn" in result.out
