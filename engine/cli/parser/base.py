"""How a command is added to the command line: its help, its example, and the options that every command has."""

import argparse
import math
import platform
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from engine.cli.errors import WRONG_USE, CommandError
from engine.supervisor.commands import COMMANDS, Command

SECONDS_MAX, RATE_MAX = 3600, 1000  # of a profile
RAW = argparse.RawDescriptionHelpFormatter
EXAMPLES = {"process": "feed", "strategy": "maker", "instrument": "BTCUSDT", "number": "1"}  # by an argument's kind


def count(text: str) -> int:
    """A whole number of at least 0, from an option's text."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, was {text!r}")
    return int(text)


def duration(text: str) -> float:
    """A finite number of seconds of at least 0, from an option's text."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise argparse.ArgumentTypeError(f"expected a number of seconds of at least 0, was {text!r}")
    return seconds


def seconds(text: str) -> int:
    """A whole number of seconds of at least 1, from an option's text."""
    return _whole(text, SECONDS_MAX)


def rate(text: str) -> int:
    """How often in a second, from an option's text."""
    return _whole(text, RATE_MAX)


def _whole(text: str, most: int) -> int:
    """A whole number from 1 to `most`."""
    if not (text.isdigit() and 1 <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {most}, was {text!r}")
    return int(text)


class Parser(argparse.ArgumentParser):
    """Reports an unknown option of a subcommand with that subcommand's usage, not with the usage of the program."""

    def parse_known_args(  # type: ignore[override] # the stub has an overload for each of the two
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Report the unknown arguments here; argparse would return them to the program's parser."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print the usage and end the command as every other error does."""
        self.print_usage(sys.stderr)
        raise CommandError(message, WRONG_USE)


class Version(argparse.Action):
    """Reads the version only when `--version` is given."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the version and exit."""
        from importlib import metadata  # noqa: PLC0415 - needs 20 ms to import

        try:
            version = metadata.version("steelyard")
        except metadata.PackageNotFoundError:
            version = "not installed, run from the source tree"
        print(f"engine-ctl {version}, Python {platform.python_version()}")  # noqa: T201
        parser.exit()


if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[Parser]  # noqa: SLF001 - it has no public name


def commands_of(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The commands of a group by name; none of a command."""
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]  # noqa: SLF001 - argparse shows them nowhere else
    return groups[0].choices if groups else {}


def add(
    commands: "Commands", name: str, run: str, text: str, example: str = "", about: str = "", *, tree: bool = True
) -> argparse.ArgumentParser:
    """A command with the options --system and --json."""
    parser = add_plain(commands, name, run, text, example, about, tree=tree)
    text = "the system, by name or run directory; default: STEELYARD_SYSTEM, else the only one that runs"
    parser.add_argument("--system", default="", metavar="NAME", help=text)
    return parser


def add_plain(
    commands: "Commands", name: str, run: str, text: str, example: str, about: str = "", *, tree: bool = True
) -> argparse.ArgumentParser:
    """A command with the option --json; a command that gets a configuration file needs no --system."""
    head = text[:1].upper() + text[1:] + "."
    parser = commands.add_parser(
        name,
        help=text,
        description=f"{head}\n\n{about}" if about else head,
        epilog=f"example:\n  engine-ctl {example or name}",
        formatter_class=RAW,
        allow_abbrev=False,
    )
    if tree:
        parser.add_argument("--json", action="store_true", help="print JSON lines: docs/control.md has their shape")
    parser.set_defaults(run=f"engine.cli.{run}", words=parser.prog.partition(" ")[2])
    return parser


def add_sent(commands: "Commands", name: str, run: str, example: str = "", about: str = "") -> argparse.ArgumentParser:
    """A command of the supervisor, with the arguments that the supervisor expects."""
    command = COMMANDS[name]
    parser = add(commands, name.replace("_", "-"), run, command.text, example or _example(command), about)
    for one in command.arguments:
        kind = count if one.kind == "number" else str
        if one.kind == "flag":
            parser.add_argument(f"--{one.name}", action="store_true", help=one.text)
        elif one.required:
            parser.add_argument(one.name, metavar=one.name.upper(), type=kind, help=one.text)
        else:
            metavar = "NAME" if one.kind == "strategy" else one.name.upper()
            parser.add_argument("--" + one.name.replace("_", "-"), metavar=metavar, type=kind, help=one.text)
    return parser


def _example(command: Command) -> str:
    """An example with every required argument; one that shows more is given where the command is added."""
    required = (EXAMPLES[one.kind] for one in command.arguments if one.required)
    return " ".join((command.name.replace("_", "-"), *required))


def timeout(parser: argparse.ArgumentParser, seconds: float, text: str) -> None:
    """Add the option --timeout."""
    help_text = f"{text} (default {seconds:g})"
    parser.add_argument("--timeout", type=duration, default=seconds, metavar="S", help=help_text)
