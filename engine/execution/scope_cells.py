"""Publishes the cells `scope_halts`: halted scopes with the progress of a flattening, and scopes of tripped breakers.

The first cells hold the scopes in the order in which they were halted; the first empty cell ends the list.
"""

from engine.execution.breakers import Breakers
from engine.execution.flatten.flatten import Flatten
from engine.execution.notices import cut
from engine.execution.scopes import Scopes
from engine.execution.trips import text_of
from engine.lanes.ports import CellWriter
from engine.model import records
from engine.model.rows import BreakerRow, ScopeHaltRow
from engine.model.scope import Held, Scope
from engine.model.words import FlattenState, HaltReason

TEXT = records.SCOPE_HALT.fields[-1].size
EMPTY = ScopeHaltRow(
    now_ns=0, since_ns=0, account=0, strategy=0, instrument=0, reason=0, state=0, uid=0, orders=0, positions=0, text=b""
)


class ScopeCells:
    """Writes the cells whose contents have changed."""

    def __init__(self, cells: CellWriter, account: int, scopes: Scopes, flatten: Flatten, breakers: Breakers) -> None:
        """Begin with nothing published: each life writes the list once."""
        self._write = cells.write
        self._account = account
        self._scopes = scopes
        self._flatten = flatten
        self._breakers = breakers
        self._published: list[ScopeHaltRow] | None = None

    def write(self, now_ns: int) -> None:
        """Write the list if it has changed since the last call."""
        held, trips = self._scopes.held, self._breakers.trips
        if not held and not trips and not self._published and self._published is not None:
            return
        rows = [self._row(scope, one) for scope, one in held.items()]
        rows += [self._trip(scope, row) for scope, row in trips.items() if scope not in held]
        before = self._published
        if rows == before:
            return
        self._published = rows
        for index, row in enumerate((*rows, EMPTY)):
            if before is None or index >= len(before) or index >= len(rows) or row != before[index]:
                self._write(index, *row._replace(now_ns=now_ns))

    def _row(self, scope: Scope, held: Held) -> ScopeHaltRow:
        """The record of one scope, without its time."""
        one = self._flatten.of(scope, held) if held.flattens else None
        trip = self._breakers.trips.get(scope)
        why = "" if trip is None else text_of(trip)
        state, text = (FlattenState.NONE, why) if one is None else (one.state, one.text)
        orders, positions = (0, 0) if one is None else (one.orders, one.positions)
        return EMPTY._replace(
            since_ns=held.since_ns, account=scope.account, strategy=scope.strategy, instrument=scope.instrument,
            reason=held.reason, state=state, uid=held.uid, orders=orders, positions=positions, text=cut(text, TEXT),
        )  # fmt: skip

    def _trip(self, scope: Scope, row: BreakerRow) -> ScopeHaltRow:
        """The record of a scope that sends exits only, because a breaker has tripped."""
        return EMPTY._replace(
            since_ns=row.since_ns, account=scope.account, strategy=scope.strategy, reason=HaltReason.BREAKER,
            text=cut(text_of(row), TEXT),
        )  # fmt: skip
