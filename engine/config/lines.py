"""The line of each key in a TOML file.

    [[venues]]
    name = "east"                       ──▶  {"venues[0].name": 2, "venues[0].options": 3}
    options = { product = "usdm" }

The text is cut into statements: a statement is the shortest run of whole lines that is valid TOML by itself. A header
sets the table of the statements after it; any other statement is one key with its value.
"""

import tomllib
from collections.abc import Iterator
from typing import Any


def lines_of(text: str) -> dict[str, int]:
    """The line of each key, by its place (`venues[0].name`); the text must be valid TOML."""
    lines: dict[str, int] = {}
    table, counts = "", dict[str, int]()
    for number, statement, tree in statements(text):
        if statement.startswith("["):
            table = _table(tree, counts, array=statement.startswith("[["))
        elif tree:
            lines[_joined(table, _key(statement))] = number
    return lines


def statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Each statement with the number of its first line and what it holds; a comment or a blank line holds nothing."""
    first, held = 1, ""
    for number, line in enumerate(text.splitlines(), 1):
        held = f"{held}\n{line}" if held else line
        tree = _parsed(held)
        if tree is not None:
            yield first, held.lstrip(), tree
            first, held = number + 1, ""


def _parsed(text: str) -> dict[str, Any] | None:
    """What the text holds; None while a statement is not complete."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _table(tree: dict[str, Any], counts: dict[str, int], *, array: bool) -> str:
    """The place of a header's table; an element of an array of tables by its number."""
    place, names = "", _names(tree)
    for depth, name in enumerate(names):
        place = _joined(place, name)
        if array and depth == len(names) - 1:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place = f"{place}[{counts[place]}]"
    return place


def _names(tree: Any) -> list[str]:
    """The names of a header, from the nested tables that it makes when it is read alone."""
    names = []
    while tree := tree[0] if isinstance(tree, list) else tree:  # `[[name]]` alone is {"name": [{}]}
        [(name, tree)] = tree.items()
        names.append(name)
    return names


def _key(statement: str) -> str:
    """The key of a statement, dotted if the file has it dotted."""
    head = next(end for end in _ends(statement) if _parsed(f"{statement[:end]} = 0"))
    return ".".join(_path(_parsed(f"{statement[:head]} = 0")))


def _ends(statement: str) -> Iterator[int]:
    """Where each `=` of a statement is: a quoted key may have one too."""
    return (place for place, letter in enumerate(statement) if letter == "=")


def _path(tree: Any) -> Iterator[str]:
    while isinstance(tree, dict):
        [(name, tree)] = tree.items()
        yield name


def _joined(table: str, key: str) -> str:
    return f"{table}.{key}" if table else key
