"""`engine-ctl strategy new | build | parameters`: an author's commands, which need no system."""

import argparse
import importlib.util
import keyword
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from engine.cli import FAILED, WRONG_USE, CommandError
from engine.cli.init import STARTER
from engine.cli.output import print_json, print_line, print_table

BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "multiple_of": "multiple of", "pattern": "like"}


def new(options: argparse.Namespace) -> int:
    """Write a strategy and its test into the current directory."""
    name = options.strategy
    _refuse_module(name)
    title = "".join(part.capitalize() for part in name.split("_"))
    files = {f"{name}.py": "follow.py", f"test_{name}.py": "test_follow.py"}
    if taken := [one for one in files if Path(one).exists()]:
        raise CommandError(f"{taken[0]} exists: choose another name, nothing was written", WRONG_USE)
    for target, source in files.items():
        text = re.sub(r"\bFollow\b", title, (STARTER / source).read_text())
        text = re.sub(r"\bfollow\b", name, text).replace("TestFollow", f"Test{title}")
        Path(target).write_text(text)
    tree = {"files": list(files), "class": f"{name}:{title}", "test": f"python -m unittest test_{name}"}
    if options.json:
        print_json(options, tree)
    else:
        print_line(
            f'wrote {" and ".join(files)}; test it: {tree["test"]}; in a system\'s file: class = "{tree["class"]}"'
        )
    return 0


def _refuse_module(name: str) -> None:
    """Refuse a name that is no module's, or that another module has."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise CommandError(f"strategy new: {name!r} is no name of a module, expected a-z, 0-9 and _", WRONG_USE)
    if importlib.util.find_spec(name) is not None and not Path(f"{name}.py").exists():
        raise CommandError(
            f"strategy new: Python has a module {name!r}, which would hide yours: choose another", WRONG_USE
        )


def build(options: argparse.Namespace) -> int:
    """Compile a strategy's file."""
    from engine.strategy.compiled import CannotBuildError  # noqa: PLC0415 - a slow import
    from engine.strategy.compiled import build as compiled  # noqa: PLC0415

    try:
        made = compiled(Path(options.strategy))
    except CannotBuildError as error:
        raise CommandError(str(error), FAILED) from error
    tree = {"file": options.strategy, "extension": str(made)}
    print_json(options, tree) if options.json else print_line(
        f"{made}: a system imports it instead of {options.strategy}"
    )
    return 0


def parameters(options: argparse.Namespace) -> int:
    """Print how a class declares its parameters."""
    from engine.strategy.api.strategy import defines  # noqa: PLC0415 - a slow import
    from engine.strategy.load import strategy_class  # noqa: PLC0415

    try:
        kind = strategy_class(options.strategy, Path.cwd())
    except Exception as error:  # a strategy's module is a user's: whatever its import raises is one line here
        raise CommandError(f"{options.strategy}: {' '.join(str(error).split())}", WRONG_USE) from error
    live = defines(kind, "on_parameters")
    trees = list(_declared(kind.Parameters))
    if options.json:
        print_json(options, *({"class": options.strategy, "live": live, **tree} for tree in trees))
        return 0
    rows = [[_text(one) for one in tree.values()] for tree in trees]
    print_table(("parameter", "type", "bounds", "default", "unit", "what it is"), rows)
    text = (
        "while it runs, by engine-ctl set" if live else "in the file only: the class defines no on_parameters(changed)"
    )
    print_line(f"set {text}")
    return 0


def _declared(kind: type[msgspec.Struct]) -> Iterator[dict[str, Any]]:
    """Each parameter: its type, bounds, default, unit and description."""
    for field in msgspec.structs.fields(kind):
        meta = [one for one in getattr(field.type, "__metadata__", ()) if isinstance(one, msgspec.Meta)]
        bounds = [f"{word} {bound}" for one in meta for key, word in BOUNDS.items()
                  if (bound := getattr(one, key)) is not None]  # fmt: skip
        plain = getattr(field.type, "__origin__", field.type) if meta else field.type
        yield {
            "name": field.encode_name,
            "type": getattr(plain, "__name__", str(plain)),
            "bounds": ", ".join(bounds),
            "default": None if field.required else field.default,
            "unit": next((one.extra["unit"] for one in meta if one.extra and "unit" in one.extra), ""),
            "description": next((one.description for one in meta if one.description), ""),
        }


def _text(value: object) -> str:
    return "required" if value is None else str(value)
