"""Every command of engine-ctl explains itself: a line of help, what each option does, and an example that works."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from engine.cli.manual.definitions import CommandText, commands
from engine.cli.parser import make_parser
from engine.feed.capture.command import parser as capture_parser
from engine.supervisor.commands import COMMANDS, Argument, Command, command

KNOWN = {one.name: one for one in commands()}
LEAVES = [one for one in KNOWN.values() if not one.inner]


@pytest.mark.parametrize("one", LEAVES, ids=lambda one: one.name)
def test_every_command_has_an_example_that_is_accepted(one: CommandText) -> None:
    """An example that is refused is worse than none; an operator copies it at night."""
    lines = [line for line in one.example.splitlines() if line.startswith("engine-ctl ")]
    assert lines, f"engine-ctl {one.name} has no example"
    for line in lines:
        words = shlex.split(re.split(r"\s[|>]", line)[0])[1:]
        assert tuple(words[: len(one.words)]) == one.words, line
        parser = capture_parser() if words[0] == "capture" else make_parser()
        assert parser.parse_args(words[1:] if words[0] == "capture" else words)


@pytest.mark.parametrize("one", [one for one in KNOWN.values() if one.words], ids=lambda one: one.name)
def test_every_command_and_option_has_a_text(one: CommandText) -> None:
    """The man page and the completion of a shell show it."""
    assert one.text
    assert one.about
    for option in one.options:
        assert option.text, option.names
    for argument in one.arguments:
        assert argument.text, argument.metavar


@pytest.fixture
def added() -> Iterator[Command]:
    """A command of the supervisor that a later change adds."""
    arguments = (Argument("process", "process", "which one", required=True), Argument("strategy", "strategy", "whose"))

    @command("count the processes", *arguments, audited=False)
    def tally(*_: object, **__: object) -> Mapping[str, Any]:
        """Count nothing."""
        return {}

    assert tally
    yield COMMANDS["tally"]
    del COMMANDS["tally"]


def test_an_added_command_appears_by_itself(added: Command) -> None:
    """With its text, its arguments, what completes them, and an example."""
    [found] = [one for one in commands() if one.name == added.name]
    assert (found.text, found.example) == ("count the processes", "engine-ctl tally feed")
    assert [(one.metavar, one.values) for one in found.arguments] == [("PROCESS", "processes")]
    assert ("--strategy", "strategies") in [(one.names[0], one.values) for one in found.options]


def test_a_group_lists_its_commands() -> None:
    """`shm` alone is no command, and `capture` has a parser of its own."""
    assert KNOWN["shm"].inner == ("ls", "stat", "tail")
    assert KNOWN["capture"].inner == ("check", "record")
    assert "--decimals" in {name for option in KNOWN["capture check"].options for name in option.names}
