"""The invariants: checked after every step of the world, and once more at the end.

Always    the venue's money and books agree; the venue accepts no client id twice; a GOOD book equals the venue's book
          at its sequence; no fill is published twice; every position cell is the sum of the fills up to its sequence;
          the venue accepts no order after we published it as done; after execution has read a halt, it sends nothing
          that can create an order; no second request that ends an order leaves while one is in flight (`in_flight.py`)
At the end, after the engine has drained:
          our orders and fills equal the venue's, one for one; internal fills are pairs that add up to nothing, and the
          venue has none of their orders; nothing is open; each strategy's own position equals
          execution's; and the replay of every strategy from its STEPS submits the same intents, byte for byte
"""

from collections import defaultdict
from typing import Any

from engine.chaos.lanes import SystemLanes
from engine.loopback.binance.settings import VenueSettings
from engine.loopback.binance.venue import BinanceVenue
from engine.loopback.market import DECIMALS
from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.records import BOOK_DEPTH, FEE_DECIMALS
from engine.model.rows import BookTopRow, FillRow
from engine.model.text import shown
from engine.model.words import BUY, DONE_STATES, SELL, BookState, FillFlag, OrderFlag, OrderState
from engine.venues.port import StreamPort

TOPS_KEPT = 50_000
MAKES_ORDERS = (b'"order.place"', b'"order.cancelReplace"')
GOOD = int(BookState.GOOD)
TRUTH_STATES = {
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}

Levels = list[tuple[int, int]]


class ObservedVenue(BinanceVenue):
    """The venue; it keeps the best levels of its books at each sequence."""

    def __init__(self, settings: VenueSettings, now_ns: int) -> None:
        """Keep the first levels."""
        self.tops: dict[str, dict[int, tuple[Levels, Levels]]] = defaultdict(dict)
        self.event_count = 0
        super().__init__(settings, now_ns)
        self._keep_tops()

    def _publish(self) -> None:
        super()._publish()
        self.event_count += 1
        self._keep_tops()

    def _keep_tops(self) -> None:
        for symbol, book in self.matching.books.items():
            tops = self.tops[symbol]
            if book.update_id not in tops:
                tops[book.update_id] = (book.bids.depth(BOOK_DEPTH), book.asks.depth(BOOK_DEPTH))
                if len(tops) > TOPS_KEPT:
                    del tops[next(iter(tops))]


class HaltWatch:
    """Checks that execution sends nothing that can create an order after it has read a halt."""

    def __init__(self) -> None:
        """Begin with no halt."""
        self.halted = False  # the operator's last command
        self._in_force = False  # execution has begun a step after that command

    def step_begins(self) -> None:
        """Execution begins a step, in which it reads the operator's command."""
        self._in_force = self.halted

    def watch(self, port: StreamPort) -> StreamPort:
        """Wrap execution's connection."""
        return WatchedPort(port, self)  # has every method of the wrapped port

    def check(self, payload: bytes) -> None:
        """Check a message before it is sent."""
        assert not (self._in_force and any(word in payload for word in MAKES_ORDERS)), f"sent while halted: {payload!r}"


class WatchedPort:
    """A port whose messages are checked before they are sent."""

    def __init__(self, inner: StreamPort, halt: HaltWatch) -> None:
        """Wrap a port."""
        self._inner, self._halt = inner, halt

    def send(self, payload: bytes) -> bool:
        """Check the message, then send it."""
        self._halt.check(payload)
        return self._inner.send(payload)

    def __getattr__(self, name: str) -> Any:
        """Everything else comes from the wrapped port."""
        return getattr(self._inner, name)


class Holdings:
    """Positions as the sum of fills: bought less sold, less the fees in the base asset."""

    def __init__(self, instruments: dict[int, Instrument]) -> None:
        """Begin flat."""
        self._instruments = instruments
        self.traded: dict[tuple[int, int], int] = defaultdict(int)
        self.base_fees: dict[tuple[int, int], int] = defaultdict(int)

    def add(self, row: FillRow) -> None:
        """Add a fill to the positions of its strategy and of the account, which an internal fill does not change."""
        base = self._instruments[row.instrument].base.encode()
        for strategy in (row.strategy,) if row.flags & FillFlag.INTERNAL else (0, row.strategy):
            self.traded[strategy, row.instrument] += row.side * row.size
            if row.fee_asset.rstrip(b"\0") == base:
                self.base_fees[strategy, row.instrument] += row.fee

    def held(self, strategy: int, instrument: int) -> int:
        """The position with FEE_DECIMALS decimals; the venue's sizes have no more."""
        unit = 10 ** (FEE_DECIMALS - self._instruments[instrument].size_decimals)
        return int(self.traded[strategy, instrument] * unit - self.base_fees[strategy, instrument])


class Invariants:
    """Checks the engine's lanes, which it only reads, against the venue's own books."""

    def __init__(
        self, lanes: SystemLanes, venue: ObservedVenue, instruments: tuple[Instrument, ...], strategy_count: int,
        account: str,
    ) -> None:  # fmt: skip
        """Attach to every lane at its first record."""
        self._account = account
        self._position_count = len(instruments) * (1 + strategy_count)
        self._lanes, self._venue = lanes, venue
        self._instruments = {one.id: one for one in instruments}
        self._books, self._fills, self._orders = (lanes.reader(name) for name in ("books", "fills", "orders"))
        self.holdings = Holdings(self._instruments)
        self.fills: dict[tuple[int, int], Any] = {}
        self.orders: dict[bytes, Any] = {}  # the newest record by client id
        self.accepted: set[str] = set()
        self._truth_read = self._event_count = 0
        self.counts = {"books_checked": 0, "positions_checked": 0, "orders": 0, "fills": 0, "netted": 0}

    def after_step(self) -> None:
        """Check everything that must hold at any moment."""
        if self._venue.event_count != self._event_count:
            self._event_count = self._venue.event_count
            self._venue.check()
        self._check_books()
        self._check_truth()
        self.read_fills()
        self._check_positions()
        for row in self._orders.rows():
            self.orders[row.client_id] = row

    def _check_books(self) -> None:
        for row in self._books.rows():
            if row.state == GOOD:
                self._check_book(row)

    def _check_book(self, row: BookTopRow) -> None:
        """A GOOD book equals the venue's book at its sequence, level by level."""
        one = self._instruments[row.instrument]
        known = self._venue.tops[one.symbol].get(row.venue_sequence)
        assert known is not None, f"{one.symbol}: a good book has sequence {row.venue_sequence}, the venue never had it"
        price_unit, size_unit = 10 ** (DECIMALS - one.price_decimals), 10 ** (DECIMALS - one.size_decimals)
        sides = ((row.bid_price, row.bid_size, row.bids), (row.ask_price, row.ask_size, row.asks))
        for levels, (prices, sizes, count) in zip(known, sides, strict=True):
            ours = [(p * price_unit, s * size_unit) for p, s in zip(prices[:count], sizes[:count], strict=True)]
            place = f"{one.symbol} at {row.venue_sequence}"
            assert ours == levels[: len(ours)], f"{place}: ours {ours}, the venue's {levels}"
            assert len(ours) == len(levels), f"{place}: {len(ours)} levels of {len(levels)}"
        self.counts["books_checked"] += 1

    def _check_truth(self) -> None:
        """The venue accepts a client id once, and no order that we have published as done."""
        lines = self._venue.truth.lines
        for line in lines[self._truth_read :]:
            if line["what"] == "accepted":
                client_id = str(line["client_id"])
                assert client_id not in self.accepted, f"the venue accepted client id {client_id} twice"
                self.accepted.add(client_id)
                known = self.orders.get(bytes.fromhex(client_id))
                assert known is None or known.state not in DONE_STATES, (
                    f"accepted after it was published as done: {known}"
                )
        self._truth_read = len(lines)

    def read_fills(self) -> None:
        """Add what was published since the last call to the holdings."""
        for row in self._fills.rows():
            identity = (row.instrument, row.venue_fill_id)
            assert identity not in self.fills, f"fill {identity} was published twice"
            self.fills[identity] = row
            self.holdings.add(row)

    def _check_positions(self) -> None:
        """A cell is the sum of the fills before its sequence; a cell older than the lane was cut off by a death."""
        for cell in self._lanes.cells("positions", self._position_count):
            if cell.fill_sequence == self._fills.cursor:
                held = self.holdings.held(cell.strategy, cell.instrument)
                ours = cell.size * 10 ** (cell.holding_decimals - cell.size_decimals) + cell.dust
                assert cell.holding_decimals == FEE_DECIMALS, f"holdings at {cell.holding_decimals} decimals"
                assert ours == held, (
                    f"position of {cell.strategy} in {cell.instrument}: {ours}, the sum of fills {held}"
                )
                self.counts["positions_checked"] += 1

    def at_end(self) -> None:
        """Compare our orders, fills and balances with the venue's, one for one."""
        self.after_step()
        self._compare_orders()
        self._compare_fills()
        self._compare_balances()
        self._check_pairs()
        self.counts["orders"], self.counts["fills"] = len(self.accepted), len(self.fills)

    def _compare_orders(self) -> None:
        truth: dict[str, dict[str, object]] = {}
        for line in self._venue.truth.lines:
            truth[str(line["client_id"])] = line
        ours = {row.client_id.hex(): row for row in self.orders.values()}
        for client_id, line in truth.items():
            row = ours.get(client_id)
            assert row is not None, f"the venue has an order that we never published: {line}"
            assert row.state == TRUTH_STATES.get(str(line["status"])), f"order {client_id}: {row}, at the venue {line}"
            filled = to_text(row.filled, self._instruments[row.instrument].size_decimals)
            assert _same(filled, str(line["filled"])), f"order {client_id}: filled {filled}, at the venue {line}"
        for client_id, row in ours.items():
            assert row.state in DONE_STATES, f"order {client_id} is still {OrderState(row.state).name}"
            expected = (OrderState.REJECTED, OrderState.EXPIRED)
            internal = bool(row.flags & OrderFlag.INTERNAL)
            assert (client_id in truth) != internal or row.state in expected, f"in the venue's truth log, or not: {row}"

    def _compare_fills(self) -> None:
        truth = {
            (line["symbol"], str(line["fill_id"]), line["client_id"]): (
                line["fill_price"],
                line["fill_size"],
                line["fee"],
            )
            for line in self._venue.truth.lines
            if line["what"] == "fill"
        }
        ours = {}
        for row in self.fills.values():
            if row.flags & FillFlag.INTERNAL:
                continue
            one = self._instruments[row.instrument]
            ours[one.symbol, shown(row.venue_fill_id), row.client_id.hex()] = (
                _wide(row.price, one.price_decimals),
                _wide(row.size, one.size_decimals),
                _wide(row.fee, FEE_DECIMALS),
            )
        assert ours == truth, f"only we have {ours.keys() - truth.keys()}, only the venue {truth.keys() - ours.keys()}"

    def _check_pairs(self) -> None:
        """Each internal fill has its other side after it, and together the strategies hold what the account holds."""
        netted = [row for row in self.fills.values() if row.flags & FillFlag.INTERNAL]
        for buy, sell in zip(netted[::2], netted[1::2], strict=True):
            assert (buy.side, sell.side) == (BUY, SELL), (buy, sell)
            assert (buy.instrument, buy.price, buy.size) == (sell.instrument, sell.price, sell.size), (buy, sell)
        for one in self._instruments:
            owners = [strategy for strategy, instrument in self.holdings.traded if strategy and instrument == one]
            held = sum(self.holdings.held(strategy, one) for strategy in owners)
            assert held == self.holdings.held(0, one), f"the strategies hold {held}, the account another size"
        self.counts["netted"] = len(netted)

    def _compare_balances(self) -> None:
        """Our position in each base asset equals the change of the venue's balance."""
        for one in self._instruments.values():
            held = self.holdings.held(0, one.id)
            gained = self._venue.ledger.accounts[self._account].gained(one.base)
            assert held == gained, f"{one.symbol}: we hold {held}, the venue's balance gained {gained}"

    @property
    def open_orders(self) -> int:
        """How many orders are not done by their newest record."""
        return sum(row.state not in DONE_STATES for row in self.orders.values())


def _wide(number: int, decimals: int) -> str:
    """A number as the truth log writes it."""
    return to_text(number * 10 ** (DECIMALS - decimals), DECIMALS)


def _same(left: str, right: str) -> bool:
    return left.rstrip("0").rstrip(".") == right.rstrip("0").rstrip(".")
