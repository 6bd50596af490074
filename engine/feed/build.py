"""The feed role of a configured system: the market data of its venues, through one set of lanes.

    [feed]                 durations in milliseconds
    levels = false         publish every level's change, on the lane LEVELS
    stale_ms = 5000        a connection without a frame for longer makes its books stale
    frames = true          copy every frame into the FRAMES ring, where `engine-ctl capture record` finds it

TICKS and BOOKS exist once for each feed role. `[[feeds]]` gives each role its venues; without it one role has every
venue. Each venue is a `Feed` of its own inside its role.
"""

import dataclasses
import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import shm
from engine import clock
from engine.config.nearest import unknown_key
from engine.feed.books.outbox import Outbox
from engine.feed.capture.tapped import TappedPorts, tap_of
from engine.feed.config import FeedConfig
from engine.feed.connection.ports import SocketPorts
from engine.feed.feed import Feed
from engine.feed.replay.build import build_replay
from engine.feed.replay.options import is_replay
from engine.feed.replay.role import ReplayRole
from engine.feed.role import FeedRole
from engine.instruments import read, write
from engine.lanes import FEED, RoleLanes, open_role
from engine.venues.catalogue import kind_of
from engine.venues.kind import stream_key_of

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.tables import Venue
    from engine.model.instrument import Instrument

MS = 1_000_000
DURATIONS = (
    "stale", "book_stale", "settle", "subscribe", "quiet", "request", "instruments", "hold", "retry_min", "retry_max"
)  # fmt: skip
PLAIN = {"levels": bool, "weight_percent": int, "seed": int, "frames": bool}
MS_MAX = 86_400_000  # a day: a longer limit would never end anything
BUILD = ("frames", "source", "replay")  # read where the feed is built


def ports_of(venue: "Venue") -> SocketPorts:
    """Return the venue's network, with the parts of a key that its streams need."""
    kind = kind_of(venue)
    market = kind.market_of(venue)
    key = [part.reveal() for part in stream_key_of(venue, kind)]
    signer = market.signer(key, clock.now_ns) if market.signer is not None else None
    return SocketPorts(venue.stream_url, venue.request_url, market.headers(key), signer)


def durations(table: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of [feed] as FeedConfig's; refuse an unknown key by name."""
    known = {f"{name}_ms": f"{name}_ns" for name in DURATIONS}
    unknown = [key for key in table if key not in known and key not in (*PLAIN, *BUILD)]
    if unknown:
        msg = f"[feed] {unknown[0]}: {unknown_key(unknown[0], dict.fromkeys((*known, *PLAIN, *BUILD)))}"
        raise ValueError(msg)
    for key, value in table.items():
        _refuse_misfit(key, value)
    kept = {key: value for key, value in table.items() if key not in BUILD}
    return {known.get(key, key): value * MS if key in known else value for key, value in kept.items()}


def defaults() -> dict[str, object]:
    """Return every key of [feed] with its default; the seed is random, so it is None here."""
    known: dict[str, Any] = {one.name: one.default for one in dataclasses.fields(FeedConfig)}
    lengths = {f"{name}_ms": known[f"{name}_ns"] // MS for name in DURATIONS}
    plain = {name: known.get(name, True) for name in PLAIN}  # only `frames` is no field, and it is on
    return {**lengths, **plain, "seed": None, "source": "venue"}


def _refuse_misfit(key: str, value: object) -> None:
    """Refuse a value of another type, or a duration outside its range: books would always be stale, for example."""
    kind = PLAIN.get(key, int if key.endswith("_ms") else object)
    least = 0 if key == "hold_ms" else 1
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        msg = f"[feed] {key}: expected {'true or false' if kind is bool else 'a whole number'}, was {value!r}"
        raise ValueError(msg)
    if key.endswith("_ms") and isinstance(value, int) and not least <= value <= MS_MAX:
        msg = f"[feed] {key}: expected {least}..{MS_MAX}, was {value}"
        raise ValueError(msg)


def seed_of(config: "Config") -> dict[str, Any]:
    """Return a random seed for each venue, so that they do not reconnect together; a replay has a fixed one."""
    fixed = "seed" in config.feed or config.system.mode == "replay"
    return {} if fixed else {"seed": random.SystemRandom().getrandbits(32)}


def feed_config(
    config: "Config", name: str, venue: "Venue", pinned: Mapping[int, tuple[int, int]] = MappingProxyType({})
) -> FeedConfig:
    """Return one venue's part of the configuration; `pinned`: decimals already published, by instrument."""
    kind = kind_of(venue)
    places = {one.symbol: (one.id, place) for place, one in enumerate(config.instruments) if one.venue == venue.name}
    return FeedConfig(
        venue=kind.market_of(venue).name,
        symbols={symbol: number for symbol, (number, _) in places.items()},
        cells={symbol: place for symbol, (_, place) in places.items()},
        name=f"{name}.{venue.name}",
        instruments_path=str(config.paths.instruments.with_suffix(f".{venue.name}.json")),
        relist=all(config.kind_of(role) == FEED for role in config.role_names),
        pinned={symbol: pinned[number] for symbol, (number, _) in places.items() if number in pinned},
        alarm_spreads={one.symbol: one.alarm_spread_bps for one in config.instruments if one.venue == venue.name},
        standby=kind.options_of(venue).standby,
        **seed_of(config),
        **durations(config.feed),
    )


def shown_decimals(lanes: RoleLanes) -> dict[int, tuple[int, int]]:
    """Return the decimals that the running roles of this system use: an earlier life of the feed published them."""
    return {one.id: (one.price_decimals, one.size_decimals) for one in read(lanes)}


def build(config: "Config", name: str) -> FeedRole | ReplayRole:
    """Build the feed of a system; the runtime calls this."""
    replaying = is_replay(config)
    lanes = open_role(config, name)
    cells = lanes.cell_writer("instruments")
    outbox = Outbox(
        lanes.ring_writer("ticks"),
        lanes.ring_writer("books"),
        lanes.cell_writer("book_tops"),
        clock.offset_ns(),
        lanes.ring_writer("levels") if config.feed.get("levels") else None,
    )
    if replaying:
        return build_replay(
            config, name, outbox, lambda venue: feed_config(config, name, config.venue(venue)),
            lambda venue: instrument_publisher(cells, venue),
        )  # fmt: skip
    frames = lanes.ring_writer("frames") if config.feed.get("frames", True) else None
    tap, feeds, ports, pinned = tap_of(lanes, frames), [], [], shown_decimals(lanes)
    for venue in config.feed_venues(name):
        if any(one.venue == venue.name for one in config.instruments):
            ports.append(ports_of(venue))
            made = feed_config(config, name, venue, pinned)
            tapped = TappedPorts(ports[-1], tap, venue.name, made.venue) if tap else ports[-1]
            feeds.append(Feed(made, tapped, outbox, instrument_publisher(cells, venue.name)))
    return FeedRole(name, feeds, ports, frames)


def instrument_publisher(cells: shm.CellWriter, venue: str) -> Any:
    """Return a function that publishes a venue's instruments, under the venue's name in the configuration."""

    def publish(instrument: "Instrument", cell: int, old: bool, missing: int, alarm_bps: float, now_ns: int) -> None:
        named = dataclasses.replace(instrument, venue=venue)
        write(cells, cell, named, now_ns, old=old, missing=missing, spread_alarm_bps=alarm_bps)

    return publish
