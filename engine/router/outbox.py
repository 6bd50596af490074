"""Intents on their way to one account's execution, in the order of their ids.

Execution knows a repeated intent by its id alone, because the ids on a lane rise. So an intent that finds the lane full
is submitted before every later one; and after a death every intent that is not on the lane yet is submitted again, with
the same bytes.
"""

from collections import deque

import shm
from engine.model.codec import Codec
from engine.model.intent_id import count_of
from engine.model.records import INTENT
from engine.router.lanes import AccountLanes

CODEC = Codec(INTENT)
ID_BYTES = 8


class Outbox:
    """The intents to one account."""

    def __init__(self, lanes: AccountLanes) -> None:
        """Find the newest intent on the lane."""
        self._publish = lanes.routed.publish_bytes
        self._waiting: deque[bytes] = deque()
        self._newest = 0  # its count: the counts rise over all strategies
        while (row := lanes.sent.read()) is not None:
            if not isinstance(row, shm.Lapped):
                self._newest = count_of(row.intent_id)

    @property
    def waiting(self) -> int:
        """How many wait for room."""
        return len(self._waiting)

    def submit(self, intent: bytes) -> None:
        """Submit a new intent."""
        self._waiting.append(intent)
        self.flush()

    def has(self, intent_id: int) -> bool:
        """Whether the former life has submitted an intent to this lane."""
        return count_of(intent_id) <= self._newest

    def submit_again(self, intent: bytes) -> None:
        """After a death: submit an intent that the former life may have submitted."""
        if not self.has(int.from_bytes(intent[:ID_BYTES], "little")):
            self.submit(intent)

    def flush(self) -> None:
        """Publish what waits, as far as the lane has room."""
        while self._waiting and self._publish(self._waiting[0]):
            self._waiting.popleft()
