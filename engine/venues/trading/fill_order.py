"""The order in which a venue numbers the fills of an account: execution needs it to list each fill once.

The ids of fills are opaque to execution. A *cursor* is a place in the venue's list of an account's fills of one
instrument: every fill up to it was listed. Only the code of the venue knows what is in a cursor, and only this protocol
compares two. The journal stores a cursor as bytes. A venue whose ids do not rise makes its cursors from the fills'
times.
"""

from typing import Protocol

NOWHERE = b""  # the cursor before every fill


class FillOrder(Protocol):
    """The order of one venue's fills."""

    name: str  # by which a process that has no session finds it
    beginning: bytes  # the cursor of an account without fills

    def cursor_of(self, fill_id: bytes, venue_ns: int, /) -> bytes:
        """The cursor at this fill."""

    def later(self, one: bytes, other: bytes, /) -> bytes:
        """The later of two cursors; the first where they are the same place."""

    def covers(self, cursor: bytes, fill_id: bytes, venue_ns: int, /) -> bool:
        """Whether a listing up to this cursor has this fill; NOWHERE covers no fill."""
