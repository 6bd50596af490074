"""`engine-ctl config show`: every key of a system, its value, and the file's line or the variable that set it.

With a file: what `up` would start from it here. Without one: what the running system uses. That is the copy of the file
which the supervisor made at its start, with the environment of the supervisor's process.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from engine.cli import NOT_FOUND, WRONG_USE, CommandError
from engine.cli.output import choose_system, iso, print_json, print_table, supervisor_pid
from engine.config import Config, ConfigError, Paths, limits_file, settings
from engine.config.shown import DEFAULT, Defaults, ShownKey, Source, defaults_of
from engine.supervisor.life import read as read_life


def print_keys(options: argparse.Namespace) -> int:
    """Print the keys."""
    try:
        source = _of_file(options.config) if options.config else _of_system(choose_system(options.system))
    except (ConfigError, OSError) as error:
        raise CommandError(str(error), WRONG_USE) from error
    set_values = _set_values(source.config)
    found = [set_values.get(one.key, one) for one in source.keys(_defaults(source.config))]
    keys = [one for one in found if _is_chosen(one, options)]
    if options.json:
        print_json(
            options,
            {"system": source.config.system.name, "file": str(source.path), "keys": [one._asdict() for one in keys]},
        )
    else:
        print_table(("key", "source", "value"), [(one.key, one.source, _text(one.value)) for one in keys])
    return 0


def _set_values(config: Config) -> dict[str, ShownKey]:
    """By key, the values that operators have set: they hold in place of the file's, also after the next `up`."""
    try:
        stored = settings.read(config.paths.settings)
    except ValueError as error:
        raise CommandError(str(error), WRONG_USE) from error
    tables = {settings.RISK: "risk"} | {one.name: f"strategies.{one.name}.parameters" for one in config.strategies}
    tables |= {settings.ROUTER: "router"} if config.router is not None else {}
    return {
        (key := _key(tables[owner], name)): ShownKey(key, one.value, f"set by {one.who.user} at {iso(one.now_ns)}")
        for owner, values in stored.owners.items()
        if owner in tables
        for name, one in values.values.items()
    }


def _key(table: str, name: str) -> str:
    """The key in the file; the cap of the budgets is set with the router's values."""
    return f"budgets.{name}" if (table, name) == (settings.ROUTER, settings.CAP) else f"{table}.{name}"


def _is_chosen(one: ShownKey, options: argparse.Namespace) -> bool:
    """Whether a key is in the chosen table, and is shown."""
    within = not options.only or one.key == options.only or one.key.startswith((f"{options.only}.", f"{options.only}["))
    return within and not (options.changed and one.source == DEFAULT)


def _text(value: Any) -> str:
    """A value for the table: as TOML writes it; "-" for a key without a value."""
    return "-" if value is None else json.dumps(value, ensure_ascii=False)


def _of_file(path: str) -> Source:
    return Source(Path(path), os.environ)


def _of_system(system: str) -> Source:
    """The configuration that a running system uses."""
    paths, pid = Paths.known(system), supervisor_pid(system)
    life = read_life(paths.system)
    if life is None or not pid:
        raise CommandError(f"{system} has no supervisor: engine-ctl config show CONFIG shows a file", NOT_FOUND)
    file = Path(life.config)
    if not file.exists() or limits_file.digest(file) != limits_file.digest_of_copy(paths.sound):
        what = f"{file}, or the file of its limits," if paths.sound.with_name(limits_file.COPY).exists() else str(file)
        text = f"{what} has changed since {system} was started: the values are those of the start"
        print(f"engine-ctl: {text}", file=sys.stderr)  # noqa: T201
    return Source(file, _environment(pid), paths.sound)


def _environment(pid: int) -> dict[str, str]:
    """The environment of a process."""
    words = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="surrogateescape").split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)


def _defaults(config: Config) -> Defaults:
    """The defaults of the tables whose keys other layers define, by the place of the table."""
    from engine.execution.config import ExecutionOptions  # noqa: PLC0415 - only this command needs them
    from engine.feed.build import defaults  # noqa: PLC0415
    from engine.risk.limits import RiskLimits  # noqa: PLC0415
    from engine.risk.table import known  # noqa: PLC0415

    tables = {
        "feed": defaults(),
        "risk": {**dict.fromkeys(known()), **defaults_of(RiskLimits)},
        "execution": defaults_of(ExecutionOptions),
    }
    return {**tables, **_options(config), **_parameters(config)}


def _options(config: Config) -> Defaults:
    """The defaults of the venues' options."""
    from engine.venues.catalogue import kind_of  # noqa: PLC0415 - only this command needs it

    return {
        f"venues[{number}].options": defaults_of(kind_of(venue).options) for number, venue in enumerate(config.venues)
    }


def _parameters(config: Config) -> dict[str, dict[str, Any]]:
    """The defaults of the strategies' parameters; none of a class that cannot be loaded, which `check` reports."""
    from engine.strategy.load import load_class  # noqa: PLC0415 - only this command needs it

    found = {}
    for number, strategy in enumerate(config.strategies):
        try:
            kind = load_class(config, strategy)
        except Exception as error:  # noqa: BLE001 - a strategy's module may raise anything
            text = f"strategies.{strategy.name}: its defaults are not shown, the class cannot be loaded: {error}"
            print(f"engine-ctl: {text}", file=sys.stderr)  # noqa: T201
        else:
            found[f"strategies[{number}].parameters"] = defaults_of(kind.Parameters)
    return found
