"""`engine-ctl set` and `engine-ctl strategy`: checks the values, has the supervisor publish them, waits for the roles.

1. the values are converted as the role converts them, so a wrong one is refused before anything is sent
2. the supervisor stores and publishes them
3. each role that applies them confirms the version in its cell
"""

import argparse
import functools
import os
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

import shm
from engine.cli import FAILED, WRONG_USE, CommandError
from engine.cli.output import choose_system, is_running, iso, print_json, print_line, print_table
from engine.cli.system import call_supervisor, strategy_id
from engine.cli.system import read as read_file
from engine.config import Config, ConfigError, Paths, load_copy
from engine.config import settings as stored
from engine.config.settings import RISK, ROUTER, router_values, set_router
from engine.control import Peer
from engine.lanes import LOOKERS, open_lanes
from engine.model.text import shown
from engine.supervisor import audit
from engine.supervisor.settings import who_is

POLL_S = 0.002
AUTHORS = {"new": "a name, like mine", "build": "a file, like mine.py", "parameters": "a class, like mine:Mine"}


def set_values(options: argparse.Namespace) -> int:
    """Set, drop or keep values of one owner and wait until its roles have applied them; without values list them."""
    drop, keep = _names(options.drop), _names(options.keep)
    if not (options.owner or drop or keep):
        return _list(options)
    owner, texts = _assignments(options.owner, options.values)
    owners = {*([owner] if owner else []), *drop, *keep}
    if len(owners) != 1:
        raise CommandError(
            f"values of one owner at a time are all set or none, was {', '.join(sorted(owners))}", WRONG_USE
        )
    [owner] = owners
    if options.config:
        return _change_file(options, owner, texts, drop.get(owner, []), keep.get(owner, []))
    system = choose_system(options.system)
    return _change(options, system, owner, texts, drop.get(owner, []), keep.get(owner, []))


def _change(
    options: argparse.Namespace, system: str, owner: str, texts: Mapping[str, str], drop: list[str], keep: list[str]
) -> int:
    """Check, send, wait and print."""
    state = call_supervisor(system, "status")
    config = running(state)
    if owner not in stored.owners_of(config):
        raise CommandError(f"no owner {owner!r}, expected one of {', '.join(stored.owners_of(config))}", WRONG_USE)
    values = check_values(config, owner, _values_set(state, owner), texts)
    before = in_force(config, owner, _values_set(state, owner))
    answer = call_supervisor(system, "set", owner=owner, values=values, drop=drop, keep=keep)
    found = await_roles(system, cells_of(config, owner), answer["version"], options.timeout)
    changes = [_with_default(one, before) for one in answer["changes"]]
    tree = {"owner": owner, "version": answer["version"], "changes": changes, "kept": keep, "roles": found}
    if options.json:
        print_json(options, tree)
    else:
        for one in changes:
            print_line(f"{owner}.{one['name']}: {_text(one['before'])} -> {_text(one['after'])}")
        for name in keep:
            print_line(f"{owner}.{name}: kept, although the file's value was changed")
        print_line(_result(found, options.timeout))
    return 0 if all(one == "applied" for one in found.values()) else FAILED


def _change_file(
    options: argparse.Namespace, owner: str, texts: Mapping[str, str], drop: list[str], keep: list[str]
) -> int:
    """Drop or keep values of a system that is down, in its state directory."""
    config = read_file(options.config)
    if texts:
        raise CommandError("set --config: expected --drop or --keep; to set a value, change the file", WRONG_USE)
    if is_running(config.system.name):
        raise CommandError(f"{config.system.name} runs: use the command without --config")
    path = config.paths.settings
    try:
        after = stored.decided(config, stored.read(path), owner, drop, keep)
    except ValueError as error:
        raise CommandError(str(error)) from error
    stored.write(path, after)
    tree = {"owner": owner, "dropped": drop, "kept": keep}
    who = who_is(Peer(os.getpid(), os.getuid()))
    line = {"now_ns": time.time_ns(), "command": "set", "arguments": {**tree, "config": options.config}}
    audit.append(config.paths.audit, {**line, **msgspec.to_builtins(who), "answer": {"ok": True}})
    print_json(options, tree) if options.json else print_line(f"{owner}: dropped {drop}, kept {keep}")
    return 0


def running(state: Mapping[str, Any]) -> Config:
    """The configuration as the supervisor read it: the file may have been changed since."""
    copy = Paths.known(state["system"]).sound
    if not copy.exists():
        return read_file(state["config"])
    try:
        return load_copy(state["config"], copy)
    except ConfigError as error:
        raise CommandError(str(error), WRONG_USE) from error


def check_values(config: Config, owner: str, already: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """The values of these texts, by the owner's declaration; a CommandError for a wrong one, and nothing was sent."""
    if not texts:
        return {}
    try:
        if owner == RISK:
            return _check_limits(config, already, texts)
        if owner == ROUTER:
            return _check_router(config, already, texts)
        return _check_parameters(config, owner, already, texts)
    except Exception as error:  # a strategy's class is a user's: whatever its import raises is one line here
        raise CommandError(f"{owner}: {' '.join(str(error).split())}; nothing was changed", WRONG_USE) from error


def _check_limits(config: Config, already: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """The values of limits and caps."""
    from engine.risk.table import kind_of, set_risk  # noqa: PLC0415 - a slow import

    values = {name: value_of(text, kind_of(name)) for name, text in texts.items()}
    limits, _ = set_risk(config.risk, {**already, **values})
    limits.check_instruments([one.id for one in config.instruments])
    return values


def _check_router(config: Config, already: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """The values of the router's keys."""
    assert config.router is not None, "only a system with a router has this owner"
    kinds = {name: type(one) for name, one in router_values(config.router, config.budgets).items()}
    values = {name: value_of(text, kinds.get(name, str)) for name, text in texts.items()}
    set_router(config.router, config.budgets, {**already, **values})
    return values


def _check_parameters(
    config: Config, owner: str, already: Mapping[str, Any], texts: Mapping[str, str]
) -> dict[str, Any]:
    """The values of a strategy's parameters."""
    from engine.strategy.api.strategy import checked_parameters  # noqa: PLC0415 - a slow import
    from engine.strategy.role.settings import live_parameters  # noqa: PLC0415

    kind = class_of(config, owner)
    file = checked_parameters(kind, config.strategy(owner).parameters)
    kinds = {one.encode_name: one.type for one in msgspec.structs.fields(kind.Parameters)}
    values = {name: value_of(text, kinds.get(name, str)) for name, text in texts.items()}
    live_parameters(kind, file, {**already, **values})
    return values


def class_of(config: Config, owner: str) -> Any:
    """A strategy's class, imported as in the role's process, from the working directory."""
    from engine.strategy.load import load_class  # noqa: PLC0415 - a slow import

    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    try:
        return load_class(config, config.strategy(owner))
    finally:
        sys.path[:] = before


def value_of(text: str, kind: Any) -> Any:
    """A text as a value of this type: the text itself where the type accepts it, else what TOML reads in it."""
    plain, toml = functools.partial(str, text), functools.partial(_toml, text)
    for read in (toml, plain) if text[:1] in "\"'" else (plain, toml):
        found = read()
        try:
            msgspec.convert(found, kind)
        except (msgspec.ValidationError, ValueError):
            continue
        return found
    return _toml(text)  # the declaration explains what is wrong with it


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def in_force(config: Config, owner: str, already: Mapping[str, Any]) -> Mapping[str, Any]:
    """Every value of an owner, the declaration's defaults included."""
    if owner == RISK:
        from engine.risk.table import read_risk  # noqa: PLC0415 - a slow import

        return {**config.risk, **_plain(read_risk({**config.risk, **already})[0]), **already}
    if owner == ROUTER:
        return {**router_values(config.router, config.budgets), **already}
    from engine.strategy.api.strategy import checked_parameters  # noqa: PLC0415

    return _plain(checked_parameters(class_of(config, owner), {**config.strategy(owner).parameters, **already}))


def _plain(found: Any) -> dict[str, Any]:
    tree: dict[str, Any] = msgspec.to_builtins(found)
    return tree


class Cell(NamedTuple):
    """Where a role confirms what it has applied."""

    lane: str
    role: str
    place: int = 0


def cells_of(config: Config, owner: str, *, trades: bool = False) -> list[Cell]:
    """The cells of the roles that apply an owner's values; `trades`: also whether a strategy may trade."""
    executions = config.execution_names if config.system.mode != "replay" else ()
    if owner == RISK:
        return [Cell("limits", role) for role in executions]
    if owner == ROUTER:
        return [Cell("router_settings", role) for role in config.router_names]
    place = 1 + [one.name for one in config.strategies].index(owner)
    return [Cell("parameters", owner), *(Cell("limits", role, place) for role in executions if trades)]


def await_roles(system: str, cells: Sequence[Cell], version: int, timeout_s: float) -> dict[str, str]:
    """By role: applied, what it refused, or that it has not confirmed in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = {cell.role: _confirmation(system, cell, version) for cell in cells}
        if "" not in found.values() or time.monotonic() > deadline:
            return {role: text or "not confirmed" for role, text in found.items()}
        time.sleep(POLL_S)


def _confirmation(system: str, cell: Cell, version: int) -> str:
    """What a role has confirmed of a version; empty: nothing yet."""
    try:
        row = open_lanes(system, LOOKERS).cell_reader(cell.lane, cell.role).read(cell.place)
    except (shm.SegmentError, OSError):
        return ""
    if row is None:
        return ""
    if row.refused == version:
        return f"refused: {shown(row.error)}"
    return "applied" if row.version == version else ""


def _result(found: Mapping[str, str], timeout_s: float) -> str:
    """What became of the change, in words."""
    if not found:
        return "stored; no role of this system applies it"
    texts = [f"{role}: {text}" for role, text in found.items()]
    if "not confirmed" in found.values():
        advice = "it is stored and applies when the role runs, engine-ctl set shows it"
        return f"{'; '.join(texts)} after {timeout_s:g} s: {advice}"
    return "; ".join(texts)


def _with_default(change: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """A change with the declaration's default where the file has no value."""
    name = change["name"]
    return {**change, "before": before.get(name) if change["before"] is None else change["before"]}


def _text(value: Any) -> str:
    return "the default" if value is None else str(value)


def _assignments(owner: str, words: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The owner and its values: `maker.size 0.002`, or `maker size=0.002 entry=0.5`."""
    name, dot, key = owner.partition(".")
    if dot:
        if len(words) != 1:
            raise CommandError(f"expected one value for {owner}, was {' '.join(words) or 'none'}", WRONG_USE)
        return name, {key: words[0]}
    pairs = [word.partition("=") for word in words]
    if owner and (not pairs or not all(equals and key for key, equals, _ in pairs)):
        example = f"{owner}.KEY VALUE, or {owner} KEY=VALUE KEY=VALUE"
        raise CommandError(f"expected {example}, was {owner} {' '.join(words)}", WRONG_USE)
    return name, {key: value for key, _, value in pairs}


def _names(keys: Sequence[str]) -> dict[str, list[str]]:
    """By owner, the keys of `--drop` or `--keep`."""
    found: dict[str, list[str]] = {}
    for key in keys:
        owner, dot, name = key.partition(".")
        if not dot or not name:
            raise CommandError(f"expected OWNER.KEY, as in maker.size, was {key!r}", WRONG_USE)
        found.setdefault(owner, []).append(name)
    return found


def _values_set(state: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The values that are set for an owner now."""
    values = state["settings"].get(owner, {}).get("values", {})
    return {name: one["value"] for name, one in values.items()}


def _list(options: argparse.Namespace) -> int:
    """Print what is set."""
    state = call_supervisor(choose_system(options.system), "status")
    if options.json:
        print_json(options, *({"owner": owner, **tree} for owner, tree in state["settings"].items()))
        return 0
    rows = rows_of(state)
    if rows:
        print_table(("key", "value", "in the file", "set by", "at", "applied"), rows)
    else:
        print_line("nothing is set: every value is the file's")
    return 0


def rows_of(state: Mapping[str, Any]) -> list[tuple[object, ...]]:
    """A row for each value that is set."""
    return [
        (
            f"{owner}.{name}", one["value"], one["file"] if one["in_file"] else "-",
            one["who"]["user"] + (" (reload)" if one["reloaded"] else ""), iso(one["now_ns"]),
            "yes" if set(tree["applied"].values()) == {tree["version"]} else f"NO {tree['refused']}".rstrip(),
        )
        for owner, tree in state["settings"].items()
        for name, one in tree["values"].items()
    ]  # fmt: skip


def strategy(options: argparse.Namespace) -> int:
    """List the strategies, or enable or disable one; an author's actions are in `strategies`."""
    if options.action in AUTHORS:
        if not options.strategy:
            raise CommandError(f"strategy {options.action}: expected {AUTHORS[options.action]}", WRONG_USE)
        from engine.cli import strategies  # noqa: PLC0415 - only these actions need it

        run: Callable[[argparse.Namespace], int] = getattr(strategies, options.action)
        return run(options)
    system = choose_system(options.system)
    state = call_supervisor(system, "status")
    config = running(state)
    if options.action == "list":
        return _list_strategies(options, state, config)
    if not options.strategy:
        raise CommandError(f"strategy {options.action}: expected the name of a strategy", WRONG_USE)
    name = next(one.name for one in config.strategies if one.id == strategy_id(options.strategy, config.strategies))
    number = strategy_id(name, config.strategies)
    answer = call_supervisor(system, "strategy", action=options.action, strategy=number)
    found = await_roles(system, cells_of(config, name, trades=True), answer["version"], options.timeout)
    if options.json:
        print_json(options, {**answer, "roles": found})
    else:
        print_line(f"{name}: {answer['before']} -> {answer['after']}; {_result(found, options.timeout)}")
    return 0 if set(found.values()) == {"applied"} else FAILED


def _list_strategies(options: argparse.Namespace, state: Mapping[str, Any], config: Config) -> int:
    processes = {role: one for one in state["processes"] for role in one["roles"]}
    trees = [
        {
            "name": one.name, "id": one.id, "class": one.class_path, "instruments": list(one.instruments),
            "enabled": not (state["settings"].get(one.name) or {}).get("disabled"),
            "process": processes[one.name]["name"], "phase": processes[one.name]["phase"],
        }
        for one in config.strategies
    ]  # fmt: skip
    if options.json:
        print_json(options, *trees)
    else:
        print_table(
            ("strategy", "id", "state", "process", "phase", "class"),
            [
                (
                    one["name"], one["id"], "enabled" if one["enabled"] else "DISABLED", one["process"], one["phase"],
                    one["class"],
                )
                for one in trees
            ],
        )  # fmt: skip
    return 0
