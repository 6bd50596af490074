"""The pause before a retry: doubled, bounded, and random, so that many clients do not reconnect at the same moment."""

import random


class Backoff:
    """A delay that doubles from the least to the most, random in its upper half; equal seeds give equal delays."""

    def __init__(self, least_ns: int, most_ns: int, seed: int) -> None:
        """Begin with the least delay."""
        self._least_ns, self._most_ns = least_ns, most_ns
        self._random = random.Random(seed)  # noqa: S311 - spreads, hides nothing
        self.failures = 0

    def next_ns(self) -> int:
        """Count a failure and return the delay before the next attempt."""
        bound = min(self._most_ns, self._least_ns << min(self.failures, 40))
        self.failures += 1
        return self._random.randint(bound // 2, bound)

    def reset(self) -> None:
        """Begin again with the least delay."""
        self.failures = 0
