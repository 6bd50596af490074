"""How many messages a channel delivered on one connection: a quiet market differs from a failed subscription."""

from collections.abc import Callable

from engine.feed.books.connection_sequence import ConnectionSequence
from engine.feed.books.pipeline import Pipeline
from engine.venues.dialect import Channel, ChannelKind

PLACES = {ChannelKind.BOOK: 0, ChannelKind.PRINTS: 1, ChannelKind.BEST: 2}


def message_counter(sequence: ConnectionSequence, pipeline: Pipeline) -> Callable[[Channel, str], int]:
    """Return a function that counts the messages of a channel and symbol on the connection with this sequence."""
    places: dict[str, int] = {}

    def count(channel: Channel, symbol: str) -> int:
        if symbol not in places:
            places.update({track.symbol: track.index for track in pipeline.tracks})
        return sequence.counts(places[symbol])[PLACES[channel.kind]]

    return count
