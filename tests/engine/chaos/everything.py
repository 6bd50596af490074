"""The world with everything: all algorithms, kept and native stops, an operator, breakers of each policy, the monitor.

Always    what `commanded.py` checks; a breaker that halts or flattens is a halted scope too, until the operator resumes
          it, and a scope whose breaker refuses entries sends only exits
          the monitor finds no difference: execution and the venue are right, whoever dies
          while the monitor is silent for longer than `LATE_NS`, execution sends only exits
At the end what `commanded.py` checks; no breaker is tripped after the last resume; the monitor's sums are those of the
          fills, and it agrees with execution
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import takewhile
from typing import Any

import orjson

from engine.chaos.commanded import CommandedWorld
from engine.chaos.exits import ExitsOnly
from engine.chaos.invariants import MAKES_ORDERS, HaltWatch
from engine.chaos.mortality import Fuse, Mortal
from engine.chaos.roles import Cleanup
from engine.chaos.scope_watch import HeldScopes, ScopeWatch, owner_of
from engine.chaos.world import EXECUTION, MS, SECOND_NS, Mishaps, RoleSlot
from engine.execution.operator import AWAY_NS, POLL_NS, Heartbeat
from engine.lanes import EXECUTION as EXECUTION_KIND
from engine.lanes import MONITOR, open_lanes
from engine.model.instrument import Instrument
from engine.model.records import HEARTBEAT
from engine.model.scope import Held, Scope
from engine.model.text import shown
from engine.model.words import Agreement, BreakerPolicy, CommandKind, HaltReason, RoleState
from engine.monitor.recount.account import Account
from engine.monitor.recount.balances import Balances
from engine.monitor.recount.build import open_watch_lanes
from engine.monitor.recount.counted import Counted
from engine.monitor.recount.kept import Kept
from engine.monitor.recount.limits import Limits
from engine.monitor.recount.margin import Margin
from engine.monitor.recount.prices import Prices
from engine.monitor.recount.role import Monitor
from engine.monitor.recount.silence import Silence
from engine.monitor.recount.store import Store
from engine.monitor.recount.watch import Subject, Watch
from engine.risk.table import read_risk
from engine.strategy.api.strategy import Strategy
from tests.engine.chaos.asking import AskingAll

LATE_NS, DIFFERS_NS, CHECK_NS, BEAT_NS = 200 * MS, 500 * MS, 50 * MS, 20 * MS
SLACK_NS = 4 * POLL_NS
RATES = (2_000, 3_000, 4_000)
RISK: dict[str, Any] = {
    "max_order_rate_per_min": 3_000, "capital_usd": 10_000, "max_drawdown_pct": "0.0012", "max_daily_loss_usd": 15,
    "max_strategy_drawdown_usd": 4, "max_loss_streak": 3, "max_ack_p99_ms": 150,
    "policies": {"max_drawdown_pct": "cancel", "max_daily_loss_usd": "flatten", "max_strategy_drawdown_usd": "reduce",
                 "max_loss_streak": "flatten", "max_ack_p99_ms": "refuse"},
}  # fmt: skip
HALTS = (BreakerPolicy.CANCEL, BreakerPolicy.FLATTEN)
MISHAPS = Mishaps(death_ns=2 * SECOND_NS, halt_ns=0)


def _toml(table: dict[str, Any], name: str) -> str:
    """A table of the file; its own tables come after its values."""
    plain = "".join(f"{key} = {value!r}\n" for key, value in table.items() if not isinstance(value, dict))
    return f"[{name}]\n{plain}" + "".join(
        _toml(value, f"{name}.{key}") for key, value in table.items() if isinstance(value, dict)
    )


class BreakerWatch(ScopeWatch):
    """A breaker may trip in the middle of a step: what closes then is explained at its end."""

    def __init__(
        self, instruments: Iterable[Instrument], held: Callable[[], HeldScopes],
        doubted: Callable[[], Collection[Scope]], closings: list[tuple[Scope, bytes]],
    ) -> None:  # fmt: skip
        """Add to these closings what no flattening explains."""
        super().__init__(instruments, held, doubted)
        self._closings = closings

    def check_closing(self, found: Iterable[Held], of: Scope, payload: bytes) -> None:
        """Explain it by a flattening, or later."""
        if not self.may_close(found, of):
            self._closings.append((of, payload))


class EverythingWorld(CommandedWorld):
    """The world."""

    attendants = (MONITOR,)
    rates, rate = RATES, RATES[1]
    command_ns, resume_ns = SECOND_NS, 150 * MS  # so that orders are sent most of the time
    tables = _toml(RISK, "risk")
    execution_options = {  # noqa: RUF012 - of this class
        "limits": read_risk(RISK)[0], "risk": RISK, "monitor_late_ns": LATE_NS, "balance_interval_ns": SECOND_NS,
    }  # fmt: skip

    def __init__(self, seed: int, mishaps: Mishaps | None = None) -> None:
        """Neither execution nor the monitor has lived."""
        self._beats: dict[str, Any] = {}
        self._beat_ns: dict[str, int] = {}
        self._beat_counts: Counter[str] = Counter()
        self._closings: list[tuple[Scope, bytes]] = []  # that a breaker of this step must explain
        self._stepped_ns = self._seen_ns = 0  # execution's last step; when it has last found a beat, or has been away
        self._paused = False  # before this step: it polls the heartbeat after the intents that have waited
        self._found = 0  # the number of the monitor's beats that it has found
        self._resumed_ns: dict[Scope, int] = {}
        self._refusing: list[Scope] = []  # whose breaker refuses entries, as execution's last step began
        super().__init__(seed, mishaps or MISHAPS)
        lanes = open_lanes(self.lanes.system, EXECUTION_KIND), open_lanes(self.lanes.system, MONITOR)
        self._beats = {
            name: one.cell_writer("heartbeat") for name, one in zip((EXECUTION, MONITOR), lanes, strict=True)
        }
        self._disagreements = self.lanes.reader("disagreements")
        self._exits = ExitsOnly(self.invariants.holdings, self.instruments)
        self._check_scopes, self.halt.check = self.halt.check, self._check_message  # type: ignore[method-assign]
        self.slots.append(RoleSlot(MONITOR, self._make_monitor))

    def close(self) -> None:
        """Release the heartbeats too."""
        for beats in self._beats.values():
            beats.close()
        super().close()

    def make_strategy(self, name: str) -> Strategy:
        """The taker asks for everything, the maker is as ever."""
        if name != "taker":
            return super().make_strategy(name)
        found = AskingAll(
            tuple(one for one in self.instruments if one.symbol == "ETHUSDT"), AskingAll.Parameters(size="0.01")
        )
        self._strategies[name] = found
        return found

    def make_monitor(self) -> Heartbeat:
        """The monitor's heartbeat, as execution polls it."""
        return Heartbeat(open_lanes(self.lanes.system, EXECUTION_KIND).cell_reader("heartbeat", MONITOR))

    def _make_monitor(self, fuse: Fuse, cleanup: Cleanup) -> Monitor:
        """Build the monitor as its process does."""
        lanes = open_lanes(self.lanes.system, MONITOR)
        opened, cells = open_watch_lanes(lanes, EXECUTION), lanes.cell_reader("balances", EXECUTION)
        written = (opened.monitored, opened.monitored_account, opened.disagreements)
        cleanup.extend(one.close for one in written)
        names = ("monitored", "monitored_account", "disagreements")
        mortal = opened._replace(**{name: Mortal(one, fuse) for name, one in zip(names, written, strict=True)})
        directory, limits = self.journal.parent, Limits(RISK, lanes.ring_reader("commands"))
        store = Store(directory / "monitor.json")
        prices = Prices(self.instruments, RISK, [lanes.cell_reader("book_tops", "feed")])
        kept = store.read().get(EXECUTION, Kept())
        watch = Watch(
            Subject(EXECUTION, self.journal, self.instruments, tuple(self.strategies.values())), mortal,
            Balances(self.instruments, cells, cells.count),
            Account(1, limits, lanes.cell_reader("gate", EXECUTION), prices, Margin({}), kept), prices,
            Silence(EXECUTION, lanes.cell_reader("heartbeat", EXECUTION), LATE_NS),
            Counted(directory / "monitor.1.json", self.journal, self.instruments), DIFFERS_NS,
        )  # fmt: skip
        return Monitor([watch], prices, limits, store, CHECK_NS, lambda: None)

    # The heartbeats.

    def _start(self, slot: RoleSlot) -> None:
        self._beat(slot.name, RoleState.STARTING)
        super()._start(slot)

    def _step(self, slot: RoleSlot) -> None:
        if slot.name == EXECUTION:
            beats, away_ns = self._beat_counts[MONITOR], self.now_ns - self._stepped_ns
            if beats != self._found or away_ns > AWAY_NS:
                self._seen_ns = self.now_ns
            self._paused = away_ns > SLACK_NS
            self._stepped_ns, self._found = self.now_ns, beats
            self._refusing = [scope for scope, _, policy in self._trips() if policy not in HALTS]
            self._closings.clear()
        super()._step(slot)
        if slot.name == EXECUTION:
            self._check_closings()
        if self.now_ns - self._beat_ns.get(slot.name, 0) >= BEAT_NS:
            self._beat(slot.name, RoleState.RUNNING)

    def _beat(self, name: str, state: RoleState) -> None:
        """As the process does after a round."""
        if name not in self._beats:
            return
        self._beat_ns[name] = self.now_ns
        self._beat_counts[name] += 1
        if name == EXECUTION and state == RoleState.STARTING:
            self._seen_ns = self.now_ns
        self._beats[name].write(0, *HEARTBEAT.row(
            beat_ns=self.now_ns, wall_ns=self.now_ns, start_ns=self.now_ns, steps=0, work=0, pid=1, state=state,
            reads=0, lag=0, error_count=0,
        ))  # fmt: skip

    # The breakers.

    def _trips(self) -> Iterator[tuple[Scope, Any, BreakerPolicy]]:
        """What execution shows of tripped breakers, unless the operator has resumed their scope since.

        The text of a scope that is being flattened is the flattening's, without the policy.
        """
        for row in takewhile(lambda row: row.since_ns, self.lanes.cells("scope_halts")):
            if row.reason == HaltReason.BREAKER and row.since_ns > self._resumed_ns.get(Scope.of(row), 0):
                policy = shown(row.text).partition(" (")[2].partition(")")[0].upper()
                yield Scope.of(row), row, BreakerPolicy.__members__.get(policy, BreakerPolicy.FLATTEN)

    def held(self) -> HeldScopes:
        """What the supervisor has halted, and what a breaker has."""
        found = {
            scope: Held(row.since_ns, HaltReason.BREAKER, 0, policy == BreakerPolicy.FLATTEN)
            for scope, row, policy in self._trips()
            if policy in HALTS
        }
        return {**found, **super().held()}

    def _do(self, kind: CommandKind, scope: Scope) -> None:
        if kind == CommandKind.RESUME and not self._back_ns:
            self._resumed_ns[scope] = self.now_ns
        super()._do(kind, scope)

    def _draw_mishaps(self) -> None:
        super()._draw_mishaps()
        trips = sorted({scope for scope, *_ in self._trips()})
        if trips and self._occurs(self.resume_ns):
            self._do(CommandKind.RESUME, self._draws.choice(trips))

    # The invariants.

    def turn(self) -> None:
        """One turn, and the monitor's promises."""
        super().turn()
        found = [shown(row.text) for row in self._disagreements.rows()]
        assert not found, f"the monitor disagrees: {found}"
        self.counts["turns_tripped"] += any(True for _ in self._trips())

    def _check_message(self, payload: bytes) -> None:
        """What execution sends, by the breakers and by the monitor's silence too."""
        self._check_scopes(payload)
        if self._refusing and any(word in payload for word in MAKES_ORDERS):
            self.invariants.read_fills()
            strategy, _ = owner_of(orjson.loads(payload)["params"]["newClientOrderId"])
            if any(scope.strategy in (0, strategy) for scope in self._refusing):
                self.counts["exits_with_a_breaker"] += self._exits.check(payload, "a breaker refuses entries")
        if self.now_ns - self._seen_ns > LATE_NS + SLACK_NS and not self._paused:
            self.invariants.read_fills()
            self.counts["exits_without_the_monitor"] += self._exits.check(payload, "the monitor is silent")

    def _make_watch(self) -> HaltWatch:
        return BreakerWatch(self.instruments, self.held, lambda: self._in_doubt, self._closings)

    def _check_closings(self) -> None:
        """What closed a position of no flattened scope was of a breaker that has tripped in the same step."""
        tripped = [scope for scope, row, _ in self._trips() if row.state and row.since_ns == self.now_ns]
        for of, payload in self._closings:
            assert any(scope.covers(of.strategy, of.instrument) for scope in tripped), f"not flattened: {payload!r}"

    def check_end(self) -> None:
        """Check the monitor as well."""
        super().check_end()
        rows = list(self.lanes.cells("monitored"))
        assert rows, "the monitor has published nothing"
        for row in rows:
            held = row.held_high << 64 | row.held_low
            assert held == self.invariants.holdings.held(row.strategy, row.instrument), row
            assert row.state == Agreement.AGREES, row
        self.counts["monitored"] = sum(row.fill_count for row in rows if not row.strategy)
