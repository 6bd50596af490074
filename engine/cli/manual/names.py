"""The names that a shell completes, read from the names of segments: no process of the system is asked."""

from collections.abc import Callable

import shm
from engine.cli import CommandError
from engine.cli.look import known_instruments
from engine.cli.output import choose_system
from engine.config import known_systems
from engine.lanes import lane_of
from engine.lanes.owners import found_owners


def names_of(kind: str, system: str) -> list[str]:
    """The names of this kind; none without a running system, because a shell cannot show an error."""
    try:
        return sorted(KINDS[kind](system))
    except CommandError:
        return []


def _systems(_: str) -> set[str]:
    return {*shm.systems(), *known_systems()}


def _processes(system: str) -> set[str]:
    """The roles; a process has the name of its role unless the file places several roles in it."""
    return set(found_owners(choose_system(system), lane_of("heartbeat")))


def _strategies(system: str) -> set[str]:
    return {name.split(".")[0] for name in found_owners(choose_system(system), lane_of("intents"))}


def _accounts(system: str) -> set[str]:
    return set(found_owners(choose_system(system), lane_of("gate")))


def _feeds(system: str) -> set[str]:
    return set(found_owners(choose_system(system), lane_of("ticks")))


def _lanes(system: str) -> set[str]:
    chosen = choose_system(system)
    return {name.partition(".")[2] for name in shm.names(chosen)}


def _instruments(system: str) -> set[str]:
    return {one.symbol for one in known_instruments(choose_system(system)).values()}


def _venues(system: str) -> set[str]:
    return {one.venue for one in known_instruments(choose_system(system)).values()}


KINDS: dict[str, Callable[[str], set[str]]] = {
    "systems": _systems,
    "processes": _processes,
    "strategies": _strategies,
    "accounts": _accounts,
    "feeds": _feeds,
    "lanes": _lanes,
    "instruments": _instruments,
    "venues": _venues,
}
