"""A supervisor of tiny roles for each test."""

from collections.abc import Iterator

import pytest

from tests.engine.conftest import Write
from tests.engine.supervisor.house import House


@pytest.fixture
def house(write: Write) -> Iterator[House]:
    """Two tiny roles, each in its process; their module is an author's, so no template imports it before the fork."""
    made = House(write())
    yield made
    made.sweep()
