"""What the files of a replay hold, found out before they are played: symbols, decimals, and who tells the instruments.

One pass. It ends after the beginning where that holds the venue's metadata, and goes to the end where decimals must be
found from the widest numbers. `check_recording` is the part that needs no system: `engine-ctl check` calls it.
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

PIECES_AHEAD = 5_000  # what was answered and settled stands at the beginning, or nowhere
SHOWN = 200  # characters of a list of symbols


@dataclasses.dataclass
class Holding:
    """What a recording holds beside its frames, and the survey of those that were looked at."""

    survey: Survey
    answered: bool = False  # the very question that the feed asks for instruments
    announced: bool = False  # a snapshot of the venue's own channel of instruments


def survey_files(files: list[Path], kind: str, venue: str, dialect: Dialect, target: str) -> Holding:
    """Look at a recording once; `target` is where the feed asks for instruments."""
    found, path = Holding(Survey(dialect)), urlsplit(target).path
    pieces = pieces_of(files, kind, venue)
    for piece in islice(pieces, PIECES_AHEAD):
        found.answered = found.answered or _answers(piece, path)
        found.announced = found.announced or _announces(piece, dialect)
        found.survey.look(piece)
    if not (found.answered or found.announced):
        for piece in pieces:
            found.survey.look(piece)
    return found


def instruments_of(survey: Survey, files: list[Path], config: FeedConfig) -> list[Instrument]:
    """Instruments made from a recording's own numbers, or from the metadata of another time that it holds."""
    missing = sorted(set(config.symbols) - set(survey.symbols()))
    if missing:
        raise ValueError(_absent(files, config.venue, missing, survey))
    return [bare_instrument(config.venue, symbol, number, *survey.decimals(symbol))
            for symbol, number in config.symbols.items()]  # fmt: skip


def check_recording(files: list[Path], kind: str, venue: str, dialect: Dialect, symbols: Mapping[str, int]) -> None:
    """Refuse files that say nothing of these symbols in the venue's words: another venue's, or of other symbols."""
    survey = Survey(dialect)
    for number, piece in enumerate(pieces_of(files, kind, venue)):
        survey.look(piece)
        if not survey.widths.keys().isdisjoint(symbols):
            return
        if number == PIECES_AHEAD and not survey.symbols():
            break
    raise ValueError(_absent(files, dialect.name, sorted(symbols), survey))


def bare_instrument(venue: str, symbol: str, number: int, price_decimals: int, size_decimals: int) -> Instrument:
    """An instrument of which only the decimals are known: it can be looked at, and not traded."""
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
    notice = guarded(partial(channel.notice, piece.payload))  # one that cannot be read is counted by the replay
    return not isinstance(notice, Unreadable) and notice is not None and notice.whole


def _absent(files: list[Path], venue: str, symbols: list[str], survey: Survey) -> str:
    found = ", ".join(survey.symbols())[:SHOWN] or "none that this venue writes"
    return f"{', '.join(map(str, files))}: expected frames of {', '.join(symbols)} at {venue}, found {found}"
