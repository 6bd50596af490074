"""The paper venue's settings: markets from the feed's instruments, the rest from a file.

[venue]                     as of the embedded venue, without markets and flows
request_delay_ns = …        from execution to the matching: the whole round trip to the real venue (docs/paper.md)
[venue.accounts.engine]     what the account begins with
USDT = "10000"
[paper]
fee_maker = "0.001"         shares of the amount, as decimal text
fee_taker = "0.001"
queue = "conservative"      or power, log: what a decrease of a level does for an order in it
exponent = 0.5              of power
"""

import time
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from engine import instruments
from engine.config import Config, load
from engine.config.accounts import accounts_of
from engine.config.nearest import did_you_mean
from engine.lanes import LOOKERS, open_lanes
from engine.loopback.binance.settings import VenueSettings
from engine.loopback.market import DECIMALS, Market, fixed
from engine.loopback.paper.places import Queue, Scale
from engine.model.instrument import Instrument

WAIT_S, POLL_S = 60.0, 0.02
KEYS = ("fee_maker", "fee_taker", "queue", "exponent")


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """The table [paper]."""

    fee_maker: int
    fee_taker: int
    queue: Queue

    @classmethod
    def read(cls, path: str | None) -> "PaperSettings":
        """Read the table of a file; the fees are needed, because a default that flatters is a wrong result."""
        table: dict[str, Any] = {}
        if path:
            with open(path, "rb") as file:
                table = tomllib.load(file).get("paper", {})
        for name in table:
            if name not in KEYS:
                raise ValueError(
                    f"{path}: [paper] {name}: unknown, {did_you_mean(name, KEYS)}expected {', '.join(KEYS)}"
                )
        for name in ("fee_maker", "fee_taker"):
            if not isinstance(table.get(name), str):
                raise ValueError(  # noqa: TRY004 - a value of the file is wrong, as the others
                    f'{path}: [paper] {name}: expected a share as decimal text, as in "0.001", was {table.get(name)!r}'
                )
        queue = Queue(str(table.get("queue", "conservative")), float(table.get("exponent", 0.5)))
        return cls(fixed(table["fee_maker"]), fixed(table["fee_taker"]), queue)


@dataclass(frozen=True, slots=True)
class PaperMarkets:
    """The symbols that are traded on paper, by our instrument id, and the venue's settings with their markets."""

    system: str
    symbols: dict[int, tuple[str, Scale]]
    settings: VenueSettings


def system_of(path: str) -> Config:
    """The trading system of a file; refuses one that is not in mode paper, or does not publish whole books."""
    config = load(path)
    if config.system.mode != "paper":
        raise ValueError(
            f'{path}: mode is "{config.system.mode}", expected "paper": the paper venue fills no order of another mode'
        )
    if config.feed.get("levels") is not True:
        raise ValueError(f"{path}: [feed] levels is off, expected levels = true: fills need the whole book")
    return config


def traded_at(config: Config, venue: str) -> list[int]:
    """The instruments of the venue that is traded on paper: the named one, or the only one with an account."""
    venues = {account.venue.name for account in accounts_of(config)}
    if venue not in venues and (venue or len(venues) > 1):
        raise ValueError(f"--venue {venue!r}: expected a venue with an account: {', '.join(sorted(venues))}")
    name = venue or venues.pop()
    return [one.id for one in config.instruments if one.venue == name]


def markets_of(config: Config, ids: list[int], venue: VenueSettings, paper: PaperSettings) -> PaperMarkets:
    """Wait until the feed has published the instruments, and make their markets; ValueError names what is missing."""
    lanes = open_lanes(config.system.name, LOOKERS)
    known = _await(lambda: instruments.read(lanes), ids)
    made = tuple(market_of(one, paper) for one in known)
    symbols = {one.id: (one.symbol, Scale(one.price_decimals, one.size_decimals)) for one in known}
    return PaperMarkets(config.system.name, symbols, replace(venue, markets=made, flows={}))


def _await(read: Callable[[], Iterable[Instrument]], ids: list[int]) -> list[Instrument]:
    deadline = time.monotonic() + WAIT_S
    while True:
        known = {one.id: one for one in read()}
        missing = [one for one in ids if one not in known]
        if not missing:
            return [known[one] for one in ids]
        if time.monotonic() > deadline:
            raise ValueError(f"the feed has not published instrument {missing[0]} within {WAIT_S:.0f} s: see its log")
        time.sleep(POLL_S)


def market_of(one: Instrument, paper: PaperSettings) -> Market:
    """An instrument's market, with the real venue's steps and filters."""
    if one.kind != "spot" or max(one.price_decimals, one.size_decimals) > DECIMALS:
        raise ValueError(
            f"{one.venue} {one.symbol}: {one.kind} with {one.price_decimals} and {one.size_decimals} decimals: expected"
            f" spot with at most {DECIMALS}"
        )
    if not one.base:
        raise ValueError(
            f"{one.venue} {one.symbol}: its market data has no metadata (steps, base, quote): replay recordings that"
            " engine-ctl capture record made, or put one with the venue's answer before the others"
        )
    scale = Scale(one.price_decimals, one.size_decimals)
    default = Market(one.symbol, one.base, one.quote, price_step=one.price_step * scale.price_unit,
                     size_step=one.size_step * scale.size_unit)  # fmt: skip
    amount = 10 ** (one.price_decimals + one.size_decimals)
    scaled = one.size_max * scale.size_unit
    return replace(
        default,
        price_min=one.price_min * scale.price_unit or default.price_step,
        price_max=one.price_max * scale.price_unit or 10**30,
        size_min=one.size_min * scale.size_unit or default.size_step,
        size_max=scaled or 10**30,
        notional_min=one.notional_min * 10**DECIMALS // amount,
        notional_max=one.notional_max * 10**DECIMALS // amount or 10**30,
        fee_maker=paper.fee_maker,
        fee_taker=paper.fee_taker,
        open_orders_max=one.orders_max or default.open_orders_max,
        contingent_orders_max=one.algo_orders_max or default.contingent_orders_max,
    )
