"""What operators have set while a system runs, in the state directory: it holds across every restart, until dropped.

    settings.json   {"version": 7, "owners": {"risk":  {"version": 6, "values": {"max_order_size_usd": {...}}},
                                              "maker": {"version": 7, "disabled": {...}, "values": {"size": {...}}}}}

An owner is `risk`, `router` or a strategy. Each value has the file's own value at that time: a file that was changed
since contradicts the setting, and `up` is refused until the operator drops one of them. A value of `reload` has no such
memory: it repeats the file until the next `up`, which reads the file anyway.

`before` has the older versions of an owner until every role has applied the newest one, the oldest first: when a role
refuses the newest version, the supervisor returns to one of them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.config.private import replace_private
from engine.config.tables import Budgets, Config, Router

RISK = "risk"
ROUTER = "router"
LIVE = (  # of [router]: what it can follow while parents work
    "latency_bps_per_ms", "child_ttl_ms", "book_age_ms", "refused_ms", "wave_ms", "deadline_ms",
)  # fmt: skip
CAP = "max_gross_usd"  # of [budgets]


class Who(msgspec.Struct, frozen=True):
    """An operator, by the credentials of the process that asked."""

    uid: int
    user: str
    pid: int


class Value(msgspec.Struct, frozen=True):
    """One value, who set it when, and what the file had then; `in_file` False: the file had no such key."""

    value: Any
    now_ns: int
    who: Who
    file: Any = None
    in_file: bool = False
    reloaded: bool = False


class Disabled(msgspec.Struct, frozen=True):
    """Who disabled a strategy, and when."""

    now_ns: int
    who: Who


class Owner(msgspec.Struct, frozen=True):
    """What is set for one strategy, for risk, or for the router."""

    version: int = 0
    values: dict[str, Value] = {}
    disabled: Disabled | None = None

    def plain(self) -> dict[str, Any]:
        """The values alone, as a SET carries them."""
        return {name: one.value for name, one in self.values.items()}


class Settings(msgspec.Struct, frozen=True):
    """The whole file. A version is given once in the life of the file."""

    version: int = 0
    owners: dict[str, Owner] = {}
    before: dict[str, tuple[Owner, ...]] = {}  # by owner, until every role has confirmed: what a refusal returns to

    def of(self, owner: str) -> Owner:
        """What is set for an owner."""
        return self.owners.get(owner, Owner())

    def with_owner(
        self, name: str, values: dict[str, Value], disabled: Disabled | None, version: int = 0
    ) -> "Settings":
        """The settings after a change of one owner, which gets the next version; or `version`, to undo a change."""
        newest = self.version + 1
        changed = Owner(version or newest, values, disabled)
        return Settings(newest, {**self.owners, name: changed}, self.before)

    def keeping_before(self, name: str) -> "Settings":
        """The settings that remember what an owner has now, before a change that a role can still refuse."""
        return msgspec.structs.replace(self, before={**self.before, name: (*self.before.get(name, ()), self.of(name))})

    def without_before(self, name: str) -> "Settings":
        """The settings that remember no earlier version of an owner: its newest one is decided."""
        kept = {owner: versions for owner, versions in self.before.items() if owner != name}
        return msgspec.structs.replace(self, before=kept)


def read(path: Path) -> Settings:
    """The settings in a file; none without a file. ValueError when the file is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError:
        return Settings()
    except (OSError, msgspec.DecodeError) as error:
        msg = (
            f"{path} cannot be read ({error}), expected what operators have set: correct it, or remove it to return to"
            " the values of the configuration"
        )
        raise ValueError(msg) from error


def write(path: Path, settings: Settings) -> None:
    """Write the file in one step: after a power cut it holds the old or the new settings."""
    replace_private(path, msgspec.json.encode(settings) + b"\n")


def table_of(config: Config, owner: str) -> dict[str, Any]:
    """The values of an owner in the configuration's file."""
    if owner == ROUTER:
        return router_values(config.router, config.budgets)
    return config.risk if owner == RISK else config.strategy(owner).parameters


def router_values(router: Router | None, budgets: Budgets | None) -> dict[str, Any]:
    """What the router can follow while it runs, defaults included."""
    cap = {} if budgets is None else {CAP: budgets.max_gross_usd}
    return {name: getattr(router, name) for name in LIVE} | cap


def set_router(router: Router, budgets: Budgets | None, values: Mapping[str, Any]) -> tuple[Router, Budgets | None]:
    """The tables with these values in them; ValueError for a wrong one, and for one that needs a start."""
    known = router_values(router, budgets)
    if unknown := set(values) - set(known):
        msg = f"{min(unknown)} cannot be set while the router runs, expected one of {', '.join(known)}"
        raise ValueError(msg)
    table = msgspec.to_builtins(router) | {name: one for name, one in values.items() if name in LIVE}
    if budgets is not None:
        caps = msgspec.to_builtins(budgets) | {name: one for name, one in values.items() if name == CAP}
        budgets = msgspec.convert(caps, Budgets)
    return msgspec.convert(table, Router), budgets


def owners_of(config: Config) -> tuple[str, ...]:
    """Everything that has values to set."""
    return (RISK, *((ROUTER,) if config.router is not None else ()), *(one.name for one in config.strategies))


def decided(config: Config, settings: Settings, owner: str, drop: list[str], keep: list[str]) -> Settings:
    """The settings after an operator has dropped some values of an owner and kept others; ValueError if none is set."""
    values, table = dict(settings.of(owner).values), table_of(config, owner)
    if unknown := {*drop, *keep} - set(values):
        msg = f"{owner}.{min(unknown)} is not set, set are: {', '.join(values) or 'none'}"
        raise ValueError(msg)
    for name in drop:
        del values[name]
    for name in keep:
        values[name] = msgspec.structs.replace(values[name], file=table.get(name), in_file=name in table)
    return settings.with_owner(owner, values, settings.of(owner).disabled).without_before(owner)


def contradictions(config: Config, settings: Settings) -> Iterator[str]:
    """A line for each value whose key in the file was changed after an operator had set it."""
    for owner in owners_of(config):
        table = table_of(config, owner)
        for name, one in settings.of(owner).values.items():
            if not one.reloaded and (name in table, table.get(name)) != (one.in_file, one.file):
                had = repr(one.file) if one.in_file else "no value"
                yield (
                    f"{owner}.{name} was set to {one.value!r} by {one.who.user}, when the file had {had}; the file has"
                    f" {table.get(name)!r} now: engine-ctl set --drop {owner}.{name} --config {config.path} returns to"
                    " the file's value, the same with --keep keeps the set one"
                )
