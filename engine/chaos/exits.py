"""Checks that only exits leave: no order that makes a position larger, and no exit of more than the position."""

from collections.abc import Iterable

import orjson

from engine.chaos.invariants import MAKES_ORDERS, Holdings
from engine.chaos.scope_watch import owner_of
from engine.model.fixed import to_fixed
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.words import BUY, SELL


class ExitsOnly:
    """Checks execution's messages against the positions by its published fills."""

    def __init__(self, holdings: Holdings, instruments: Iterable[Instrument]) -> None:
        """`holdings` are the positions."""
        self._holdings = holdings
        self._instruments = {one.symbol: one for one in instruments}

    def check(self, payload: bytes, why: str) -> bool:
        """Check a message that leaves while entries are stopped; whether it can create an order."""
        if not any(word in payload for word in MAKES_ORDERS):
            return False
        params = orjson.loads(payload)["params"]
        one = self._instruments[params["symbol"]]
        held = self._holdings.held(owner_of(params["newClientOrderId"])[0], one.id)
        side, size = BUY if params["side"] == "BUY" else SELL, to_fixed(params["quantity"], FEE_DECIMALS)
        assert side * held < 0, f"an entry left while {why}: {params}"
        assert size <= abs(held), f"an exit of more than the position {held} left while {why}: {params}"
        return True
