import subprocess
import sys

import click
import pytest

from churn import files
from churn.cli.main import COMMANDS, cli

FOUND = {name: cli.get_command(click.Context(cli), name) for name in COMMANDS}


def test_every_command_has_help_with_an_example():
    for name, command in FOUND.items():
        text = command.get_help(click.Context(command, info_name=name))
        assert "Example:" in text, name
        assert f"churn {name}" in text, name


def test_every_option_says_what_it_is_for():
    silent = [
        f"{name} {parameter.name}"
        for name, command in FOUND.items()
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert silent == []


def test_a_command_that_is_not_there_is_one_line(run):
    result = run("scoring")
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: No such command 'scoring'; see churn --help\n"


def test_no_command_imports_a_library_of_models_before_it_needs_one():
    libraries = {"mlflow", "sqlalchemy", "lightgbm.basic", "sklearn", "scipy.stats", "scipy.optimize", "matplotlib"}
    code = f"import sys; from churn.cli import {', '.join(COMMANDS)}; print({libraries} & set(sys.modules))"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "set()\n"


def test_all_commands_are_listed(run):
    shown = run("--help").out
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []


@pytest.mark.parametrize("flag", ["--help", "-h", "--version"])
def test_flags_that_only_tell_exit_with_0(run, flag):
    result = run(flag)
    assert result.code == 0
    assert "churn" in result.out


@pytest.mark.parametrize("has_written", [False, True])
def test_a_stopped_command_says_what_had_been_written(run, tmp_path, monkeypatch, has_written):
    def stop(*_, **__):
        if has_written:
            files.write_text(tmp_path / "page.html", "whole")
        raise KeyboardInterrupt

    monkeypatch.setattr("churn.cli.check.check.callback", stop)
    result = run("check", tmp_path)
    said = f"{tmp_path / 'page.html'} had been written, whole" if has_written else "nothing was written"
    assert (result.code, result.err) == (130, f"stopped; {said}\n")
