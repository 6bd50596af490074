"""What a strategy's callback costs: a bare hook as its file and compiled, and what saving a state adds to a step.

    python -m bench.strategy [--json] [--quick]

callback   `on_book` with one line, called by a loop in C; the loop's own cost, with a function of C, is subtracted. The
           same file is compiled by `engine-ctl strategy build`. Rounds are interleaved, the figures are medians
save       a step of the role with one book, of the same class with and without `save` of ten numbers, in turns; the
           lanes are those of this process's memory, whose cells are written in Python: an upper bound
"""

import importlib
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.command import output, parser_of
from bench.machine import describe
from engine.strategy.api.strategy import Strategy
from engine.strategy.compiled import build
from engine.strategy.harness import BITCOIN, Harness

CALLS, QUICK_CALLS = 1_000_000, 50_000
STEPS, QUICK_STEPS = 2_000, 200
ROUNDS, QUICK_ROUNDS = 15, 3
SOURCE = """
from engine.strategy import Strategy

class Bare(Strategy):
    seen = None

    def on_book(self, book):
        self.seen = book
"""
BOOK = {"bids": [("60000.00", "9")], "asks": [("60000.01", "1")]}


class Plain(Strategy):
    """Sees a book."""

    state = tuple(range(10))

    def on_book(self, book: Any) -> None:
        """See it."""
        self.seen = book


class Saving(Plain):
    """The same, and saves ten numbers after each step."""

    def save(self) -> Any:
        """Ten numbers."""
        return self.state

    def load(self, state: Any) -> None:
        """Ten numbers."""
        self.state = state


def call_ns(function: Callable[[Any], Any], calls: int) -> float:
    """Nanoseconds of a call from a loop in C."""
    begin = time.perf_counter_ns()
    deque(map(function, repeat(None, calls)), maxlen=0)
    return (time.perf_counter_ns() - begin) / calls


def step_ns(harness: Harness, steps: int) -> float:
    """Nanoseconds of a step with a book, with what publishes the book."""
    begin = time.perf_counter_ns()
    for _ in range(steps):
        harness.book(**BOOK)
    return (time.perf_counter_ns() - begin) / steps


def hooks() -> dict[str, Callable[[Any], Any]]:
    """The hook of the file, of the compiled file, and a function of C that does nothing."""
    with tempfile.TemporaryDirectory() as place:
        for name in ("bare_file", "bare_compiled"):
            (Path(place) / f"{name}.py").write_text(SOURCE)
        build(Path(place) / "bare_compiled.py")
        sys.path.insert(0, place)
        made = {
            name: importlib.import_module(name).Bare((BITCOIN,), None).on_book
            for name in ("bare_file", "bare_compiled")
        }
        sys.path.remove(place)
    return {"loop": bool, "python": made["bare_file"], "compiled": made["bare_compiled"]}


def measure(calls: int, steps: int, rounds: int) -> dict[str, Any]:
    """The figures of interleaved rounds."""
    called, harnesses = hooks(), {kind: Harness(kind, {}) for kind in (Plain, Saving)}
    of_calls: dict[str, list[float]] = {name: [] for name in called}
    added: list[float] = []
    for _ in range(rounds):
        for name, function in called.items():
            of_calls[name].append(call_ns(function, calls))
        plain, saving = (step_ns(harness, steps) for harness in harnesses.values())
        added.append(saving - plain)
    loop = statistics.median(of_calls["loop"])
    found = {
        f"callback_{name}_ns": round(statistics.median(of_calls[name]) - loop, 1) for name in ("python", "compiled")
    }
    quarters = statistics.quantiles(added, n=4)
    return {**found, "save_ns": round(quarters[1]), "save_spread_ns": round(quarters[2] - quarters[0])}


def show(found: dict[str, Any]) -> None:
    """The figures as text."""
    print(f"a bare callback: {found['callback_python_ns']} ns as a file, {found['callback_compiled_ns']} ns compiled")
    print(f"save of ten numbers after a step: {found['save_ns']} ns (quartiles {found['save_spread_ns']} ns apart)")


def main() -> None:
    """Measure and print."""
    options = parser_of("strategy", __doc__, "short rounds, to see that it runs").parse_args()
    quick = options.quick
    figures = measure(
        QUICK_CALLS if quick else CALLS, QUICK_STEPS if quick else STEPS, QUICK_ROUNDS if quick else ROUNDS
    )
    output({"machine": describe(), **figures}, options, show)


if __name__ == "__main__":
    main()
