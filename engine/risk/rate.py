"""How many requests left in the last minute: a sliding window, not a bucket that refills at the full minute."""

from collections import deque


class SlidingRate:
    """At most `limit` marks in any `window_ns`."""

    __slots__ = ("_marks", "limit", "window_ns")

    def __init__(self, limit: int, window_ns: int) -> None:
        """Begin with an empty window."""
        self.limit = limit
        self.window_ns = window_ns
        self._marks: deque[int] = deque()

    def count(self, now_ns: int) -> int:
        """Marks still inside the window that ends at this time."""
        marks, edge = self._marks, now_ns - self.window_ns
        while marks and marks[0] <= edge:
            marks.popleft()
        return len(marks)

    def mark(self, now_ns: int) -> None:
        """One more request left."""
        self._marks.append(now_ns)
