"""Shell completion of engine-ctl, written from the definitions of its commands.

The script holds every command and option, so a shell completes them without starting a program. Only names of a running
system (instruments, processes, lanes, …) are read at the moment of completion, by `engine-ctl completion --values`.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

from engine.cli import WRONG_USE, CommandError
from engine.cli.manual.definitions import ArgumentText, CommandText, OptionText, commands
from engine.cli.manual.names import KINDS, names_of
from engine.cli.output import print_line

PROGRAM, NOTHING = "engine-ctl", "none"
HERE = Path(__file__).parent
ARRAYS = {"bash": ("declare -gA", "[{}]={}"), "zsh": ("typeset -gA", "{} {}")}


def completion(options: argparse.Namespace) -> int:
    """Print a shell's script, or the names that it completes."""
    if options.values:
        print_line("\n".join(names_of(options.values, options.system)))
    elif options.shell:
        print_line(script_for(options.shell))
    else:
        raise CommandError("no shell is named, expected bash, zsh or fish", WRONG_USE)
    return 0


def script_for(shell: str) -> str:
    """The script for a shell: `completion.SHELL` with the tables of the commands."""
    known, text = commands(), (HERE / f"completion.{shell}").read_text(encoding="utf-8")
    if shell == "fish":
        names = " ".join(_fish_quoted(_at(one)) for one in known)
        return text.replace("@COMMANDS@", names).replace("@TABLES@", "\n".join(_fish(known)))
    arrays = (_array(*ARRAYS[shell], name, rows) for name, rows in _tables(known))
    return text.replace("@TABLES@", "\n".join(arrays))


def _array(declare: str, form: str, name: str, rows: dict[str, str]) -> str:
    """An associative array of a shell."""
    lines = [f"    {form.format(_quoted(key), _quoted(value))}" for key, value in rows.items() if value]
    return "\n".join([f"{declare} _engine_ctl_{name}=(", *lines, ")"])


def _tables(known: list[CommandText]) -> list[tuple[str, dict[str, str]]]:
    """By a command's words: its commands, its options, what an option takes, what an argument is."""
    inner, options, takes, arguments = {}, {}, {}, {}
    for one in known:
        inner[_at(one)] = " ".join(one.inner)
        options[_at(one)] = " ".join(name for option in one.options for name in option.names)
        takes.update({f"{_at(one)} {name}": _expected(option) for option in one.options for name in option.names})
        for number, argument in enumerate(one.arguments, 1):
            arguments[f"{_at(one)} {'last' if argument.several else number}"] = _expected(argument)
    return [("inner", inner), ("options", options), ("takes", takes), ("arguments", arguments)]


def _at(one: CommandText) -> str:
    return " ".join((PROGRAM, *one.words))


def _expected(one: OptionText | ArgumentText) -> str:
    """What a shell completes: "=" and words, FILES, DIRECTORIES, a kind of names; "" for an option without a value."""
    if one.choices:
        return "=" + " ".join(one.choices)
    return one.values or (NOTHING if one.metavar else "")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(known: list[CommandText]) -> Iterable[str]:
    """The lines for every command."""
    texts = {one.words: one.text for one in known}
    return (line for one in known for line in _fish_lines(one, texts))


def _fish_lines(one: CommandText, texts: dict[tuple[str, ...], str]) -> Iterable[str]:
    head = f"complete -c engine-ctl -n {_fish_quoted(f'__engine_ctl_at {_fish_quoted(_at(one))}')}"
    for name in one.inner:
        yield f"{head} -a {name} -d {_fish_quoted(texts[*one.words, name])}"
    for option in one.options:
        names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
        yield f"{head} {names}{_fish_values(_expected(option), ' -x', ' -r')} -d {_fish_quoted(option.text)}"
    for argument in one.arguments:
        values = _fish_values(_expected(argument), "", "")
        if values:
            yield f"{head}{values}"


def _fish_values(expected: str, exclusive: str, required: str) -> str:
    """What fish completes for a value; `exclusive` and `required` are its flags for an option's value."""
    if expected.startswith("="):
        return f"{exclusive} -a {_fish_quoted(expected[1:])}"
    if expected in KINDS:
        return f"{exclusive} -a {_fish_quoted(f'({PROGRAM} completion --values {expected})')}"
    return {"": "", NOTHING: exclusive}.get(expected, f"{required} -F")


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
