"""`engine-ctl data backfill`: a venue's past over REST into the history, compared with what was recorded live."""

import argparse
import time
from datetime import date
from typing import Any, NamedTuple

from engine.cli.data import as_error, config_of, directory_of
from engine.cli.errors import FAILED, WRONG_USE, CommandError
from engine.cli.output import print_json, print_line
from engine.config import Config, Venue
from engine.venues.catalogue import interfaces, kind_of
from engine.venues.history import CANDLES, VenueHistory

UNITS = {"m": 60, "h": 3600, "d": 86_400}


class Source(NamedTuple):
    """Where a past is requested."""

    history: VenueHistory
    url: str
    api_key: str
    instrument: int  # our number of the symbol; 0 where no configuration has it


def backfill(options: argparse.Namespace) -> int:
    """Request the days, and print a line for each; exit code 1 when a row differs from the venue's."""
    from engine.recorder.backfill import Fetcher, Job, Order  # noqa: PLC0415 - loads pyarrow

    directory, source = directory_of(options), _source(options, config_of(options))
    first, after = _day("--from", options.start), _day("--to", options.end)
    if first >= after:
        raise CommandError(f"--from {options.start} --to {options.end}: expected --to after --from", WRONG_USE)
    order = Order(
        options.venue, options.symbol, source.instrument, options.kind, _interval(options, source.history), first,
        after, options.again,
    )  # fmt: skip
    fetcher = Fetcher(source.history, source.url, source.api_key)
    try:
        days = as_error(lambda: Job(directory, source.history, fetcher, order, time.time_ns()).run(_printer(options)))
    finally:
        fetcher.close()
    return FAILED if any(one.different for one in days) else 0


def _printer(options: argparse.Namespace) -> Any:
    """What prints a day when it is done."""

    def print_day(day: Any) -> None:
        if options.json:
            print_json(options, _tree(day))
            return
        rest = "" if day.complete else ", not complete yet: run it again later"
        crcs = f"checksums {day.venue_crc:08x} and {day.stored_crc:08x}"
        print_line(
            f"{day.day}: {day.written} rows written, {day.equal} equal to what was recorded, {day.different} different"
            f" ({crcs}){rest}"
        )
        for text in day.differences:
            print_line(f"  {text}")

    return print_day


def _tree(day: Any) -> dict[str, Any]:
    return {name: getattr(day, name) for name in day.__struct_fields__}


def _source(options: argparse.Namespace, config: Config | None) -> Source:
    """The venue of the configuration, else the market-data interface of this name."""
    venues = {one.name: one for one in config.venues} if config is not None else {}
    venue = venues.get(options.venue)
    able = {name: one for name, one in interfaces().items() if one.history is not None}
    market = able.get(options.venue) if venue is None else kind_of(venue).market_of(venue)
    if market is None:
        known = ", ".join(sorted({*venues, *able}))
        raise CommandError(f"--venue {options.venue}: expected one of {known}", WRONG_USE)
    if market.history is None:
        raise CommandError(
            f"--venue {options.venue}: the past of {market.name} cannot be requested, expected one of"
            f" {', '.join(able)}",
            WRONG_USE,
        )
    history = market.history()
    url = options.url or history.url_of(venue.request_url if venue is not None else "")
    return Source(history, url, _key(options, venue, history), _number(config, options))


def _key(options: argparse.Namespace, venue: Venue | None, history: VenueHistory) -> str:
    """The name of a key, where the venue demands one for this."""
    if options.kind not in history.keyed:
        return ""
    if venue is None or venue.api_key is None:
        raise CommandError(
            f"--venue {options.venue} --kind {options.kind}: the venue demands the name of a key: set api_key of this"
            " venue in the configuration, and name that by --config; the key's secret is not needed",
            WRONG_USE,
        )
    return str(as_error(venue.api_key.reveal))


def _number(config: Config | None, options: argparse.Namespace) -> int:
    """Our number of the symbol."""
    listed = config.instruments if config is not None else ()
    ids = {(one.venue, one.symbol): one.id for one in listed}
    return ids.get((options.venue, options.symbol), 0)


def _day(name: str, text: str) -> int:
    """A day since 1970."""
    try:
        return (date.fromisoformat(text) - date(1970, 1, 1)).days
    except ValueError as error:
        raise CommandError(f"{name} {text}: expected a day as 2026-11-30, in UTC", WRONG_USE) from error


def _interval(options: argparse.Namespace, history: VenueHistory) -> int:
    """The length of a candle in seconds; 0 for trades."""
    if options.kind != CANDLES:
        return 0
    number, unit = options.interval[:-1], options.interval[-1:]
    seconds = int(number) * UNITS[unit] if number.isdigit() and unit in UNITS else 0
    if seconds not in history.intervals:
        known = ", ".join(f"{one // 60}m" for one in history.intervals)
        raise CommandError(f"--interval {options.interval}: expected one of {known}", WRONG_USE)
    return seconds
