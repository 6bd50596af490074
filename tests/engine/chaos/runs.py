"""One whole run of a world of the chaos."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar


class Runs(Protocol):
    """A world that checks its own end."""

    def run(self, seconds: float) -> None:
        """Turn for this time, with faults."""

    def settle(self) -> None:
        """Turn without faults until nothing is open."""

    def check_end(self) -> None:
        """Check what must hold at the end."""

    def close(self) -> None:
        """Remove its files."""


World = TypeVar("World", bound=Runs)


@contextmanager
def opened(make: Callable[[int], World], seed: int) -> Iterator[World]:
    """The world of this seed, closed in every case."""
    print(f"seed {seed}")  # noqa: T201 - to run it again
    made = make(seed)
    try:
        yield made
    finally:
        made.close()


def run_whole(make: Callable[[int], World], seed: int, seconds: float) -> World:
    """A whole run with its end checked."""
    with opened(make, seed) as made:
        made.run(seconds)
        made.settle()
        made.check_end()
    return made
