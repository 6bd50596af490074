"""The known names nearest to a misspelt one: part of every error for an unknown key.

    unknown_key("latte_ms", ("beat_ms", "late_ms"))  ──▶  "unknown key; did you mean late_ms? expected one of …"

`read_table` converts a table of the file to a struct and refuses an unknown key with this text.
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

Struct = TypeVar("Struct", bound=msgspec.Struct)
NAMES_MOST, LIKENESS = 2, 0.6  # how many names are proposed, and the least likeness of a proposed name (0 to 1)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known names that are nearest to a misspelt one, in words; empty when no known name is near."""
    close = difflib.get_close_matches(name, list(known), NAMES_MOST, LIKENESS)
    return f"did you mean {' or '.join(close)}? " if close else ""


def unknown_key(name: str, known: Iterable[str]) -> str:
    """The text of an error for an unknown key: the nearest known keys, then all of them."""
    names = list(known)
    return f"unknown key; {did_you_mean(name, names)}expected one of {', '.join(names)}"


def read_table(values: Mapping[str, Any], kind: type[Struct]) -> Struct:
    """The table as this struct; ValueError names an unknown key with the nearest right one, or the wrong value."""
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    for name in values:
        if name not in known:
            raise ValueError(f"{name}: {unknown_key(name, known)}")
    return msgspec.convert(values, kind)
