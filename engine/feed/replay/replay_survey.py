"""What the files of a replay hold, read before the replay: symbols, decimals, and where the metadata is.

One pass. It ends early if the beginning holds the venue's metadata; else it reads to the end, to find the decimals from
the longest numbers. `check_recording` needs no system: `engine-ctl check` calls it.
"""

import dataclasses
from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from engine.feed.capture.check import Survey, pieces_of
from engine.feed.capture.formats import Piece
from engine.feed.config import FeedConfig
from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.words import FrameKind
from engine.venues.dialect import Dialect, Unreadable, guarded

PIECES_AHEAD = 5_000  # metadata is within the first pieces, or missing
SHOWN = 200  # characters of a list of symbols


@dataclasses.dataclass
class Holding:
    """Where a recording holds the metadata, and the survey of the pieces that were read."""

    survey: Survey
    answered: bool = False  # as an answer to the feed's own request for instruments
    announced: bool = False  # as a snapshot of the venue's own channel of instruments


def survey_files(files: list[Path], kind: str, venue: str, dialect: Dialect, target: str) -> Holding:
    """Read a recording once; `target` is where the feed requests instruments."""
    found, path = Holding(Survey(dialect)), urlsplit(target).path
    pieces = pieces_of(files, kind, venue)
    for piece in islice(pieces, PIECES_AHEAD):
        found.answered = found.answered or _answers(piece, path)
        found.announced = found.announced or _announces(piece, dialect)
        found.survey.add(piece)
    if not (found.answered or found.announced):
        for piece in pieces:
            found.survey.add(piece)
    return found


def instruments_of(survey: Survey, files: list[Path], config: FeedConfig) -> list[Instrument]:
    """Return instruments made from a recording's own numbers, or from other metadata that it holds."""
    missing = sorted(set(config.symbols) - set(survey.symbols()))
    if missing:
        raise ValueError(_absent(files, config.venue, missing, survey))
    return [bare_instrument(config.venue, symbol, number, *survey.decimals(symbol))
            for symbol, number in config.symbols.items()]  # fmt: skip


def check_recording(files: list[Path], kind: str, venue: str, dialect: Dialect, symbols: Mapping[str, int]) -> None:
    """Refuse files without a frame of these symbols in the venue's format: another venue's, or of other symbols."""
    survey = Survey(dialect)
    for number, piece in enumerate(pieces_of(files, kind, venue)):
        survey.add(piece)
        if not survey.widths.keys().isdisjoint(symbols):
            return
        if number == PIECES_AHEAD and not survey.symbols():
            break
    raise ValueError(_absent(files, dialect.name, sorted(symbols), survey))


def bare_instrument(venue: str, symbol: str, number: int, price_decimals: int, size_decimals: int) -> Instrument:
    """Return an instrument with known decimals only: its book can be followed, it is not tradable."""
    return Instrument(
        number, venue, symbol, "", "", price_decimals, size_decimals, 1, 1, 1, INT64_MAX, 0, trading=False
    )


def _answers(piece: Piece, path: str) -> bool:
    parts = urlsplit(piece.url)
    return bool(piece.url and not parts.netloc and parts.path == path)


def _announces(piece: Piece, dialect: Dialect) -> bool:
    channel = dialect.instrument_channel
    if channel is None or piece.mark != FrameKind.RECEIVED or piece.sent or piece.url:
        return False
    notice = guarded(partial(channel.notice, piece.payload))  # the replay counts one that cannot be read
    return not isinstance(notice, Unreadable) and notice is not None and notice.whole


def _absent(files: list[Path], venue: str, symbols: list[str], survey: Survey) -> str:
    found = ", ".join(survey.symbols())[:SHOWN] or "none that this venue writes"
    return f"{', '.join(map(str, files))}: expected frames of {', '.join(symbols)} at {venue}, found {found}"
