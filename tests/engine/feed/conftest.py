"""What the tests of the feed share."""

import os
import random

import pytest


@pytest.fixture
def seed() -> int:
    """A seed, printed so that a failure can be had again by setting STEELYARD_SEED."""
    chosen = int(os.environ.get("STEELYARD_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print(f"STEELYARD_SEED={chosen}")  # noqa: T201 - pytest shows it with the failure
    return chosen
