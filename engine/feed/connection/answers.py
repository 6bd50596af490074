"""The frames of a connection that are not market data: the venue's answers, and malformed frames."""

import logging

from engine.feed.books.pipeline import Pipeline
from engine.feed.connection.link import Link
from engine.feed.instruments.listed_symbols import ListedSymbols
from engine.venues.border import Border
from engine.venues.dialect import AnswerKind

LOG = logging.getLogger("steelyard.feed")
LOGGED_BYTES = 4096
LOGGED_FRAMES = 100  # a venue that sends malformed frames for hours must not fill the disk


class Answers:
    """Applies one feed's frames without market data. `malformed` counts the frames that could not be read."""

    def __init__(self, name: str, border: Border, listed: ListedSymbols) -> None:
        """Read the frames by this border; a malformed one may show a number finer than an instrument's decimals."""
        self._name, self._border, self._listed = name, border, listed
        self.malformed = 0

    def apply(self, link: Link, rest: list[tuple[bytes, bool]], pipeline: Pipeline, now_ns: int) -> None:
        """Apply the frames that a pipeline returned: (frame, whether the scanner found it malformed)."""
        for frame, malformed in rest:
            answer = self._border.answer(frame)
            if malformed or answer.kind == AnswerKind.MALFORMED:
                self.log_malformed(frame, answer.text)
                self._listed.check_frame(frame, now_ns)
            if not malformed:
                pipeline.mark_gaps(answer.spoilt, link.receive_ns, now_ns)
            link.apply(answer)

    def log_malformed(self, frame: bytes, text: str) -> None:
        """Count a malformed frame, and log the first ones with their bytes."""
        self.malformed += 1
        if self.malformed <= LOGGED_FRAMES:
            LOG.warning("malformed frame %d, %s: %r", self.malformed, text, frame[:LOGGED_BYTES])
