"""How far the venue's clock is from ours, measured by asking it, with the doubt that the round trip leaves.

The venue read its clock at some moment between our sending and our receiving, so one answer bounds the offset to
half the round trip. Of the last few answers the one with the shortest round trip is used, until one comes that
contradicts it: then a clock was set, and earlier measurements are dropped.
"""

from collections import deque

SAMPLES = 8
ASKED = 100  # questions that are remembered
DRIFT_NS = 100_000_000  # two answers may differ by this much beyond their doubts: each server has its own clock


class VenueClock:
    """The measured offset: venue's time minus ours."""

    __slots__ = ("_samples", "asked", "doubt_ns", "offset_ns")

    def __init__(self) -> None:
        """Begin unmeasured."""
        self._samples: deque[tuple[int, int]] = deque(maxlen=SAMPLES)
        self.asked: dict[int, int] = {}  # when the venue was asked: when it answered, 0: not yet; the newest last
        self.offset_ns = 0
        self.doubt_ns = 0

    def ask(self, sent_ns: int) -> None:
        """Note a question for the venue's time."""
        self.asked[sent_ns] = 0
        if len(self.asked) > ASKED:
            del self.asked[next(iter(self.asked))]

    def abandon(self, now_ns: int) -> None:
        """Count the questions without an answer as answered now: their connection has ended."""
        self.asked = {sent_ns: answer_ns or now_ns for sent_ns, answer_ns in self.asked.items()}

    def sample(self, sent_ns: int, receive_ns: int, venue_ns: int) -> None:
        """Add the sample of one answer."""
        assert receive_ns >= sent_ns, (sent_ns, receive_ns)
        if sent_ns in self.asked:
            self.asked[sent_ns] = receive_ns
        doubt_ns = (receive_ns - sent_ns) // 2
        offset_ns = venue_ns - sent_ns - doubt_ns
        if self._samples and abs(offset_ns - self.offset_ns) > doubt_ns + self.doubt_ns + DRIFT_NS:
            self._samples.clear()
        self._samples.append((doubt_ns, offset_ns))
        self.doubt_ns, self.offset_ns = min(self._samples)

    def venue_ns(self, now_ns: int) -> int:
        """The venue's time, as near as is known."""
        return now_ns + self.offset_ns

    def venue_ns_least(self, now_ns: int) -> int:
        """The venue's time is not before this."""
        return now_ns + self.offset_ns - self.doubt_ns
