"""Records whose every byte follows from their sequence and their writer's life: a torn one cannot pass."""

from typing import Any

import numpy as np

from shm import Record

HASHED = Record("hashed", 64, {"sequence": "u8", "life": "u8", "words": "6u8"})
STEPS = np.arange(1, 7, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
Records = np.ndarray[Any, np.dtype[np.void]]


def made(first: int, count: int, life: int = 0) -> Records:
    """`count` records from a sequence on, as a life of the writer writes them."""
    records = np.zeros(count, HASHED.dtype)
    records["sequence"] = np.arange(count, dtype=np.uint64) + np.uint64(first)
    records["life"] = life
    records["words"] = words_of(records)
    return records


def words_of(records: Records) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return the words that belong to each record's sequence and life."""
    seeds = (records["sequence"] ^ (records["life"] << np.uint64(40)))[:, None] + STEPS
    mixed: np.ndarray[Any, np.dtype[np.uint64]] = (seeds ^ (seeds >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed


def wrong(records: Records, first: int) -> int:
    """How many records are not the ones that belong at these sequences, or not whole."""
    sequences = np.arange(len(records), dtype=np.uint64) + np.uint64(first)
    good = (records["sequence"] == sequences) & (records["words"] == words_of(records)).all(axis=1)
    return int(len(records) - good.sum())
