"""The man page of engine-ctl, written from the definitions of its commands.

engine-ctl man > engine/cli/manual/engine-ctl.1      after a change of a command; a wheel installs it in share/man
"""

import argparse
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib import metadata

from engine.cli.manual.definitions import ArgumentText, CommandText, OptionText, commands
from engine.cli.output import print_line

PLACES = (
    ("STEELYARD_SYSTEM", "the system, by name or run directory, where --system does not name one"),
    ("STEELYARD_RUN_DIRECTORY", "the parent of the run directories; default: $XDG_RUNTIME_DIR/steelyard"),
    ("STEELYARD_STATE_DIRECTORY", "the parent of the state directories; default: ~/.local/state/steelyard"),
    ("STEELYARD__TABLE__KEY", "a value that replaces the one of the configuration file"),
)
CODES = (
    ("0", "done"), ("1", "refused or unhealthy"), ("2", "wrong use or wrong configuration"),
    ("3", "not found: no such system, lane or supervisor"), ("130", "interrupted"),
)  # fmt: skip


def man(options: argparse.Namespace) -> int:
    """Print the page."""
    del options
    print_line(page(commands(), _version(), datetime.now(UTC).date().isoformat()))
    return 0


def _version() -> str:
    try:
        return metadata.version("steelyard")
    except metadata.PackageNotFoundError:
        return "source tree"


def page(known: list[CommandText], version: str, date: str) -> str:
    """The page in the format of man(7)."""
    program, *others = known
    leaves = [one for one in others if not one.inner]
    parts = [
        f'.TH ENGINE\\-CTL 1 "{date}" "Steelyard {version}" "Steelyard"',
        ".SH NAME", f"engine\\-ctl \\- {_escaped(program.text)}",
        ".SH SYNOPSIS", ".B engine\\-ctl", ".I COMMAND", "[options]",
        ".SH DESCRIPTION", *_paragraphs(program.about),
        ".SH COMMANDS", *(line for one in leaves for line in _command(one)),
        ".SH EXIT STATUS", *_list(CODES),
        ".SH ENVIRONMENT", *_list(PLACES),
        ".SH EXAMPLES", *_lines(program.example),
    ]  # fmt: skip
    return "\n".join(parts)


def _command(one: CommandText) -> Iterator[str]:
    """A command: its use, what it does, its options and its example."""
    yield f".SS {_escaped(one.name)}"
    yield f".B {_escaped(' '.join(('engine-ctl', *one.words)))}"
    yield _escaped(" ".join([*map(_use, one.arguments), "[options]"]))
    yield from _paragraphs(one.about, first=".PP")
    yield from _list((argument.metavar, argument.text) for argument in one.arguments)
    yield from _list((_named(option), option.text) for option in one.options)
    if one.example:
        yield from (".PP", "Example:", *_lines(one.example))


def _use(argument: ArgumentText) -> str:
    text = argument.metavar + (" ..." if argument.several else "")
    return text if argument.required else f"[{text}]"


def _named(option: OptionText) -> str:
    return ", ".join(option.names) + (f" {option.metavar}" if option.metavar else "")


def _list(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, text in pairs:
        yield from (".TP", f".B {_escaped(name)}", _escaped(text or "-"))


def _paragraphs(text: str, first: str = "") -> Iterator[str]:
    """Each paragraph of a text; paragraphs are divided by blank lines."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number or first:
            yield ".PP"
        yield from (_escaped(line.strip()) for line in paragraph.splitlines())


def _lines(text: str) -> Iterator[str]:
    """Lines as they are, indented."""
    yield from (".RS 4", ".nf", *(_escaped(line) for line in text.splitlines()), ".fi", ".RE")


def _escaped(text: str) -> str:
    """A text in which roff finds no request and no escape."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain
