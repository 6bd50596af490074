"""Every command of the control socket, by topic; `registry.py` describes how one is written."""

from engine.supervisor.commands import halts, settings, system  # each registers its commands
from engine.supervisor.commands.registry import COMMANDS, INSTRUMENT, Argument, Command, answers, command

__all__ = ["COMMANDS", "INSTRUMENT", "Argument", "Command", "answers", "command", "halts", "settings", "system"]
