"""The scopes that are halted: this account, a strategy or an instrument, and every scope that is being flattened.

    HALT of a scope      ─▶ held ─▶ the gate refuses its new orders, exits too; its open orders are cancelled
    FLATTEN of a scope   ─▶ held, flattens ─▶ the same, and `flatten/` closes its positions
    RESUME of a scope    ─▶ no longer held

A halt of the whole system is no scope: it is `gate.halted`. A flattening of the whole system is the scope `WHOLE`
beside it. The journal has every command (FOLLOWED), so a scope is held over every restart until its RESUME. The end of
the system's halt ends no other scope.
"""

from collections.abc import Collection, Mapping

from engine.execution.intents.desk import Desk
from engine.model.scope import Held, Scope
from engine.risk.gate import RiskGate


class Scopes:
    """The halted scopes of one execution."""

    def __init__(self, account: int, instruments: Collection[int], gate: RiskGate, desk: Desk) -> None:
        """Begin with nothing halted, for the account of this number and its instruments."""
        self.held: dict[Scope, Held] = {}
        self.flattening: dict[Scope, Held] = {}
        self._account = account
        self._instruments = instruments
        self._gate = gate
        self._desk = desk

    def concerns(self, scope: Scope) -> bool:
        """Whether something of this execution is in the scope: every execution reads every command."""
        return scope.account in (0, self._account) and scope.instrument in (0, *self._instruments)

    def restore(self, held: Mapping[Scope, Held]) -> None:
        """Continue what the journal has."""
        self.held.update(held)
        self._apply()

    def cancel(self, now_ns: int) -> None:
        """Cancel what is open in a halted scope: the former life may have died before its cancels left."""
        for scope in self.held:
            self._desk.cancel_all(now_ns, scope.strategy, scope.instrument)

    def halt(self, scope: Scope, held: Held, now_ns: int) -> None:
        """Refuse the scope's new orders, and cancel its open ones."""
        self.held[scope] = held
        self._apply()
        self._desk.cancel_all(now_ns, scope.strategy, scope.instrument)

    def resume(self, scope: Scope) -> None:
        """Accept the scope's orders again, unless another halted scope has them."""
        if self.held.pop(scope, None) is not None:
            self._apply()

    def _apply(self) -> None:
        """Set the gate by the scopes that are held."""
        gate = self._gate
        gate.account_halted = max((scope.account for scope in self.held), default=0)
        _fill(gate.halted_strategies, {scope.strategy for scope in self.held if scope.strategy})
        _fill(gate.halted_instruments, {scope.instrument for scope in self.held if scope.instrument})
        self.flattening = {scope: one for scope, one in self.held.items() if one.flattens}


def _fill(found: set[int], wanted: set[int]) -> None:
    """Change a set in place, because the gate keeps it."""
    found.clear()
    found.update(wanted)
