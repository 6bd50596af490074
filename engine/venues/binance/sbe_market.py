"""Binance spot's market data in SBE: other streams and another scanner, everything else as in JSON.

    [[venues]]
    kind = "binance"
    stream_url = "wss://stream-sbe.binance.com"
    api_key = { env = "…" }          an Ed25519 key's; only its name is sent, nothing is signed
    options = { encoding = "sbe" }

Best bid and ask carry their time here, and the venue drops one when a newer one is ready; depth comes five times as
often. Books and metadata are still REST answers in JSON. The stream `depth20` is read in recordings and never
subscribed: its levels are the best of the book that `depth` keeps whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from engine.venues.binance.market import BinanceDialect
from engine.venues.binance.sbe import SCHEMA_ID, SCHEMA_VERSION, BinanceSbeMarket, schema_of
from engine.venues.dialect import EVERY, OTHER, Answer, AnswerKind, Channel, ChannelKind
from engine.venues.market import Market

CHANNELS = (
    Channel("depth", ChannelKind.BOOK),
    Channel("bestBidAsk", ChannelKind.BEST),
    Channel("trade", ChannelKind.PRINTS),
)


@dataclass
class BinanceSbeDialect(BinanceDialect):
    """Spot, in SBE."""

    channels: tuple[Channel, ...] = CHANNELS

    def market(self) -> Market:
        """The binary scanner."""
        return BinanceSbeMarket()

    def stream_target(self) -> str:
        """Binary frames name their symbol, so nothing is wrapped around them."""
        return "/ws"

    def answer(self, frame: bytes) -> Answer:
        """Text is answered as in JSON; a binary frame comes by here when the scanner would not have it."""
        if frame.startswith(b"{") and not is_ours(frame):
            return super().answer(frame)
        found = schema_of(frame)
        if found is None:
            return Answer(AnswerKind.MALFORMED, "too short for an SBE header", (EVERY,))
        expected = f"{SCHEMA_ID}:{SCHEMA_VERSION}"
        if found[0] != SCHEMA_ID:
            return Answer(AnswerKind.MALFORMED, f"SBE schema must be {expected}, was {found[0]}:{found[1]}", (EVERY,))
        if found[1] != SCHEMA_VERSION:
            return Answer(AnswerKind.FOREIGN, f"SBE stream schema must be {expected}, was {found[0]}:{found[1]}")
        return OTHER

    def numbers(self, message: object) -> Iterable[tuple[str, str, str]]:
        """None: a parsed text frame has no market data."""
        del message
        return ()


def is_ours(frame: bytes) -> bool:
    """Whether the header names the stream schema, which no JSON can."""
    found = schema_of(frame)
    return found is not None and found[0] == SCHEMA_ID
