"""Reads a file, applies the environment's overrides, and refuses a wrong file with the place, value and expectation.

1. TOML to plain tables, with the keys of a file of limits (`limits_file.py`). 2. `STEELYARD__…` variables replace
single values (`overrides.py`). 3. msgspec checks names, types and bounds. 4. `check.py` checks what spans tables: names
that must exist, be unique, be placed once. 5. `expand` fills in this machine's paths.
"""

import functools
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from engine.config import limits_file
from engine.config.check import HISTORIES, check
from engine.config.nearest import unknown_key
from engine.config.overrides import error_text, find, override, source_text
from engine.config.secret import Secret, load_env_file
from engine.config.tables import RECORDER, SECRET_KEYS, Config, ConfigError, Metrics

PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<at>.*)`)?$", re.DOTALL)


def load(path: str | Path, environment: Mapping[str, str] | None = None, *, copy: str | Path | None = None) -> Config:
    """The checked configuration in a file; ConfigError when it is wrong.

    `copy` is read instead of the file; relative paths stay relative to the file.
    """
    tree = read_tree(Path(copy or path))
    limits_file.merge(tree, Path(path), Path(copy) if copy else None)
    variables = override(tree, os.environ if environment is None else environment, str(path))
    if "path" in tree:
        raise ConfigError(error_text(path, "path", tree["path"], "unknown key: delete it"))
    config = convert(tree, str(path), variables)
    for key, value, expected in check(config):
        raise ConfigError(error_text(source_text(str(path), key, variables), key, value, expected))
    config = expand(config)
    if config.system.env_file:
        _load_env_file(Path(path), config.system.env_file)
    return config


def load_copy(path: str | Path, copy: str | Path, environment: Mapping[str, str] | None = None) -> Config:
    """The configuration in a copy of a file, as `load` gives that of the file; the file with secrets is not read."""
    tree = read_tree(Path(copy))
    limits_file.merge(tree, Path(path), Path(copy))
    variables = override(tree, os.environ if environment is None else environment, str(path))
    config = convert(tree, str(path), variables)
    for key, value, expected in check(config):
        raise ConfigError(error_text(source_text(str(path), key, variables), key, value, expected))
    return expand(config)


def read_tree(path: Path) -> dict[str, Any]:
    """The file's tables; ConfigError when it cannot be read or is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}; expected a system's configuration file"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: not valid TOML: {error}"
        raise ConfigError(msg) from error


def expand(config: Config) -> Config:
    """Fill in {python}, {config}, {here}, {run} and {state} in commands and paths of secrets, {here} in parameters."""
    marks = {
        "{python}": sys.executable,
        "{here}": str(Path(config.path).resolve().parent),
        "{config}": str(Path(config.path).resolve()),
        "{run}": str(config.paths.run),
        "{state}": str(config.paths.state),
    }

    def fill(text: str) -> str:
        return functools.reduce(lambda filled, mark: filled.replace(mark, marks[mark]), marks, text)

    def fill_secret(secret: Any) -> Any:
        return Secret(file=fill(secret.file)) if isinstance(secret, Secret) and secret.file else secret

    def with_token(table: Any) -> Any:
        return table and msgspec.structs.replace(table, token=fill_secret(table.token))

    def with_headers(table: Metrics | None) -> Metrics | None:
        if table is None or table.otlp is None:
            return table
        headers = {name: fill_secret(value) for name, value in table.otlp.headers.items()}
        return msgspec.structs.replace(table, otlp=msgspec.structs.replace(table.otlp, headers=headers))

    return msgspec.structs.replace(
        config,
        strategies=tuple(
            msgspec.structs.replace(
                one,
                parameters={
                    name: value.replace("{here}", marks["{here}"]) if isinstance(value, str) else value
                    for name, value in one.parameters.items()
                },
            )
            for one in config.strategies
        ),
        metrics=with_headers(with_token(config.metrics)),
        dashboard=with_token(config.dashboard),
        venues=tuple(
            msgspec.structs.replace(venue, **{key: fill_secret(getattr(venue, key)) for key in SECRET_KEYS})
            for venue in config.venues
        ),
        processes=tuple(
            msgspec.structs.replace(process, command=tuple(map(fill, process.command))) for process in config.processes
        ),
        risk=_recorded(config, limits_file.placed(config.risk, marks["{here}"])),
        execution=_recorded(config, config.execution),
    )


def _recorded(config: Config, table: dict[str, Any]) -> dict[str, Any]:
    """A table whose histories of the recorder name its directory."""
    if config.recorder is None:
        return table
    place = f"{RECORDER}:{config.paths.history(config.recorder.directory).absolute()}"
    return table | {key: place for _, key in HISTORIES if table.get(key) == RECORDER}


def _load_env_file(path: Path, name: str) -> None:
    try:
        load_env_file(path.parent / name)
    except (OSError, ValueError) as error:
        raise ConfigError(
            error_text(path, "system.env_file", name, f"expected a private file of NAME=value lines: {error}")
        ) from error


REMOVED = {
    "strategies.reads": "removed: delete this line; the engine reads the lanes of the hooks that the class defines "
    "(on_bar, on_global_book, on_opportunity)"
}  # keys of earlier versions, and what to do instead


def convert(tree: dict[str, Any], path: str, variables: Mapping[str, str]) -> Config:
    """Check names, types and bounds; `variables`: the environment's variable of each overridden key."""
    try:
        return msgspec.structs.replace(msgspec.convert(tree, Config), path=path)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(tree, path, variables, str(error))) from error


def _explain(tree: dict[str, Any], path: str, variables: Mapping[str, str], error: str) -> str:
    """An error of msgspec as a place in the file or a variable, the value there and what was expected."""
    match = PLACE.match(error)
    assert match is not None
    at, what = match["at"] or "", match["what"]
    unknown = re.search(r"unknown field `(.*)`", what)
    if unknown:
        key = f"{at}.{unknown[1]}".lstrip(".")
        gone = REMOVED.get(re.sub(r"\[\d+\]", "", key))
        source = source_text(path, key, variables)
        return error_text(source, key, find(tree, key), gone or unknown_key(unknown[1], _known(at)))
    return error_text(source_text(path, at, variables), at or "the file", find(tree, at), _expected(what, _type_at(at)))


def _expected(error: str, kind: Any) -> str:
    """What was expected: the description or the choices of the type, else the error of msgspec."""
    kinds = (kind, *get_args(kind))
    described = [meta.description for one in kinds for meta in getattr(one, "__metadata__", ()) if meta.description]
    if described:
        return f"expected {described[0]}"
    if choices := next((one for one in kinds if get_origin(one) is Literal), None):
        return f"expected one of {', '.join(get_args(choices))}"
    return error[:1].lower() + error[1:]


def _type_at(at: str) -> Any:
    """The type of the value at a place; for a list, the type of its elements."""
    kind: Any = Config
    for step in re.findall(r"[a-z_]+", at):
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            return None
        kind = _element(next(f.type for f in msgspec.structs.fields(kind) if f.encode_name == step))
    return kind


def _known(at: str) -> list[str]:
    """The keys that a table has."""
    names = sorted(field.encode_name for field in msgspec.structs.fields(_type_at(at)))
    return [name for name in names if name != "path"]


def _element(kind: Any) -> Any:
    """The type of the table in a list of tables or in an optional table."""
    arguments = [argument for argument in getattr(kind, "__args__", ()) if isinstance(argument, type)]
    return next((argument for argument in arguments if issubclass(argument, msgspec.Struct)), kind)
