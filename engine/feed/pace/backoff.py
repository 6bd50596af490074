"""When to try again: doubling, bounded, and spread so that many clients do not come back at once."""

import random


class Backoff:
    """A delay that doubles from least to most, drawn from its upper half; the same seed gives the same delays."""

    def __init__(self, least_ns: int, most_ns: int, seed: int) -> None:
        """Begin with the least."""
        self._least_ns, self._most_ns = least_ns, most_ns
        self._random = random.Random(seed)  # noqa: S311 - spreads, hides nothing
        self.failures = 0

    def next_ns(self) -> int:
        """The next delay."""
        bound = min(self._most_ns, self._least_ns << min(self.failures, 40))
        self.failures += 1
        return self._random.randint(bound // 2, bound)

    def reset(self) -> None:
        """Begin anew with the least."""
        self.failures = 0
