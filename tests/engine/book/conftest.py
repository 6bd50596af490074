"""A seed for every run."""

import os
import random

import pytest


@pytest.fixture
def seed() -> int:
    """A seed of its own for each run; printed, and set by STEELYARD_SEED to have a run again."""
    chosen = int(os.environ.get("STEELYARD_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print(f"STEELYARD_SEED={chosen}")  # noqa: T201
    return chosen
