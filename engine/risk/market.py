"""What risk knows of the books: the newest top of each instrument, as the feed published it."""

from engine.model.words import BookState

GOOD = int(BookState.GOOD)


class Top:
    """One instrument's newest top. `middle2` is bid + ask: twice the middle, so that no half is lost."""

    __slots__ = ("ask", "bid", "middle2", "receive_ns", "state")

    def __init__(self) -> None:
        """Begin knowing nothing."""
        self.state = int(BookState.EMPTY)
        self.bid = 0
        self.ask = 0
        self.middle2 = 0
        self.receive_ns = 0

    def update(self, state: int, bid: int, ask: int, receive_ns: int) -> None:
        """Take over a published top; one with an empty side has no middle and is not good."""
        self.bid = bid
        self.ask = ask
        self.receive_ns = receive_ns
        if bid > 0 and ask > 0:
            self.middle2 = bid + ask
            self.state = state
        else:
            self.middle2 = 0
            self.state = int(BookState.EMPTY) if state == GOOD else state
