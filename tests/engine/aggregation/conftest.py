"""Systems that remove their lanes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.engine.aggregation.hands import System


@pytest.fixture
def make_system() -> Iterator[Callable[..., System]]:
    """Make systems; they are removed behind the test."""
    made: list[System] = []

    def make(**settings: Any) -> System:
        made.append(System(**settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def system(make_system: Callable[..., System]) -> System:
    """A system of three venues that trade one thing."""
    return make_system()
