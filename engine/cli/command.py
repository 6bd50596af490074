"""A command of the supervisor that needs no more than its arguments and its answer."""

import argparse

from engine.cli import WRONG_USE
from engine.cli.output import choose_instrument, choose_system, print_json, print_line
from engine.cli.system import call_supervisor, read, strategy_id
from engine.config import Config
from engine.supervisor.commands import COMMANDS, Argument


def run(options: argparse.Namespace) -> int:
    """Send the command with its arguments and print the answer, a line for each part of it."""
    system, command = choose_system(options.system), COMMANDS[options.command]
    config = read(call_supervisor(system, "status")["config"])
    arguments = {
        one.name: _value(config, one, text)
        for one in command.arguments
        if (text := getattr(options, one.name)) is not None
    }
    result = call_supervisor(system, command.name, **arguments)
    if options.json:
        print_json(options, result)
    else:
        for key, value in result.items():
            print_line(f"{key}: {value}")
    return 0


def _value(config: Config, argument: Argument, text: str) -> int | str:
    """The argument as the supervisor reads it: names of the configuration become numbers."""
    if argument.kind == "strategy":
        return strategy_id(text, config.strategies)
    if argument.kind == "instrument":
        return choose_instrument(text, config.instruments, WRONG_USE)
    return int(text) if argument.kind == "number" else text
