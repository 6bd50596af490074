"""What is halted by the supervisor, and whether execution's messages and its word FLAT agree with it.

Always    after execution has begun a step with a scope halted, it sends no order of that scope, except those that
          close a position of a scope that is flattened; no order closes a position where nothing is flattened
          while a flattening is FLAT by execution's word, the venue has no open order of ours in its scope, and no
          position larger than the smallest order by the venue's truth log
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import orjson

from engine.chaos.invariants import MAKES_ORDERS, HaltWatch, ObservedVenue
from engine.loopback.market import DECIMALS
from engine.model import client_id
from engine.model.fixed import to_fixed
from engine.model.instrument import Instrument
from engine.model.intent_id import CLOSING, count_of, strategy_of
from engine.model.scope import Held, Scope
from engine.model.words import FlattenState

NEAR = 2  # the book moves after a position became too small for an order

HeldScopes = Mapping[Scope, Held]


class ScopeWatch(HaltWatch):
    """Checks every message of execution against the halted scopes."""

    def __init__(
        self,
        instruments: Iterable[Instrument],
        held: Callable[[], HeldScopes],
        doubted: Callable[[], Collection[Scope]],
    ) -> None:
        """`held` gives what the supervisor has halted, `doubted` the scopes of a command at which it died."""
        super().__init__()
        self._ids = {one.symbol: one.id for one in instruments}
        self._held, self._doubted = held, doubted
        self.scopes: HeldScopes = {}  # in force: execution has begun a step after the command
        self.checked = 0

    def step_begins(self) -> None:
        """Execution begins a step, in which it reads every command."""
        self.scopes = dict(self._held())

    def check(self, payload: bytes) -> None:
        """Check a message before it is sent."""
        if not self.scopes or not any(word in payload for word in MAKES_ORDERS):
            return
        params = orjson.loads(payload)["params"]
        strategy, closes = owner_of(params["newClientOrderId"])
        found = [held for scope, held in self.scopes.items() if scope.covers(strategy, self._ids[params["symbol"]])]
        self.checked += 1
        if closes:
            self.check_closing(found, Scope(strategy=strategy, instrument=self._ids[params["symbol"]]), payload)
        else:
            assert not found, f"sent while halted by {self.scopes}: {payload!r}"

    def check_closing(self, found: Iterable[Held], of: Scope, payload: bytes) -> None:
        """Check an order that closes the position of a strategy in an instrument; `found` is what holds it."""
        assert self.may_close(found, of), f"closes what is not flattened: {payload!r}"

    def may_close(self, found: Iterable[Held], of: Scope) -> bool:
        """Whether a flattening, perhaps one at which the supervisor died, closes this position."""
        doubted = any(scope.covers(of.strategy, of.instrument) for scope in self._doubted())
        return doubted or any(held.flattens for held in found)


class VenuePositions:
    """Each strategy's position by the venue's truth log."""

    def __init__(self, venue: ObservedVenue, instruments: Iterable[Instrument]) -> None:
        """Begin flat."""
        self._lines = venue.truth.lines
        self._ids = {one.symbol: one for one in instruments}
        self._read = 0
        self.held: dict[tuple[int, int], int] = defaultdict(int)  # with DECIMALS decimals

    def read(self) -> None:
        """Add the fills since the last call."""
        for line in self._lines[self._read :]:
            if line["what"] == "fill":
                self._add(line)
        self._read = len(self._lines)

    def _add(self, line: Mapping[str, Any]) -> None:
        one, (strategy, _) = self._ids[line["symbol"]], owner_of(line["client_id"])
        side = 1 if line["side"] in (1, "BUY") else -1
        fee = to_fixed(line["fee"], DECIMALS) if line["fee_asset"] == one.base else 0
        self.held[strategy, one.id] += side * to_fixed(line["fill_size"], DECIMALS) - fee


class FlatWatch:
    """Checks execution's word FLAT against the venue."""

    def __init__(self, venue: ObservedVenue, account: str, instruments: Iterable[Instrument]) -> None:
        """Begin with nothing flat."""
        self._venue, self._account = venue, account
        self._instruments = {one.id: one for one in instruments}
        self._positions = VenuePositions(venue, self._instruments.values())
        self.checked = 0

    def check(self, rows: Iterable[Any], held: HeldScopes) -> set[Scope]:
        """Check every FLAT of a flattening that is in force; which scopes are flat."""
        flat = {scope for row in rows if (scope := self._flat(row, held)) is not None}
        if flat:
            self._positions.read()
        for scope in flat:
            self.checked += 1
            self._check_orders(scope)
            self._check_positions(scope)
        return flat

    def _flat(self, row: Any, held: HeldScopes) -> Scope | None:
        """The scope that a row calls flat; None if it does not, or its flattening is over or was begun again."""
        if not row.since_ns or row.state != FlattenState.FLAT:
            return None
        one = held.get(scope := Scope.of(row))
        return scope if one is not None and one.flattens and row.since_ns >= one.since_ns else None

    def _check_orders(self, scope: Scope) -> None:
        for (account, symbol), orders in self._venue.matching.open.items():
            one = next(one for one in self._instruments.values() if one.symbol == symbol)
            left = [
                order
                for order in (orders.values() if account == self._account else ())
                if scope.covers(owner_of(order.client_id)[0], one.id)
            ]
            assert not left, f"{scope.text()} is called flat, open: {left}"

    def _check_positions(self, scope: Scope) -> None:
        for (strategy, instrument), held in self._positions.held.items():
            if not scope.covers(strategy, instrument):
                continue
            one = self._instruments[instrument]
            size = abs(held) // 10 ** (DECIMALS - one.size_decimals)
            least = self._least(one)
            assert size <= least, f"{scope.text()} is called flat, strategy {strategy} holds {size} of {one.symbol}"

    def _least(self, one: Instrument) -> int:
        """The smallest order at the present price, with room for a price that has moved."""
        bids = self._venue.matching.books[one.symbol].bids.depth(1)
        price = bids[0][0] // 10 ** (DECIMALS - one.price_decimals) if bids else 1
        return NEAR * max(one.size_min, -(-one.notional_min // price))


def owner_of(text: str) -> tuple[int, bool]:
    """The strategy of an order, and whether it closes a position."""
    _, intent_id, _ = client_id.decode(bytes.fromhex(text))
    return strategy_of(intent_id), count_of(intent_id) >= CLOSING
