"""docs/control.md against the parser and the supervisor's commands: shape, rights, audit and help of all of them."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli import FAILED, INTERRUPTED, NOT_FOUND, WRONG_USE
from engine.cli.parser import make_parser
from engine.feed.capture import command as capture
from engine.supervisor.commands import COMMANDS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "control.md").read_text()
ROWS = re.findall(r"^\| `([a-z -]+)` \| (-|\w+) \| (-|yes) \| (-|one|rows) \| (.+) \|$", TEXT, re.MULTILINE)
CODES = re.findall(r"^\| (\d+) \| (.+) \|$", TEXT, re.MULTILINE)
WITHOUT_JSON = {"view", "top", "completion", "man"}  # a screen, a script, a page


def leaves(parser: argparse.ArgumentParser, at: tuple[str, ...] = ()) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command with its parser, those of a group by both words."""
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not groups:
        yield " ".join(at), parser
    for group in groups:
        for name, child in group.choices.items():
            yield from leaves(capture.parser() if name == "capture" else child, (*at, name))


LEAVES = dict(leaves(make_parser()))


def test_the_document_has_every_command_once() -> None:
    """A command that is not in it has no promised shape."""
    assert sorted(row[0] for row in ROWS) == sorted(LEAVES)


@pytest.mark.parametrize("name", sorted(set(LEAVES) - WITHOUT_JSON))
def test_every_command_prints_json_on_request(name: str) -> None:
    """A script must not parse a table."""
    assert "--json" in LEAVES[name]._option_string_actions
    assert next(row[3] for row in ROWS if row[0] == name) != "-"


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_command_has_a_help_text_with_an_example(name: str) -> None:
    """At three in the morning an example is read before an option."""
    found = LEAVES[name]
    assert found.description
    assert f"engine-ctl {name}" in (found.epilog or ""), f"{name}: give _add an example"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_document_has_the_right_and_the_audit_of_every_command(name: str) -> None:
    """Who may do what is decided by the registry: a document that differs grants in words what is refused."""
    one, [row] = COMMANDS[name], [row for row in ROWS if row[0] == name.replace("_", "-")]
    assert (row[1], row[2]) == (one.may.name.lower(), "yes" if one.audited else "-")


def test_a_command_that_the_supervisor_does_not_know_is_not_said_to_be_audited() -> None:
    """Only the supervisor writes the audit of a running system."""
    sent = {name.replace("_", "-") for name in COMMANDS}
    assert {row[0] for row in ROWS if row[2] == "yes"} <= sent


def test_the_document_has_the_exit_codes() -> None:
    """One rule for all commands."""
    assert [int(code) for code, _ in CODES] == [0, FAILED, WRONG_USE, NOT_FOUND, INTERRUPTED]
