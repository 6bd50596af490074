"""Random tapes and a random strategy, the same for a `fast` run and for its reference."""

# ruff: noqa: ANN001, D102, D107 - one page of rules: a method's name is its rule

import random
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from engine.model.instrument import Instrument
from engine.model.words import OrderType, TimeInForce
from engine.strategy import Strategy
from research.simulate import EVENT, Constant, Drawn, Fees, Impact, Models, Queue, Rejects, Tier

BTC = Instrument(1, "venue", "BTCUSDT", "BTC", "USDT", 2, 3, 1, 1, 1, 40, 0)
ETH = Instrument(7, "venue", "ETHUSDT", "ETH", "USDT", 1, 2, 2, 2, 2, 0, 0)
BEGIN_NS = 1_700_000_000_000_000_000


def tape(seed: int, count: int, instruments: tuple[Instrument, ...] = (BTC, ETH)) -> np.ndarray:
    """Messages of levels and prints in a narrow band of prices, with equal times, resets and states among them."""
    draw = random.Random(seed)
    rows: list[tuple] = []
    at, heard = BEGIN_NS, BEGIN_NS
    while len(rows) < count:
        at += draw.choice((0, 0, 1, 3, 10))
        heard = max(heard, at + draw.choice((0, 2, 5, 20)))
        rows += message(draw, draw.choice(instruments), at, heard)
    return np.array(rows, EVENT)


def message(draw: random.Random, one: Instrument, at: int, heard: int) -> list[tuple]:
    """One message: changes of levels and prints, now and then a snapshot or a state."""
    if draw.random() < 0.02:
        return [(at, heard, 0, draw.choice((1, 1, 1, 2)), one.id, 4, 0, 1)]
    is_snapshot, rows = draw.random() < 0.03, []
    for index in range(12 if is_snapshot else draw.choice((1, 1, 1, 2, 4))):
        side, is_print = draw.choice((1, -1)), not is_snapshot and draw.random() < 0.25
        away = draw.choice((-2, -1, 1, 1)) if is_print else draw.randint(-1 if draw.random() < 0.02 else 1, 6)
        price = (100 - side * away) * one.price_step if not is_print else (100 + side * away) * one.price_step
        size = draw.randint(1, 9) if is_print or is_snapshot else draw.choice((0, 0, 1, 2, 5, 9, 14))
        rows.append([at, heard, price, size * one.size_step, one.id, 3 if is_print else 2, side, 0])
        rows[-1][-1] = 2 if is_snapshot and index == 0 else 0
    rows[-1][-1] |= 1
    return [tuple(row) for row in rows]


def models(seed: int) -> Models:
    """Random models."""
    draw = random.Random(seed)

    def latency() -> Any:
        if draw.random() < 0.5:
            return Constant(draw.choice((0, 1, 7, 30)))
        return Drawn([draw.randint(0, 25) for _ in range(draw.randint(1, 5))], draw.randint(0, 99))

    return Models(
        latency(),
        latency(),
        Fees((Tier(Decimal(draw.choice(("-0.00012345", "0.0002"))), Decimal("0.00055555")),)),
        Queue(draw.choice(("conservative", "power", "log")), draw.choice((0.5, 1.0, 3.0))),
        liquidity_returns=draw.random() < 0.3,
        through_fills_whole=draw.random() < 0.3,
        level_returns_empty=draw.random() < 0.5,
        unseen_level_empty=draw.random() < 0.5,
        level_before_print=draw.random() < 0.5,
        rejects=Rejects(draw.choice((0.05, 0.3)), seed) if draw.random() < 0.3 else None,
        impact=impact(draw) if draw.random() < 0.4 else None,
    )


def impact(draw: random.Random) -> Impact:
    """A random impact, of the sizes that a script takes."""
    family = draw.choice(("linear", "square_root"))
    return Impact.of(family, draw.choice(("2.5", "400")), "0.0312", draw.choice((0, 1, 40)))


def capital(seed: int) -> dict[str, str] | None:
    """Random balances at the beginning, small enough that orders are rejected; for every other seed none."""
    draw = random.Random(seed)
    amounts = (("USDT", ("0.5", "2.5", "20.00000001")), ("BTC", ("0", "0.05")), ("ETH", ("0.1", "3")))
    chosen = {asset: draw.choice(values) for asset, values in amounts if asset == "USDT" or draw.random() < 0.7}
    return chosen if draw.random() < 0.5 else None


class Script:
    """Random decisions: each depends only on the seed and on how many were made before."""

    def __init__(self, seed: int, instruments: tuple[Instrument, ...]) -> None:
        self.draw = random.Random(seed)
        self.instruments = {one.id: one for one in instruments}
        self.api: Any = None

    def on_book(self, one: int, bid: int, ask: int) -> None:
        """Do one of a strategy's calls, or nothing."""
        draw, live = self.draw, self.api.live(one)
        chance = draw.random()
        if chance < 0.25:
            self.place(one, bid, ask)
        elif chance < 0.3 and live:
            self.api.cancel(draw.choice(live).intent_id)
        elif chance < 0.34 and live:
            order = draw.choice(live)
            self.api.amend(order.intent_id, draw.randint(1, 12) * self.instruments[one].size_step)
        elif chance < 0.36:
            self.api.cancel_all(one)

    def on_fill(self, one: int) -> None:
        """Now and then cancel everything."""
        if self.draw.random() < 0.05:
            self.api.cancel_all(one)

    def place(self, one: int, bid: int, ask: int) -> None:
        """Place a random order around the book; a few are wrong, and risk refuses them."""
        draw, step = self.draw, self.instruments[one].price_step
        side = draw.choice((1, -1))
        price = (bid if side > 0 else ask) + side * draw.choice((-2, -1, 0, 0, 1, 3)) * step
        price += draw.random() < 0.02
        size = draw.choice((1, 2, 5, 12, 60)) * self.instruments[one].size_step
        tif = draw.choice((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.POST_ONLY, TimeInForce.IOC, TimeInForce.FOK))
        kind = OrderType.MARKET if draw.random() < 0.1 else OrderType.LIMIT
        self.api.place(one, side, size, price, tif, kind, draw.choice((0, 0, 0, 25, 100)))


class Scripted(Strategy):
    """The script as a strategy of the engine; it writes down every call of a hook."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The script and its log are passed in, so that the test can read them."""

        script: Any
        log: Any
        timer: int = 0

    def on_start(self) -> None:
        self.script, self.log = self.parameters.script, self.parameters.log
        self.script.api = Calls(self)

    def on_book(self, book) -> None:
        self.log.append(("book", self.now_ns, book.instrument.id, book.best_bid, book.best_ask))
        self.script.on_book(book.instrument.id, book.best_bid, book.best_ask)

    def on_book_bad(self, book) -> None:
        self.log.append(("bad", self.now_ns, book.instrument.id))

    def on_print(self, print_) -> None:
        self.log.append(("print", self.now_ns, print_.instrument, print_.price, print_.size))

    def on_fill(self, fill) -> None:
        held = self.position(self.instruments[fill.instrument])
        self.log.append(("fill", self.now_ns, fill.intent_id, fill.size, held))
        self.script.on_fill(fill.instrument)

    def on_order(self, order) -> None:
        self.log.append(("order", self.now_ns, order.intent_id, order.state, order.filled, order.size))

    def on_refusal(self, verdict) -> None:
        self.log.append(("refusal", self.now_ns, verdict.intent_id, verdict.reason))


class Timed(Scripted):
    """The same with a timer."""

    timer_ns = 17

    def on_timer(self, now_ns) -> None:
        self.log.append(("timer", now_ns))


class Calls:
    """What a script calls, as calls of a strategy."""

    def __init__(self, strategy: Scripted) -> None:
        self.strategy = strategy

    def place(self, one, side, size, price, tif, kind, timeout_ns) -> None:
        instrument = self.strategy.instruments[one]
        self.strategy.place(instrument, side, size, price, order_type=kind, time_in_force=tif, timeout_ns=timeout_ns)

    def live(self, one) -> list:
        return [order for order in self.strategy.orders(self.strategy.instruments[one]) if order.open]

    def cancel(self, intent_id) -> None:
        self.strategy.cancel(intent_id)

    def cancel_all(self, one) -> None:
        self.strategy.cancel_all(self.strategy.instruments[one])

    def amend(self, intent_id, size) -> None:
        order = next(
            one for each in self.strategy.instruments.values() for one in self.strategy.orders(each)
            if one.intent_id == intent_id
        )  # fmt: skip
        if order.filled < size < order.size:
            self.strategy.replace(intent_id, order.price, size)
