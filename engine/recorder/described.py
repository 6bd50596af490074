"""What a recording is of: the strategies of the system with their parameters, and the order of its lanes' owners.

    sessions/<when the recorder began>.json     a new file where this differs from the newest one

The records alone do not show which class made a decision, nor with which parameters. The description has no venue and
no secret.
"""

import logging
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.config.tables import Group
from engine.venues.wire.dial import Place

if TYPE_CHECKING:
    from engine.config import Config, Venue

SESSIONS, ENDING = "sessions", ".json"
logger = logging.getLogger("engine.recorder")


class DescribedStrategy(msgspec.Struct, frozen=True, rename={"class_path": "class"}):
    """One strategy, as its table has it."""

    name: str
    id: int
    class_path: str
    instruments: tuple[int, ...]
    parameters: dict[str, Any]
    cadence_ms: int


class Described(msgspec.Struct, frozen=True):
    """A configured system, as far as a replay of its strategies needs it."""

    system: str
    mode: str
    path: str  # of the configuration: a strategy's module is searched beside it
    feeds: tuple[str, ...]
    executions: tuple[str, ...]
    routers: tuple[str, ...]
    strategies: tuple[DescribedStrategy, ...]
    instruments: tuple[int, ...]  # of the configuration, in its order
    routes: dict[int, int]  # by instrument, the place of its execution among `executions`
    groups: tuple[Group, ...] | None  # of the aggregation; None: the system has no aggregation
    apart: tuple[str, ...] = ()  # the venues whose orders go to a paper venue: their market data never has our orders


def described(config: "Config") -> Described:
    """The description of a configured system."""
    names = config.execution_names
    routes = {one.id: names.index(config.execution_of(one.venue)) for one in config.instruments} if names else {}
    return Described(
        config.system.name, config.system.mode, str(Path(config.path).resolve()), config.feed_names, names,
        config.router_names, tuple(map(_strategy, config.strategies)), tuple(one.id for one in config.instruments),
        routes, None if config.aggregation is None else config.aggregation.groups,
        tuple(one.name for one in config.venues if config.system.mode == "paper" and _is_apart(one)),
    )  # fmt: skip


def describe(directory: Path, config: "Config", now_ns: int) -> None:
    """Write the description, unless the newest one is the same. Without space the recording has none."""
    text, place = msgspec.json.format(msgspec.json.encode(described(config))), directory / SESSIONS
    try:
        place.mkdir(mode=0o750, parents=True, exist_ok=True)
        newest = max(place.glob(f"*{ENDING}"), default=None)
        if newest is None or newest.read_bytes() != text:
            new = place / f"{now_ns:020d}.new"
            new.write_bytes(text)
            new.replace(new.with_suffix(ENDING))
    except OSError as error:
        logger.warning("the system is not described beside its recording", extra={"error": str(error)})


def description_at(directory: Path, at_ns: int) -> Described | None:
    """The description in force at a time: the newest one before it, else the first; None without any."""
    paths = sorted((directory / SESSIONS).glob(f"*{ENDING}"))
    place = bisect_right([int(one.stem) for one in paths], at_ns) - 1
    return msgspec.json.decode(paths[max(place, 0)].read_bytes(), type=Described) if paths else None


def descriptions(directory: Path) -> list[Described]:
    """Every description, the oldest first."""
    paths = sorted((directory / SESSIONS).glob(f"*{ENDING}"))
    return [msgspec.json.decode(one.read_bytes(), type=Described) for one in paths]


def _is_apart(venue: "Venue") -> bool:
    """Whether a venue's orders go to another server than the one that its market data comes from."""
    places = [Place.of(url) for url in (venue.stream_url, venue.order_url) if url]
    return len({(one.host, one.port) for one in places}) > 1


def _strategy(table: Any) -> DescribedStrategy:
    return DescribedStrategy(**{name: getattr(table, name) for name in DescribedStrategy.__struct_fields__})
