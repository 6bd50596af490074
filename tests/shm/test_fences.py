"""The fences are where the protocol needs them: on x86-64 no run would fail without one."""

import re
from pathlib import Path

import pytest

HEADER = (Path(__file__).parents[2] / "shm" / "ring.h").read_text()


def body(function: str) -> str:
    """Return the text of one inline function of the header."""
    found = re.search(rf"^static inline [^;\n]*\b{function}\([^)]*\) {{\n(.*?)^}}", HEADER, re.MULTILINE | re.DOTALL)
    assert found, function
    return found.group(1)


@pytest.mark.parametrize(
    ("function", "steps"),
    [
        ("sy_begin", ["atomic_thread_fence(memory_order_release)"]),
        ("sy_publish", ["w->cursor, w->next, memory_order_release"]),
        ("sy_available", ["r->cursor, memory_order_acquire"]),
        ("sy_overwritten", ["atomic_thread_fence(memory_order_acquire)", "r->cursor, memory_order_relaxed"]),
        ("sy_cell_begin", ["memory_order_relaxed", "atomic_thread_fence(memory_order_release)", "sy_cell_slot"]),
        ("sy_cell_commit", ["memory_order_release"]),
        ("sy_cell_read", ["cursor, memory_order_acquire", "sy_copy(", "atomic_thread_fence(memory_order_acquire)",
                          "cursor, memory_order_relaxed"]),
    ],
)  # fmt: skip
def test_each_order_of_the_protocol_is_written_down(function: str, steps: list[str]) -> None:
    """A fence that a clean-up removed would fail on ARM, in trading; the text fails here."""
    at = 0
    for step in steps:
        at = body(function).find(step, at)
        assert at >= 0, f"{function}: {step}"


def test_both_ways_of_publishing_begin_with_the_fence() -> None:
    """The fence lies before the first byte of a record."""
    face = (Path(__file__).parents[2] / "shm" / "writer.h").read_text()
    assert len(re.findall(r"sy_begin\(&self->w\);\n\s+sy_copy\(sy_slot", face)) == 2
