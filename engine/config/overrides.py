"""The `STEELYARD__…` variables of the environment, each of which replaces one value of a configuration file.

    STEELYARD__VENUES__EAST__STREAM_URL=ws://…   ──▶   venues[0].stream_url = "ws://…"

Two underscores are between the parts of the path; an element of a list is given by its `name` or its number. The value
is read as TOML, else as text.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from engine.config.nearest import did_you_mean
from engine.config.tables import SECRET_KEYS, ConfigError

PREFIX = "STEELYARD__"


def override(tree: dict[str, Any], environment: Mapping[str, str], path: str) -> dict[str, str]:
    """Replace values of the tables; the variable of each replaced key, by its place (`venues[0].stream_url`)."""
    variables = {}
    for name in sorted(environment):
        if name.startswith(PREFIX):
            steps = name[len(PREFIX) :].lower().split("__")
            variables[_place(tree, steps, value_of(environment[name]), f"{path} with {name}")] = name
    return variables


def _place(tree: Any, steps: list[str], value: object, source: str) -> str:
    """Set the value at a path, and return its place; missing tables are created, elements of lists must exist."""
    place = ""
    for count, step in enumerate(steps[:-1], 1):
        inner, place = _element(tree, step, place) if isinstance(tree, list) else _table(tree, step, place)
        if not isinstance(inner, dict | list):
            hint = did_you_mean(step, _names(tree))
            text = f"no table of this name: {hint}nothing to override"
            raise ConfigError(error_text(source, ".".join(steps[:count]), None, text))
        tree = inner
    if not isinstance(tree, dict):
        raise ConfigError(error_text(source, ".".join(steps), None, "expected the path of a key in a table"))
    tree[steps[-1]] = value
    return f"{place}.{steps[-1]}".lstrip(".")


def _table(tree: dict[str, Any], step: str, place: str) -> tuple[object, str]:
    """A table's inner table, created when it is missing, and its place."""
    return tree.setdefault(step, {}), f"{place}.{step}".lstrip(".")


def _element(elements: list[Any], step: str, place: str) -> tuple[object, str]:
    """A list's element by its name or its number, and its place."""
    if step.isdigit() and int(step) < len(elements):
        return elements[int(step)], f"{place}[{step}]"
    number = next((number for number, name in enumerate(_names(elements)) if name == step), None)
    return (None, place) if number is None else (elements[number], f"{place}[{number}]")


def _names(tree: Any) -> list[str]:
    """The names of a list's elements, or the keys of a table."""
    elements = tree if isinstance(tree, list) else [{"name": name} for name in tree]
    return [str(element.get("name", "")).lower() if isinstance(element, dict) else "" for element in elements]


def value_of(text: str) -> object:
    """The text read as a TOML value, else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def find(tree: Any, at: str) -> Any:
    """The value at a place like `strategies[0].id`; None without a value there."""
    for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", at):
        if name and isinstance(tree, dict):
            tree = tree.get(name)
        elif number and isinstance(tree, list | tuple) and int(number) < len(tree):
            tree = tree[int(number)]
        else:
            return None
    return tree


def source_text(path: str, key: str, variables: Mapping[str, str]) -> str:
    """What an error names as its source: the file, with the variable when one has set the key."""
    name = next((name for place, name in variables.items() if _is_at(key, place)), "")
    return f"{path} with {name}" if name else path


def _is_at(key: str, place: str) -> bool:
    """Whether a key is the one at this place, is in it, or holds it."""
    longer, shorter = (key, place) if len(key) > len(place) else (place, key)
    return bool(shorter) and longer.startswith(shorter) and longer[len(shorter) : len(shorter) + 1] in ("", ".", "[")


def error_text(source: object, key: str, value: object, expected: str) -> str:
    """An error's text: source, key, value and what was expected; the value of a secret is not in it."""
    hidden = any(secret in key for secret in SECRET_KEYS)
    shown = "" if hidden or value is None or isinstance(value, dict | list) else f" = {value!r}"
    return f"{source}: {key}{shown}: {expected}"
