"""Every key of a configuration with its value and its source: what `engine-ctl config show` prints.

    watch.late_ms                    99                   STEELYARD__WATCH__LATE_MS
    watch.beat_ms                    20                   default
    strategies.maker.class           "mine:Follow"        demo.toml:24
    venues.east.private_key          file /…/demo.pem     demo.toml:16       the place of the secret, never the secret

A key is in the file, or a variable of the environment has set it, or it has its default. The elements of a list of
tables have their name in a key, or their number where they have no name. A text under a name that sounds like a
secret's is masked, and so are the password in a URL and the path of a URL under [alerts]: a secret that was written
into the file by mistake is not printed.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from engine.config import limits_file
from engine.config.lines import lines_of
from engine.config.load import convert, expand, read_tree
from engine.config.overrides import find, override

if TYPE_CHECKING:
    from engine.config.tables import Config

DEFAULT = "default"
MASK = "***"
SECRET_NAME = re.compile(r"(?:^|_)(?:key|secret|token|password|passphrase|credentials?)$", re.IGNORECASE)
PASSWORD_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
PATH_OF_URL = re.compile(r"(?<=[^/:])/(?!/).*$")  # who knows the address of a chat's webhook may write to the chat
MESSAGES = "alerts."
Defaults = Mapping[str, Mapping[str, Any]]  # by place: the defaults of a table whose keys another layer defines


class ShownKey(NamedTuple):
    """One key."""

    key: str  # venues.east.stream_url
    value: Any  # for JSON
    source: str  # "demo.toml:12", the name of a variable, or "default"


class Source:
    """A configuration's text with the environment that overrides it."""

    def __init__(self, path: Path, environment: Mapping[str, str], copy: Path | None = None) -> None:
        """Read the file, or `copy` in its place; ConfigError when it is wrong."""
        self.path = path
        self._lines = lines_of((copy or path).read_text(encoding="utf-8"))
        self._tree = read_tree(copy or path)
        self._limits = limits_file.merge(self._tree, path, copy)
        self._variables = override(self._tree, environment, str(path))
        self.config: Config = expand(convert(self._tree, str(path), self._variables))

    def keys(self, defaults: Defaults) -> Iterator[ShownKey]:
        """Every key, table by table in the order of `engine/config/tables.py`."""
        tree = msgspec.to_builtins(self.config)
        del tree["path"]
        for place, values in defaults.items():
            table = find(tree, place)
            table.update({name: value for name, value in values.items() if name not in table})
        yield from self._walk(tree, "", "")

    def _walk(self, value: Any, place: str, key: str) -> Iterator[ShownKey]:
        """The keys in a table, or in a list of tables; any other value is one key."""
        if _is_reference(value):
            yield ShownKey(key, _reference(value), self._source(place))
        elif isinstance(value, dict) and (value or not place):
            for name, inner in value.items():
                yield from self._walk(inner, f"{place}.{name}".lstrip("."), f"{key}.{name}".lstrip("."))
        elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            for number, inner in enumerate(value):
                name = inner.get("name")
                yield from self._walk(inner, f"{place}[{number}]", f"{key}.{name}" if name else f"{key}[{number}]")
        else:
            yield ShownKey(key, masked(key, value), self._source(place))

    def _source(self, place: str) -> str:
        """Where a key was set."""
        if find(self._tree, place) is None:
            return DEFAULT
        while place:
            if place in self._variables:
                return self._variables[place]
            if place in self._lines:
                return f"{self.path}:{self._lines[place]}"
            if place in self._limits:
                return self.config.risk_limits
            place = _outer(place)
        return str(self.path)


def _outer(place: str) -> str:
    """The place of the table or list that holds this one."""
    return place[: max(place.rfind("."), place.rfind("["), 0)]


def _is_reference(value: Any) -> bool:
    """Whether a value is the place of a secret (`engine/config/secret.py`)."""
    return isinstance(value, dict) and value.keys() == {"env", "file"}


def _reference(value: Mapping[str, str]) -> str:
    """The place of a secret."""
    return f"variable {value['env']}" if value["env"] else f"file {value['file']}"


def masked(key: str, value: Any) -> Any:
    """The value without a secret."""
    if isinstance(value, str) and value:
        text = PATH_OF_URL.sub(f"/{MASK}", value) if key.startswith(MESSAGES) else value
        return MASK if SECRET_NAME.search(key) else PASSWORD_IN_URL.sub(MASK, text)
    return [masked(key, one) for one in value] if isinstance(value, list | tuple) else value


def defaults_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The default of each key of a struct that has one."""
    known = {}
    for field in msgspec.structs.fields(kind):
        if field.default_factory is not msgspec.NODEFAULT:
            known[field.encode_name] = msgspec.to_builtins(field.default_factory())
        elif field.default is not msgspec.NODEFAULT:
            known[field.encode_name] = msgspec.to_builtins(field.default)
    return known
