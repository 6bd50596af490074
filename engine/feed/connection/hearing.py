"""How often a channel has spoken on a connection: what tells a quiet market from a subscription that brings nothing."""

from collections.abc import Callable

from engine.feed.books.chain import Chain
from engine.feed.books.pipeline import Pipeline
from engine.venues.dialect import Channel, ChannelKind

PLACES = {ChannelKind.BOOK: 0, ChannelKind.PRINTS: 1, ChannelKind.BEST: 2}


def hearing(chain: Chain, pipeline: Pipeline) -> Callable[[Channel, str], int]:
    """What counts the messages of a connection that feeds a pipeline, whoever else feeds it."""
    places: dict[str, int] = {}

    def spoken(channel: Channel, symbol: str) -> int:
        if symbol not in places:
            places.update({track.symbol: track.index for track in pipeline.tracks})
        return chain.spoken(places[symbol])[PLACES[channel.kind]]

    return spoken
