"""The state of each book of a system: whether it equals the venue's, its metadata, and its missing channels."""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

import shm
from engine.cli.health import feed_silent_ns
from engine.cli.output import ago, decimal_text, iso, plain, print_table
from engine.lanes import LOOKERS, open_lanes
from engine.model.text import word
from engine.model.words import BookState
from engine.monitor.figures import bps_text
from engine.venues.dialect import ChannelKind

UNKNOWN = "UNKNOWN"  # the feed has no fresh heartbeat, so the state of its book is not known
UNFOLLOWED = (BookState.REFUSED.name, BookState.MISFIT.name, UNKNOWN)
WITHOUT_MESSAGES = (BookState.EMPTY.name, BookState.DISCONNECTED.name)
PATIENCE_NS = 10_000_000_000  # the time in which a feed must connect or reconnect
TEXT = "utf-8"
FIGURES = ("spread_bps", "imbalance", "spread_alarm_bps")


def books(system: str, configured: Mapping[int, tuple[str, str]]) -> list[dict[str, Any]]:
    """Every book in the configuration's order, without those of a feed whose lanes cannot be read (`health.py`)."""
    places: dict[int, dict[str, Any]] = {}
    for feed in open_lanes(system, LOOKERS).readable("book_tops"):
        with contextlib.suppress(shm.SegmentError, OSError):
            places |= _books_of(system, feed, configured)
    return [places[place] for place in sorted(places)]


def _books_of(system: str, feed: str, configured: Mapping[int, tuple[str, str]]) -> dict[int, dict[str, Any]]:
    """The books of one feed, by the place of the instrument in the configuration."""
    lanes, silent_ns = open_lanes(system, LOOKERS), feed_silent_ns(system, feed)
    tops, instruments = lanes.cell_reader("book_tops", feed), lanes.cell_reader("instruments", feed)
    rows = {place: top for place in range(tops.count) if (top := tops.read(place)) is not None}
    return {
        place: {**_silenced(_book(top, instruments.read(place), configured), silent_ns), "feed": feed}
        for place, top in rows.items()
    }


def tree(one: Mapping[str, Any]) -> dict[str, Any]:
    """A book for JSON: its figures as decimal text."""
    return {**one, **{name: decimal_text(one[name]) for name in FIGURES}}


def _silenced(book: dict[str, Any], silent_ns: int | None) -> dict[str, Any]:
    """The book with the state UNKNOWN when its feed is dead, frozen or not known: the cell keeps its last state."""
    if silent_ns == 0:
        return {**book, "feed_silent_ms": 0}
    unknown = {"state": UNKNOWN, "last_state": book["state"], "spread_bps": None, "imbalance": None,
               "spread_alarm_bps": None}  # fmt: skip
    return {**book, **unknown, "feed_silent_ms": None if silent_ns is None else silent_ns // 1_000_000}


def _book(top: Any, instrument: Any, configured: Mapping[int, tuple[str, str]]) -> dict[str, Any]:
    """One book; until the venue or the cached copy describes its instrument, only its names are known."""
    venue, symbol = configured.get(top.instrument, ("", ""))
    named = {"venue": venue, "symbol": symbol, "trading": False, "old": False, "missing": [], "spread_alarm_bps": None,
             "listed": None}  # fmt: skip
    if instrument is not None:
        missing = [kind.name.lower() for kind in ChannelKind if instrument.missing & kind]
        texts = {name: getattr(instrument, name).rstrip(b"\0").decode(TEXT) for name in ("venue", "symbol")}
        named = {**texts, "trading": bool(instrument.trading), "old": bool(instrument.old), "missing": missing,
                 "spread_alarm_bps": instrument.spread_alarm_bps or None,
                 "listed": instrument.kind.rstrip(b"\0") != b"unlisted"}  # fmt: skip
    return {
        "instrument": top.instrument, **named, "known": instrument is not None,
        "state": word(BookState, top.state), "publish_ns": top.publish_ns,
        "publish": iso(top.publish_ns),
        "spread_bps": plain(top.spread_bps), "imbalance": plain(top.imbalance),
    }  # fmt: skip


def are_followed(found: Iterable[dict[str, Any]], now_ns: int, *, replayed: bool = False) -> bool:
    """Whether every book has its metadata, all its channels and recent messages."""
    return not any(
        one["state"] in UNFOLLOWED or one["missing"] or not one["known"] or (not replayed and _is_silent(one, now_ns))
        for one in found
    )


def is_unknown(one: Mapping[str, Any]) -> bool:
    """Whether the venue does not list the symbol."""
    return bool(one["state"] == BookState.REFUSED.name and not one["listed"])


def _is_silent(one: dict[str, Any], now_ns: int) -> bool:
    """Whether no message of the book has arrived for longer than a new connection needs."""
    return one["state"] in WITHOUT_MESSAGES and now_ns - one["publish_ns"] > PATIENCE_NS


def print_books(found: list[dict[str, Any]], now_ns: int) -> None:
    """Print a table with a row for each book."""
    if found:
        print_table(
            ("instrument", "venue", "symbol", "book", "spread bp", "published", "missing", "metadata"),
            [
                (
                    one["instrument"], one["venue"] or "-", one["symbol"] or "-", _state(one),
                    bps_text(one["spread_bps"]), ago(max(0, now_ns - one["publish_ns"])),
                    ", ".join(one["missing"]) or "-",
                    "cached copy" if one["old"] else "fresh" if one["known"] else "none yet",
                )
                for one in found
            ],
        )  # fmt: skip


def _state(one: Mapping[str, Any]) -> str:
    """A book's state as text."""
    if one["feed_silent_ms"] is None:
        return f"unknown: the heartbeat of {one['feed']} cannot be read (last state {one['last_state'].lower()})"
    if not one["feed_silent_ms"]:
        alarm_bps = one["spread_alarm_bps"]
        return str(one["state"]).lower() + (f", spread wide (alarm {alarm_bps:g} bp)" if alarm_bps else "")
    age = ago(one["feed_silent_ms"] * 1_000_000)
    return f"unknown: the heartbeat of {one['feed']} is {age} old (last state {one['last_state'].lower()})"
