"""Roles that fail an assert on one record, in every life: as a bug in the desk, an algorithm or a kernel would."""

from pathlib import Path
from typing import Any

import numpy as np

from engine.aggregation import build as build_market
from engine.execution.algorithms.chase import Chase
from engine.execution.build import build as build_execution
from engine.execution.intents.desk import Desk
from engine.execution.orders.blotter import Blotter
from engine.model.records import TICK
from engine.model.text import shown
from engine.model.words import TickKind

STRATEGY, SEQUENCE = 3, 0  # the poisoned record: the first intent of the strategy with this number
INSTRUMENT = 1
FOLLOW, CONSIDER, FILL = Desk.on_record, Chase.on_book, Blotter.fill


def on_record(desk: Desk, data: bytes, sequence: int, strategy: int, now_ns: int) -> None:
    """Fail on the poisoned record, and follow every other."""
    assert (strategy, sequence) != (STRATEGY, SEQUENCE), "the poisoned record"
    FOLLOW(desk, data, sequence, strategy, now_ns)


def on_book(chase: Chase, now_ns: int) -> None:
    """Fail on a parent of the strategy, and follow every other."""
    assert chase.parent.strategy != STRATEGY, "the poisoned parent"
    CONSIDER(chase, now_ns)


def poisons(file: Path, name: str) -> bool:
    """Whether this record is the poisoned one: the first that any life asks about."""
    if not file.exists():
        file.write_text(name)
    return file.read_text() == name


def build(config: Any, name: str) -> Any:
    """An execution with the bug in the desk, as the runtime calls it."""
    Desk.on_record = on_record  # type: ignore[method-assign]
    return build_execution(config, name)


def build_chase(config: Any, name: str) -> Any:
    """An execution with the bug in the algorithm, as the runtime calls it."""
    Chase.on_book = on_book  # type: ignore[method-assign]
    return build_execution(config, name)


def build_fill(config: Any, name: str) -> Any:
    """An execution that fails on one fill, as the runtime calls it."""

    def fill(blotter: Blotter, order: Any, news: Any, now_ns: int) -> None:
        poisoned = order.instrument == INSTRUMENT and poisons(config.paths.state / "poison", shown(news.fill_id))
        assert not poisoned, "the poisoned fill"
        FILL(blotter, order, news, now_ns)

    Blotter.fill = fill  # type: ignore[method-assign]
    return build_execution(config, name)


class PoisonedMerge:
    """The global books' kernel, which fails on one print."""

    def __init__(self, merge: Any, file: Path) -> None:
        """Around the real one."""
        self._merge, self._file = merge, file
        self.at: tuple[str, int, int] | None = None

    def __getattr__(self, name: str) -> Any:
        """All else is the kernel's."""
        return getattr(self._merge, name)

    def apply(self, ticks: Any, first_sequence: int, *more: Any) -> Any:
        """Fail on the poisoned print, and apply every other batch."""
        for place, one in enumerate(np.asarray(ticks).view(TICK.dtype)):
            if one["kind"] == TickKind.PRINT and one["instrument"] == INSTRUMENT:
                self.at = "ticks", first_sequence + place, INSTRUMENT
                assert not poisons(self._file, str(first_sequence + place)), "the poisoned print"
        self.at = None
        return self._merge.apply(ticks, first_sequence, *more)


def build_aggregation(config: Any, name: str) -> Any:
    """An aggregation that fails on one print, as the runtime calls it."""
    role = build_market(config, name)
    role.merge = PoisonedMerge(role.merge, config.paths.state / "poison")  # type: ignore[assignment]
    return role
