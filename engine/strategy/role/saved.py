"""A strategy's own state: saved after each of its steps, and loaded by the next life of the same run.

    a step:       hooks, intents ─▶ STEP ─▶ `save()` ─▶ the cell STATES: the state, and the cursors it includes
    a new life:   on_start ─▶ `load(state)` ─▶ on_refusal, on_fill, on_order of what those cursors do not include

State and cursors are one cell, and a cell is written whole or not at all. So whatever kills the process, each fill is
in the state once: it is in the saved state, or its hook is called again after `load`. A step that was cut off may have
submitted intents before it was saved: until the last of these hooks has returned, no new order is accepted.

The declared indicators of a strategy are in its state, with the cursor of BARS up to which they have read. The next
life reads the bars since then into them, without a call of `on_bar`.

Books and prints of that time are not shown again. A state is loaded only by the same code, parameters, instruments and
lanes: a new run has new lanes. Otherwise, and where records since then are lost, the strategy begins without one, and
the log has the reason.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

import shm
from engine.model.intent_id import is_routed
from engine.model.records import STATE_BYTES, STATE_CURSORS
from engine.model.words import FillFlag, VerdictFlag
from engine.strategy import code
from engine.strategy.api.ledger import Ledger
from engine.strategy.api.strategy import Strategy, saves
from engine.strategy.inputs import inputs_declared
from engine.strategy.inputs.values import inputs_of
from engine.strategy.role.lanes import StrategyLanes
from engine.strategy.role.recovery import fold

if TYPE_CHECKING:
    from engine.model.rows import StateRow

LOG = logging.getLogger("engine.strategy")
PARTS = ("code", "parameters", "lanes")
HALF = (1 << 32) - 1


class Missed(NamedTuple):
    """A record that the saved state does not include, with the hook for it and what the hook gets."""

    lane: str
    row: Any
    hook: Callable[[Any], None]
    argument: Any


class Saved:
    """The saved states of one strategy."""

    def __init__(self, name: str, number: int, strategy: Strategy, lanes: StrategyLanes) -> None:
        """Save and load the states of this strategy; `lanes.states` is its cell."""
        self._name, self._number, self._strategy, self._lanes = name, number, strategy, lanes
        self._readers = (*lanes.verdicts, *lanes.orders, *lanes.fills)
        self._has_inputs = bool(inputs_declared(type(strategy)))
        self._encode = msgspec.msgpack.Encoder().encode
        self._marks = marks_of(name, strategy, b"".join(reader.stream for reader in self._readers))

    def save(self, now_ns: int) -> None:
        """Write the state after a step, with the cursors of the records that it includes."""
        assert self._lanes.states is not None, "a strategy that saves has no lane for it"
        data = self._encode(self._state())
        if len(data) > STATE_BYTES:
            name, parts = type(self._strategy).__name__, " and its declared indicators" if self._has_inputs else ""
            msg = f"{name}.save(){parts} gave {len(data)} bytes, expected {STATE_BYTES} at most"
            raise ValueError(f"{msg}: keep less in the state")
        cursors = [reader.cursor for reader in self._readers]
        if self._has_inputs:
            cursors.append(self._bars.cursor)
        cursors += [0] * (STATE_CURSORS - len(cursors))
        self._lanes.states.write(0, now_ns, *self._marks, len(data), len(self._readers), tuple(cursors), data)

    def _state(self) -> Any:
        """The strategy's state; of one with declared indicators, theirs too."""
        state = self._strategy.save()
        return [state, inputs_of(self._strategy).save()] if self._has_inputs else state

    @property
    def _bars(self) -> Any:
        assert self._lanes.bars is not None, "a strategy with declared indicators reads BARS"
        return self._lanes.bars

    def find(self) -> "StateRow | None":
        """The state that this life may load, after recovery has read every record; None: it begins without one."""
        assert self._lanes.states is not None, "a strategy that saves has no lane for it"
        row: StateRow | None = self._lanes.states.read(0)
        if row is None:
            return None
        marks = (row.code, row.parameters, row.lanes)
        other = [part for part, found, ours in zip(PARTS, marks, self._marks, strict=True) if found != ours]
        lost = not other and any(reader.oldest > cursor for reader, cursor in self._cursors_of(row).items())
        if other or lost:
            why = f"it was saved with other {' and '.join(other)}" if other else "records since then are lost"
            LOG.warning("its saved state is not loaded: %s", why, extra={"strategy": self._name})
            return None
        return row

    def load(self, row: "StateRow") -> None:
        """Give a state to the strategy, as its class declares it."""
        kind: Any = self._strategy.State
        kind = tuple[kind, dict[str, list[bytes]]] if self._has_inputs else kind
        state = msgspec.msgpack.decode(row.data[: row.size], type=kind)
        if self._has_inputs:
            state, inputs = state
            inputs_of(self._strategy).load(inputs)
        if saves(type(self._strategy)):
            self._strategy.load(state)
        LOG.info("its saved state is loaded", extra={"strategy": self._name, "saved_ns": row.now_ns})

    def read_bars(self, row: "StateRow") -> bool:
        """Update the declared indicators by the bars since a state; False where they are lost."""
        if not self._has_inputs:
            return True
        end, self._bars.cursor = self._bars.cursor, row.cursors[row.lane_count]
        inputs, whole = inputs_of(self._strategy), True
        while whole and self._bars.cursor < end:
            bar = self._bars.read()
            whole = bar is not None and not isinstance(bar, shm.Lapped)
            if whole:
                inputs.add(bar)
        if not whole:
            inputs.reset()
        self._bars.cursor = end
        return whole

    def missed(self, state: "StateRow") -> Iterator[Missed]:
        """The records after the state's cursors up to where recovery has read: refusals, fills, orders, as in a step.

        The ledger of the role has all of them already: another one finds repeated fills, and gives each
        order as it was at its record.
        """
        ledger, begin = Ledger(self._number, self._strategy.instruments), self._cursors_of(state)
        for reader in self._lanes.verdicts:
            for sequence, row in self._own(reader, "verdicts"):
                if sequence >= begin[reader] and row.reason and not row.flags & VerdictFlag.CHILD:
                    yield Missed("verdicts", row, self._strategy.on_refusal, row)
        for reader in self._lanes.fills:
            for sequence, row in self._own(reader, "fills"):
                if ledger.fill(row) and sequence >= begin[reader] and not row.flags & FillFlag.OPENING:
                    yield Missed("fills", row, self._strategy.on_fill, row)
        for reader in self._lanes.orders:
            for sequence, row in self._own(reader, "orders"):
                order = ledger.change(row)
                if sequence >= begin[reader]:
                    yield Missed("orders", row, self._strategy.on_order, order)

    def _cursors_of(self, state: "StateRow") -> dict[Any, int]:
        """By reader, the cursor that a state includes."""
        return dict(zip(self._readers, state.cursors[: state.lane_count], strict=True))

    def _own(self, reader: Any, lane: str) -> list[tuple[int, Any]]:
        """The strategy's own records of a lane up to where recovery has read it, with their sequences."""
        end, rows = reader.cursor, []

        def add(row: Any) -> None:
            if row.strategy == self._number and (lane == "fills" or not is_routed(row.intent_id)):
                rows.append((reader.cursor - 1, row))

        fold(reader, lane, add)
        reader.cursor = end
        return [(sequence, row) for sequence, row in rows if sequence < end]


def marks_of(name: str, strategy: Strategy, streams: bytes) -> tuple[int, int, int]:
    """What a state belongs to: the code, the parameters with the instruments, and the lanes of one run."""
    chosen = msgspec.json.encode([name, msgspec.to_builtins(strategy.parameters), sorted(strategy.instruments)])
    return _mark(code.files(type(strategy))), _mark(chosen), _mark(streams)


def version_of(name: str, strategy: Strategy) -> int:
    """What a STEP is of: a hash of the code in the lower 32 bits, of the parameters and instruments in the upper."""
    of_code, of_parameters, _ = marks_of(name, strategy, b"")
    return of_code & HALF | (of_parameters & HALF) << 32


def _mark(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
