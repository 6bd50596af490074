"""Every command with its options and arguments, read from the parsers of the command line.

`values` of an option or argument names what completes it: a kind of names of a running system (`names.py`), FILES,
DIRECTORIES, or the words that are allowed.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from engine.cli.parser import EPILOG, make_parser

FILES, DIRECTORIES = "files", "directories"
VALUES = {  # of an option by its name, of an argument by its metavar
    "--system": "systems",
    "--strategy": "strategies",
    "--instrument": "instruments",
    "--account": "accounts",
    "--directory": DIRECTORIES,
    "--feed": "feeds",
    "--output": FILES,
    "--venue": "venues",
    "CONFIG": FILES,
    "FILE": FILES,
    "DIRECTORY": DIRECTORIES,
    "PROCESS": "processes",
    "ROLE": "processes",
    "STRATEGY": "strategies",
    "INSTRUMENT": "instruments",
    "LANE": "lanes",
    "ACCOUNT": "accounts",
    "VENUE": "venues",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OptionText:
    """One option."""

    names: tuple[str, ...]  # "-f", "--follow"
    metavar: str  # "" for an option without a value
    text: str
    values: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArgumentText:
    """One argument without a name."""

    metavar: str
    text: str
    values: str
    choices: tuple[str, ...]
    required: bool
    several: bool


@dataclass(frozen=True, slots=True)
class CommandText:
    """One command, or a group of commands."""

    words: tuple[str, ...]  # ("shm", "tail"); () for engine-ctl itself
    text: str  # one line
    about: str
    example: str
    options: tuple[OptionText, ...]
    arguments: tuple[ArgumentText, ...]
    inner: tuple[str, ...]  # the commands of a group

    @property
    def name(self) -> str:
        """Its words as an operator types them after engine-ctl."""
        return " ".join(self.words)


def commands() -> list[CommandText]:
    """Every command, a group before its commands; the first is engine-ctl itself."""
    return list(_walk(make_parser(), (), "operate a Steelyard system"))


def _walk(parser: argparse.ArgumentParser, words: tuple[str, ...], text: str) -> Iterator[CommandText]:
    """A parser, then those of its commands."""
    parser = _capture() if words == ("capture",) else parser
    inner = _commands_of(parser)
    plain = [one for one in parser._actions if not isinstance(one, argparse._SubParsersAction)]  # noqa: SLF001 - argparse shows them nowhere else
    about = (parser.description or "").strip()
    yield CommandText(
        words, text, about, _example(parser), tuple(_option(one) for one in plain if one.option_strings),
        tuple(_argument(one) for one in plain if not one.option_strings), tuple(inner),
    )  # fmt: skip
    for name, (one, line) in inner.items():
        yield from _walk(one, (*words, name), line)


def _capture() -> argparse.ArgumentParser:
    """The parser of `capture`, which belongs to the feed."""
    from engine.feed.capture.command import parser  # noqa: PLC0415 - imports the feed

    return parser()


def _commands_of(parser: argparse.ArgumentParser) -> dict[str, tuple[argparse.ArgumentParser, str]]:
    """The parsers of a group's commands, by name, with the line of help of each."""
    for action in parser._actions:  # noqa: SLF001 - as above
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            lines = {one.dest: one.help or "" for one in action._choices_actions}  # noqa: SLF001
            return {name: (one, lines.get(name, "")) for name, one in action.choices.items()}
    return {}


def _example(parser: argparse.ArgumentParser) -> str:
    """The lines after "example:" or "examples:", without their indentation; the program's own are in EPILOG."""
    _, _, after = (EPILOG if parser.prog == "engine-ctl" else parser.epilog or "").partition("example")
    lines = after.partition("\n\n")[0].splitlines()[1:]
    return "\n".join(line.strip() for line in lines)


def _option(action: argparse.Action) -> OptionText:
    takes = action.nargs != 0
    metavar = str(action.metavar or action.dest.upper()) if takes else ""
    names = tuple(action.option_strings)
    return OptionText(names, metavar, _help(action), VALUES.get(names[-1], "") if takes else "", _choices(action))


def _argument(action: argparse.Action) -> ArgumentText:
    metavar = str(action.metavar or action.dest.upper())
    several = action.nargs in ("+", "*")
    required = action.nargs not in ("?", "*")
    return ArgumentText(metavar, _help(action), VALUES.get(metavar, ""), _choices(action), required, several)


def _choices(action: argparse.Action) -> tuple[str, ...]:
    return tuple(map(str, action.choices or ()))


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%")
