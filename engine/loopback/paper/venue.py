"""Makes the paper venue: the embedded venue's wire and rules over the real market's books."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import IO

from engine.loopback.binance.venue import BinanceVenue
from engine.loopback.orders import Order
from engine.loopback.paper.matching import PaperMatching
from engine.loopback.paper.places import Queue
from engine.loopback.paper.settings import PaperMarkets
from engine.loopback.paper.tape import open_tapes


def open_paper(
    markets: PaperMarkets, queue: Queue, now_ns: int, truth: IO[bytes] | None = None,
    gains: Mapping[tuple[str, str], int] | None = None, past: Sequence[Order] = (),
) -> BinanceVenue:  # fmt: skip
    """Open on the lanes of the system; `gains` and `past` are what an earlier life left."""
    scales = dict(markets.symbols.values())
    make = partial(PaperMatching, queue=queue, scales=scales)
    venue = BinanceVenue(markets.settings, now_ns, truth, gains, make)
    assert isinstance(venue.matching, PaperMatching)
    for order in past:
        venue.matching.restore(order, now_ns)
    venue.flows.extend(open_tapes(markets.system, markets.symbols, venue.matching))
    venue.step(now_ns)
    return venue
