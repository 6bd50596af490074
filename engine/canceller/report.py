"""The cells of a canceller: `cancels`, what it does, and `listed`, the orders of the newest listing.

A cell is written when its content has changed. A cell of `listed` whose time is older than `cancels.listed_ns` is of an
earlier listing.
"""

from typing import TYPE_CHECKING

from engine.lanes.ports import CellWriter
from engine.model.records import CANCELLING, LISTED
from engine.model.words import CancellerState, CancelReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.venues.cancelling import OpenOrder

LISTED_MOST = 256  # cells of `listed`
TEXT, ID, SYMBOL, NUMBER = 168, 36, 32, 32  # bytes of the texts in the records


class Report:
    """Publishes the state of one canceller."""

    def __init__(self, cancels: CellWriter, listed: CellWriter) -> None:
        """Begin with nothing published."""
        self.state, self.reason = CancellerState.WATCHING, CancelReason.NONE
        self.open = self.foreign = 0  # orders in the newest listing
        self.listed_ns = 0  # when it was asked for
        self._cancels, self._listed = cancels, listed
        self._listings = self._since_ns = 0
        self._published: tuple[object, ...] = ()

    def set(self, state: CancellerState, reason: CancelReason, now_ns: int) -> None:
        """Set the state."""
        if (state, reason) != (self.state, self.reason) or not self._since_ns:
            self.state, self.reason, self._since_ns = state, reason, now_ns

    def list(self, ours: "Sequence[OpenOrder]", foreign: int, asked_ns: int) -> None:
        """Write the orders of a listing."""
        self._listings += 1
        self.open, self.foreign, self.listed_ns = len(ours), foreign, asked_ns
        for index, one in enumerate(ours[:LISTED_MOST]):
            self._listed.write(index, *LISTED.row(
                listed_ns=asked_ns, venue_ns=one.venue_ns, client_id=one.client_id[:ID],
                symbol=one.symbol.encode()[:SYMBOL], venue_order_id=one.venue_order_id[:NUMBER], side=one.side,
            ))  # fmt: skip

    def write(
        self, now_ns: int, *, sent: int, ended: int, answered_ns: int, settled_ns: int, epoch: int, text: str
    ) -> None:
        """Write `cancels` if its content has changed."""
        content = (self.state, self.reason, self.listed_ns, self._listings, sent, ended, settled_ns, epoch, text)
        if content == self._published:
            return
        self._published = content
        self._cancels.write(0, *CANCELLING.row(
            now_ns=now_ns, since_ns=self._since_ns, listed_ns=self.listed_ns, answered_ns=answered_ns,
            settled_ns=settled_ns, sent=sent, ended=ended, listings=self._listings, open=self.open,
            foreign=self.foreign, state=self.state, reason=self.reason, epoch=epoch, text=text.encode()[:TEXT],
        ))  # fmt: skip
