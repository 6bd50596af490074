"""What a page that opens now must know of the past: prices, the account's worth, orders, fills, the journal's end."""

from collections import deque
from collections.abc import Iterator

from engine.dashboard.frames import POINT, WORTH
from engine.model.records import ORDER
from engine.model.words import DONE_STATES

POINTS = 36_000  # over all instruments
SPAN_NS = 3_600_000_000_000
WORTHS = 20_000
ORDERS, FILLS, JOURNAL = 10_000, 2_000, 200
STATE_AT = next(one.offset for one in ORDER.fields if one.name == "state")
CLIENT_ID = slice(0, 16)


class History:
    """Bounded: the oldest of each kind is dropped, an open order never."""

    def __init__(self, instruments: int) -> None:
        """Empty. Each instrument has its share of the points."""
        self._share = max(60, POINTS // max(instruments, 1))
        self._every_ns = SPAN_NS // self._share
        self._points: dict[int, deque[bytes]] = {}
        self._due_ns: dict[int, int] = {}
        self.worth: deque[bytes] = deque(maxlen=WORTHS)
        self.orders: dict[bytes, bytes] = {}
        self.fills: deque[bytes] = deque(maxlen=FILLS)
        self.journal: deque[bytes] = deque(maxlen=JOURNAL)

    def add_price(self, instrument: int, now_ns: int, bid: int, ask: int) -> None:
        """A point, if the last one of this instrument is old enough."""
        if now_ns < self._due_ns.get(instrument, 0):
            return
        self._due_ns[instrument] = now_ns + self._every_ns
        points = self._points.setdefault(instrument, deque(maxlen=self._share))
        points.append(POINT.pack(instrument, now_ns / 1e6, bid, ask))

    def add_worth(self, now_ns: int, value: float) -> bytes:
        """A point of the account's worth."""
        self.worth.append(WORTH.pack(now_ns / 1e6, value))
        return self.worth[-1]

    def add_order(self, record: bytes) -> None:
        """The newest record of an order."""
        client_id = record[CLIENT_ID]
        self.orders[client_id] = record
        if len(self.orders) > ORDERS:
            self._drop_oldest()

    def points(self) -> Iterator[bytes]:
        """Every point, instrument by instrument."""
        for points in self._points.values():
            yield from points

    def _drop_oldest(self) -> None:
        """Drop the oldest order that has ended."""
        oldest = next((one for one, record in self.orders.items() if record[STATE_AT] in DONE_STATES), None)
        if oldest is not None:
            del self.orders[oldest]
