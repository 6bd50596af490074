"""The world with an operator: commands reach COMMANDS, the cell HALT and the files as the supervisor writes them.

    operator ─ drawn ─▶ Halt, Settings (engine/supervisor), which die at any write, and start again from their files
                           └▶ COMMANDS, HALT ─▶ execution and the strategies, which die as in every world

Always    `scope_watch`: nothing leaves while it is halted, and FLAT is true
At the end, after the faults:
          a flattening of the whole system becomes FLAT; every command was followed once, in the order in which it was
          given; every role trades by the values that are set; nothing is halted after the last RESUME
"""

from collections.abc import Callable, Iterable, Mapping
from random import Random
from types import MappingProxyType

from engine.chaos.invariants import HaltWatch
from engine.chaos.mortality import Fuse, Killed, Mortal
from engine.chaos.roles import VENUE
from engine.chaos.scope_watch import FlatWatch, HeldScopes, ScopeWatch
from engine.chaos.system_file import write_file
from engine.chaos.world import ACCOUNT, CALM, MS, SECOND_NS, Mishaps, World
from engine.control import Peer
from engine.execution.journal.journal import read_journal
from engine.execution.orders import codec
from engine.execution.role import Execution
from engine.loopback.binance.faults import Faults
from engine.model.scope import WHOLE, Held, Scope
from engine.model.words import DONE_STATES, CommandKind, HaltReason, JournalKind
from engine.strategy.api.strategy import Strategy
from engine.supervisor.halt import Halt
from engine.supervisor.settings import Settings

MISHAPS = Mishaps(death_ns=2 * SECOND_NS, halt_ns=0)
COMMAND_NS = 250 * MS  # the mean time between two commands that halt, cancel, flatten or set
RESUME_NS = 250 * MS  # that between two resumes while something is halted
DEATH_NS = SECOND_NS  # that between two deaths of the supervisor
FLAT_LIMIT_NS = 90 * SECOND_NS  # FLAT can wait for the next comparison of the balances, which are listed every 60 s
SUPERVISOR, OPERATOR = Peer(1, 0), Peer(2, 0)  # fixed numbers, because records hold them
SIZES = ("0.01", "0.02", "0.03")
RATES = (200, 300, 400)


class CommandedWorld(World):
    """The world with the supervisor's real halt and settings, and an operator who uses them."""

    on_death: Mapping[str, str] = MappingProxyType({})  # of the strategies
    tables = ""  # further tables of the file
    command_ns, resume_ns = COMMAND_NS, RESUME_NS
    rates: tuple[int, ...] = RATES  # that the operator sets
    rate = 300  # before he does

    def __init__(self, seed: int, mishaps: Mishaps | None = None) -> None:
        """Nothing was commanded."""
        self._draws = Random(f"operator:{seed}")  # noqa: S311 - a chaos must be repeatable
        self._fuse = Fuse()
        self._back_ns = 0  # when the supervisor starts again; 0: it runs
        self._strategies: dict[str, Strategy] = {}  # of the present lives
        self._in_doubt: frozenset[Scope] = frozenset()  # the scopes of what the supervisor did when it died
        super().__init__(seed, mishaps or MISHAPS)
        self.flat = FlatWatch(self.venue, ACCOUNT, self.instruments)

    def make_strategy(self, name: str) -> Strategy:
        """A strategy, and remember it."""
        self._strategies[name] = super().make_strategy(name)
        return self._strategies[name]

    # The supervisor.

    def _open_supervisor(self) -> None:
        self.config = write_file(self, self.journal.parent, VENUE, self.on_death, self.tables)
        self._start_supervisor()

    def _start_supervisor(self) -> None:
        """Continue from the files, as a new supervisor does."""
        self.office = Halt(self.config, self.now_ns, SUPERVISOR)
        self.office.step(self.now_ns)
        self.settings = Settings(self.config, self.office, self.now_ns)
        self._begin_life()

    def _begin_life(self) -> None:
        """The supervisor runs, and dies at its writes."""
        self.office.commands = Mortal(self.office.commands, self._fuse)  # type: ignore[assignment] # has every method
        self.office.cell = Mortal(self.office.cell, self._fuse)  # type: ignore[assignment] # as above
        self._in_doubt, self._back_ns = frozenset(), 0

    def _close_supervisor(self) -> None:
        if not self._back_ns:
            self.office.close()

    def _make_watch(self) -> HaltWatch:
        return ScopeWatch(self.instruments, self.held, lambda: self._in_doubt)

    def held(self) -> HeldScopes:
        """What the supervisor has halted, without the scope of a command that its death cut off."""
        whole = {WHOLE: Held(self.office.since_ns, self.office.reason, 0, self.office.reason is HaltReason.FLATTEN)}
        found = {**self.office.scopes.held, **(whole if self.office.halted else {})}
        return {scope: one for scope, one in found.items() if scope not in self._in_doubt}

    # The turns.

    def turn(self) -> None:
        """One turn, and what execution shows of flattenings."""
        super().turn()
        assert isinstance(self.halt, ScopeWatch)
        if any(one.flattens for one in self.halt.scopes.values()):
            self._flat_now()

    def _flat_now(self) -> set[Scope]:
        """The scopes that are flat, each checked."""
        held = {scope: one for scope, one in self.held().items() if one == self.halt.scopes.get(scope)}  # type: ignore[attr-defined]
        rows = self.lanes.cells("scope_halts", len(held) + 1)
        flat = self.flat.check(rows, held)
        self.counts["turns_flat"] += len(flat)
        return flat

    def _draw_mishaps(self) -> None:
        super()._draw_mishaps()
        if self.mishaps is CALM:
            return
        if self._back_ns:
            if self.now_ns >= self._back_ns:
                self._start_supervisor()
            return
        if self._occurs(DEATH_NS):
            self._fuse.light(self._draws.randrange(1, 8))
        if self._occurs(self.command_ns):
            self._command_drawn()
        if self.held() and self._occurs(self.resume_ns):
            self._do(CommandKind.RESUME, self._draws.choice(sorted(self.held())))
        self._settings_step()

    def _occurs(self, mean_ns: int) -> bool:
        """As `_happens`, from the operator's own draws."""
        return self._draws.randrange(mean_ns) < MS

    def _settings_step(self) -> None:
        if self._back_ns:
            return
        try:
            self.settings.step(self.now_ns)
        except Killed:
            self._on_end(())

    def _command_drawn(self) -> None:
        kinds = (CommandKind.HALT, CommandKind.FLATTEN, CommandKind.CANCEL, CommandKind.CANCEL_ALL, CommandKind.SET)
        self._do(self._draws.choice(kinds), self._draws.choice(self._scopes()))

    def _scopes(self) -> list[Scope]:
        strategies = [Scope(strategy=number) for number in self.strategies.values()]
        return [WHOLE, Scope(account=1), *strategies, *(Scope(instrument=one.id) for one in self.instruments)]

    def _do(self, kind: CommandKind, scope: Scope) -> None:
        """Have the supervisor carry out one command, if it lives; it may die at it."""
        if self._back_ns:
            return
        self.counts[f"commands_{kind.name.lower()}"] += 1
        try:
            self._carry_out(kind, scope)
        except Killed:
            self._on_end((scope,))

    def _on_end(self, in_doubt: Iterable[Scope]) -> None:
        """The supervisor has died at a command for these scopes; the kernel frees its locks."""
        self.counts["deaths_of_the_supervisor"] += 1
        self._fuse.light(0)
        self.office.commands.close()
        self.office.cell.close()
        self._in_doubt, self._back_ns = frozenset(in_doubt), self.now_ns + self._draws.randrange(5 * MS, 300 * MS)

    def _carry_out(self, kind: CommandKind, scope: Scope) -> None:
        office, now_ns = self.office, self.now_ns
        if kind in (CommandKind.HALT, CommandKind.FLATTEN):
            self._halt(scope, flattens=kind == CommandKind.FLATTEN)
        elif kind == CommandKind.CANCEL_ALL:
            office.cancel_all(now_ns, OPERATOR, scope)
        elif kind == CommandKind.CANCEL:
            self._cancel()
        elif kind == CommandKind.SET:
            self._set()
        elif scope.whole:
            office.resume(now_ns, OPERATOR, now_ns)
        else:
            office.resume_scope(now_ns, OPERATOR, scope)

    def _halt(self, scope: Scope, *, flattens: bool) -> None:
        reason = HaltReason.FLATTEN if flattens else HaltReason.OPERATOR
        if scope.whole:
            self.office.halt(self.now_ns, OPERATOR, reason)
        else:
            self.office.halt_scope(self.now_ns, OPERATOR, scope, reason, flattens=flattens)

    def _cancel(self) -> None:
        """Cancel one of the open orders."""
        found = [row.intent_id for row in self.invariants.orders.values() if row.state not in DONE_STATES]
        if found:
            self.office.cancel(self.now_ns, OPERATOR, self._draws.choice(found))

    def _set(self) -> None:
        """Set a limit, or a strategy's size."""
        owner = self._draws.choice(("risk", *self.strategies))
        values = (
            {"max_order_rate_per_min": self._draws.choice(self.rates)}
            if owner == "risk"
            else {"size": self._draws.choice(SIZES)}
        )
        self.settings.change(owner, values, (), (), OPERATOR, self.now_ns)

    # The end.

    def settle(self) -> None:
        """End the faults, flatten and confirm it, resume, and go on as every world."""
        self.mishaps, self.venue.faults = CALM, Faults()
        self._fuse.light(0)
        if self._back_ns:
            self._start_supervisor()
        self._resume_all()
        self._turn_until(lambda: all(slot.role is not None for slot in self.slots), "every role lives")
        self._do(CommandKind.FLATTEN, WHOLE)
        self._turn_until(lambda: WHOLE in self._flat_now(), "the system is flat")
        self._resume_all()
        super().settle()

    def _turn_until(self, holds: Callable[[], bool], what: str) -> None:
        """Turn until it holds."""
        limit_ns = self.now_ns + FLAT_LIMIT_NS
        self.turn()
        while not holds():
            assert self.now_ns < limit_ns, (
                f"not after {FLAT_LIMIT_NS} ns: {what}; {list(self.lanes.cells('scope_halts', 4))}"
            )
            self.turn()

    def _resume_all(self) -> None:
        for scope in self._scopes():
            self._do(CommandKind.RESUME, scope)

    def _command(self, kind: CommandKind) -> None:
        """The last RESUME of every world."""
        assert kind == CommandKind.RESUME, kind
        self._do(kind, WHOLE)

    def check_end(self) -> None:
        """Check the commands as well."""
        for name, strategy in self._strategies.items():
            self._check_parameters(name, strategy)
        super().check_end()
        self._check_followed()
        for slot in self.slots:
            if isinstance(slot.role, Execution):
                self._check_gate(slot.role)

    def _check_followed(self) -> None:
        """Execution's journal has every command once, in the order of COMMANDS."""
        given = [(row.kind, row.target_id, *Scope.of(row)) for row in self._recorded["commands"][1]]
        rows = [
            codec.FOLLOWED.unpack(one.payload) for one in read_journal(self.journal) if one.kind == JournalKind.FOLLOWED
        ]
        followed = [(row.kind, row.target_id, *Scope.of(row)) for row in rows]
        assert [row.cursor for row in rows] == list(range(1, len(given) + 1)), "a command was lost or followed twice"
        assert followed == given, "another command was followed than was given"
        self.counts["commands_followed"] = len(rows)

    def _check_gate(self, role: Execution) -> None:
        """Nothing is halted, and the limits are those that are set."""
        gate = role.gate
        halted = (gate.halted, gate.account_halted, gate.halted_strategies, gate.halted_instruments)
        assert not any(halted), f"halted after the last RESUME: {halted}"
        wanted = self.settings.status().get("risk", {"values": {}})["values"].get("max_order_rate_per_min")
        found = gate.limits.max_order_rate_per_min
        assert found == (wanted["value"] if wanted else self.rate), f"the rate is {found}, set is {wanted}"

    def _check_parameters(self, name: str, strategy: Strategy) -> None:
        """A strategy trades by what is set for it."""
        wanted = self.settings.status().get(name, {"values": {}})["values"].get("size")
        found = strategy.parameters.size
        assert found == (wanted["value"] if wanted else "0.01"), f"{name} has size {found}, set is {wanted}"
