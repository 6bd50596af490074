"""What every test of shared memory needs: a lane of its own name, removed afterwards, and a printed seed."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from shm import segment


@pytest.fixture
def lane() -> Iterator[str]:
    """A unique name; every segment with it is removed afterwards."""
    system = f"test{os.getpid()}"
    yield f"{system}.lane"
    for path in Path(segment.DIRECTORY).glob(f"{segment.PREFIX}{system}.*"):
        path.unlink()


@pytest.fixture
def chance() -> random.Random:
    """Randomness that can be had again: STEELYARD_SEED sets it, a failure shows it."""
    seed = int(os.environ.get("STEELYARD_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"STEELYARD_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    return random.Random(seed)
