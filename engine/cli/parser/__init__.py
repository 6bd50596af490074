"""The command line of `engine-ctl`: every command with its options, its help and an example.

texts.py what a command does · base.py how one is added · operating.py, reading.py: the commands by topic
"""

import argparse
from typing import TYPE_CHECKING

from engine.cli.parser.base import (
    RAW,
    Parser,
    Version,
    add,
    add_plain,
    commands_of,
)
from engine.cli.parser.operating import system_commands
from engine.cli.parser.reading import data_commands, parity_command, reading_commands, report_command, shm_commands
from engine.cli.parser.texts import (
    ALERT_TEST,
    COMPLETION,
    EPILOG,
)

if TYPE_CHECKING:
    from engine.cli.parser.base import Commands


__all__ = ["EPILOG", "VALUE_KINDS", "commands_of", "make_parser"]
VALUE_KINDS = ("accounts", "feeds", "instruments", "lanes", "processes", "strategies", "systems", "venues")


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = Parser(
        prog="engine-ctl",
        description="Operate a Steelyard system.",
        epilog=EPILOG,
        formatter_class=RAW,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    system_commands(commands)
    reading_commands(commands)
    shm_commands(commands)
    data_commands(commands)
    parity_command(commands)
    report_command(commands)
    alert_commands(commands)
    manual_commands(commands)
    commands.add_parser(
        "capture", help="record a venue's traffic, check a recording (see capture --help)", add_help=False
    )
    return parser


def alert_commands(commands: "Commands") -> None:
    """The commands of alerts."""
    parser = commands.add_parser("alert", help="messages to people: test", description="Messages to people.")
    inner = parser.add_subparsers(metavar="COMMAND", required=True)
    text = "send a test message through each target"
    test = add(inner, "test", "alerts:test", text, "alert test --target phone", ALERT_TEST)
    test.add_argument("--target", default="", metavar="NAME", help="one target; heartbeat_url is called heartbeat")
    test.add_argument("--config", default="", metavar="FILE", help="the system's file; default: that of its last run")


def manual_commands(commands: "Commands") -> None:
    """The commands that print what is made from this command line."""
    text = "print the completion of a shell: bash, zsh or fish"
    example = 'completion bash > "${XDG_DATA_HOME:-$HOME/.local/share}/bash-completion/completions/engine-ctl"'
    completion = add(commands, "completion", "manual.completion:completion", text, example, COMPLETION, tree=False)
    completion.add_argument(
        "shell", metavar="SHELL", nargs="?", choices=("bash", "zsh", "fish"), help="bash, zsh or fish"
    )
    text = "print the names of one kind that a shell completes, as systems, instruments or lanes"
    completion.add_argument("--values", default="", metavar="KIND", choices=VALUE_KINDS, help=text)
    text = "print the man page, with every command"
    add_plain(commands, "man", "manual.page:man", text, "man | man -l -", tree=False)
