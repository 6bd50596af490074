"""An execution that publishes a false position, and a venue that pays out money without an event.

Both lie from the moment on at which their file exists.
"""

import sys
from pathlib import Path
from typing import Any

from engine.execution.build import build as build_execution
from engine.execution.orders.ledger import Position
from engine.loopback.binance.venue import BinanceVenue
from engine.loopback.server.__main__ import main

INSTRUMENT, MORE = 1, 100  # the false position: so many size steps more than it is
PAID = 50_000_000  # ETH, at eight decimals
ROW, STEP = Position.row, BinanceVenue.step


def build(config: Any, name: str) -> Any:
    """An execution with the bug, as the runtime calls it."""
    file = config.paths.state / "lie"

    def row(position: Position, *more: Any) -> Any:
        found = ROW(position, *more)
        lies = position.instrument.id == INSTRUMENT and not position.strategy and file.exists()
        return found._replace(size=found.size + MORE) if lies else found

    Position.row = row  # type: ignore[method-assign]
    return build_execution(config, name)


def step(venue: BinanceVenue, now_ns: int) -> int:
    """Pay once, without an event of the account."""
    file = Path(sys.argv[sys.argv.index("--truth") + 1]).with_name("pay")
    if file.exists():
        file.unlink()
        venue.ledger.deposit("engine", "ETH", PAID)
    return STEP(venue, now_ns)


if __name__ == "__main__":
    BinanceVenue.step = step  # type: ignore[method-assign]
    main()
