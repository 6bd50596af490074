"""Whether a channel has spoken on a connection: what tells a quiet market from a subscription that brings nothing."""

from collections.abc import Callable

from engine.feed.pipeline import Pipeline
from engine.feed.track import Track
from engine.venues.dialect import Channel, ChannelKind

SILENCE = dict.fromkeys(ChannelKind, 0)


def hearing(pipeline: Pipeline) -> Callable[[Channel, str], bool]:
    """What tells whether a channel has spoken into a pipeline from here on."""
    tracks = {track.symbol: track for track in pipeline.tracks}
    before = {symbol: spoken(track) for symbol, track in tracks.items()}

    def heard(channel: Channel, symbol: str) -> bool:
        if symbol not in tracks:
            tracks.update({track.symbol: track for track in pipeline.tracks})
        return spoken(tracks[symbol])[channel.kind] > before.get(symbol, SILENCE)[channel.kind]

    return heard


def spoken(track: Track) -> dict[ChannelKind, int]:
    """How often each kind of channel has spoken of a symbol."""
    return {
        ChannelKind.BOOK: track.snapshots + track.diffs,
        ChannelKind.PRINTS: track.prints.heard,
        ChannelKind.BEST: track.bests_heard,
    }
