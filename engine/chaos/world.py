"""The world of the chaos: one clock and one seed, from which every event is drawn.

One turn:
1. the clock advances by a drawn interval
2. network and venue do what is due
3. faults are drawn: a role will die, a role freezes, connections break, an operator halts or resumes
4. every role that runs and is not frozen steps, in a drawn order; a lit fuse kills it in the middle of the step
5. the invariants are checked

At the end the faults stop, every role starts again, the strategies drain, and the world turns until nothing is open.
"""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import orjson

from engine.chaos.invariants import HaltWatch, Invariants, ObservedVenue
from engine.chaos.lanes import SystemLanes
from engine.chaos.mortality import Fuse, Killed
from engine.chaos.network import Latency, Network
from engine.chaos.roles import (
    API_KEY,
    NO_OPTIONS,
    VENUE,
    Cleanup,
    Key,
    Make,
    execution_maker,
    feed_maker,
    strategy_maker,
)
from engine.execution.operator import NoOperator
from engine.execution.ports import Beating, OperatorPort
from engine.execution.restore.disk import DirectDisk, Disk
from engine.lanes import SUPERVISOR, open_lanes
from engine.loopback.binance.faults import FaultRates, Faults
from engine.loopback.binance.keys import Key as VenueKey
from engine.loopback.binance.limits import LimitSettings
from engine.loopback.binance.settings import FLOWS as VENUE_FLOWS
from engine.loopback.binance.settings import PURSE, VenueSettings
from engine.model import records
from engine.model.instrument import Instrument
from engine.model.words import CommandKind
from engine.role import Role
from engine.strategy.api.strategy import Strategy
from engine.strategy.replay import differences, replay
from engine.strategy.role.role import StrategyRole
from engine.strategy.samples import ImbalanceMaker, MomentumTaker
from engine.venues.binance.market import BinanceDialect

if TYPE_CHECKING:
    from shm import RingReader

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
MS = 1_000_000
ACCOUNT = "steelyard"
EXECUTION = "execution"
SETTLE_LIMIT_NS = 120 * SECOND_NS
QUIET_NS = SECOND_NS
TURN_NS = (50_000, 2_000_000)
TURNS_BETWEEN_RECORDS = 16  # far fewer records than the rings hold


RATES = FaultRates(
    lose_request=10_000,
    lose_response=10_000,
    time_out_executed=5_000,
    time_out_not_executed=5_000,
    delay_request=10_000,
    delay_response=10_000,
    duplicate_report=20_000,
    delay_report=20_000,
    drop_depth=10_000,
    disconnect=2_000,
)


@dataclass(frozen=True, slots=True)
class Mishaps:
    """The mean time between two faults of a kind, 0 for never; and the venue's fault rates."""

    death_ns: int = 1_000 * MS  # of one role
    freeze_ns: int = 3_000 * MS  # of one role
    cut_ns: int = 4_000 * MS
    halt_ns: int = 5_000 * MS
    rates: FaultRates = RATES


FLOWS = {
    symbol: replace(flow, interval_ns=2 * MS) for symbol, flow in VENUE_FLOWS.items()
}  # more orders than in the demo
LIMITS = LimitSettings(weight_minute=600_000, orders_10_seconds=1_000)  # the faults of an hour happen in seconds
CALM = Mishaps(0, 0, 0, 0, FaultRates())


@dataclass(slots=True)
class RoleSlot:
    """One role of the world: its current life, and when the next one starts."""

    name: str
    make: Make
    role: Role | None = None
    fuse: Fuse = field(default_factory=Fuse)
    cleanup: Cleanup = field(default_factory=Cleanup)
    start_ns: int = 0  # the next life starts at this time
    thaw_ns: int = 0


class World:
    """The venue, the network, the lanes and the roles of one run."""

    purse: Mapping[str, int] = PURSE  # the account's first balances
    attendants: tuple[str, ...] = ()  # further roles with a heartbeat, see `attended.py`
    supervisor_lost_ns = 0  # the supervisor's silence after which entries stop; 0: never
    execution_options: Mapping[str, Any] = NO_OPTIONS  # further keys of execution's configuration
    half_width_steps = 1  # the maker's; with a larger one, its orders still rest when they reach the venue late

    def __init__(self, seed: int, mishaps: Mishaps | None = None) -> None:
        """Build the venue, the lanes and the slots; the first turn starts the roles."""
        self.seed, self.mishaps = seed, mishaps or Mishaps()
        self.now_ns = START_NS
        self.counts: Counter[str] = Counter()
        self._random = Random(f"world:{seed}")  # noqa: S311 - a chaos must be repeatable
        self._key = Key(seed)
        self.venue = self._make_venue()
        self.network = Network(self.venue, seed, Latency())
        self.instruments = self._read_instruments()
        self.strategies = {"maker": 1, "taker": 2}
        self.lanes = SystemLanes(tuple(self.strategies), (EXECUTION, *self.strategies, *self.attendants))
        self._directory = tempfile.TemporaryDirectory(prefix="steelyard-simulation-")
        self.halt = self._make_watch()
        self._open_supervisor()
        self.slots = self._make_slots()
        self.invariants = Invariants(self.lanes, self.venue, self.instruments, len(self.strategies), ACCOUNT)
        self._recorded: dict[str, tuple[RingReader, list[Any]]] = {}
        self._draining: set[str] = set()

    def run(self, seconds: float) -> None:
        """Turn for this time, with faults."""
        end_ns = self.now_ns + int(seconds * SECOND_NS)
        while self.now_ns < end_ns:
            self.turn()

    def turn(self) -> None:
        """One turn of the world."""
        self.now_ns += self._random.randrange(*TURN_NS)
        self.network.step(self.now_ns)
        self._draw_mishaps()
        for slot in self._random.sample(self.slots, len(self.slots)):
            self._turn_role(slot)
        self.invariants.after_step()
        self.counts["turns"] += 1
        if not self.counts["turns"] % TURNS_BETWEEN_RECORDS:
            self.record()

    def settle(self) -> None:
        """End the faults, drain the engine, and turn until nothing is open."""
        self.mishaps, self.venue.faults = CALM, Faults()
        self._command(CommandKind.RESUME)
        self._draining = set(self.strategies)
        limit_ns, quiet_since_ns = self.now_ns + SETTLE_LIMIT_NS, self.now_ns
        while self.now_ns - quiet_since_ns < QUIET_NS:
            self.turn()
            if not self._quiet():
                quiet_since_ns = self.now_ns
            assert self.now_ns < limit_ns, f"not quiet after {SETTLE_LIMIT_NS} ns: {self._unfinished()}"

    def check_end(self) -> None:
        """Check what must hold when nothing is open."""
        self.record()
        self.invariants.at_end()
        for slot in self.slots:
            if isinstance(slot.role, StrategyRole):
                self._check_strategy(slot.role)

    def digest(self) -> str:
        """One hash of all lanes and of the venue's truth log."""
        parts = {**self.lanes.digests(), "truth": hashlib.blake2b(orjson.dumps(self.venue.truth.lines)).hexdigest()}
        return hashlib.blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()

    def close(self) -> None:
        """Release what the roles hold, and remove the lanes."""
        for slot in self.slots:
            slot.cleanup.run()
        self._close_supervisor()
        self.lanes.remove()
        self._directory.cleanup()

    # Building.

    def _open_supervisor(self) -> None:
        """Open what the supervisor writes; a world with its own logic has more of it, see `commanded.py`."""
        supervisor = open_lanes(self.lanes.system, SUPERVISOR)
        self._commands, self._halt_cell = supervisor.ring_writer("commands"), supervisor.cell_writer("halt")

    def _close_supervisor(self) -> None:
        self._commands.close()
        self._halt_cell.close()

    def _make_watch(self) -> HaltWatch:
        return HaltWatch()

    def _make_venue(self) -> ObservedVenue:
        key = VenueKey.ed25519(API_KEY, ACCOUNT, self._key.public_pem)
        settings = VenueSettings(
            seed=self.seed,
            flows=FLOWS,
            accounts={ACCOUNT: dict(self.purse)},
            keys=(key,),
            rates=self.mishaps.rates,
            limits=LIMITS,
        )
        return ObservedVenue(settings, self.now_ns)

    def _read_instruments(self) -> tuple[Instrument, ...]:
        ids = {symbol: number for number, symbol in enumerate(self.venue.matching.books, 1)}
        dialect = BinanceDialect(VENUE)
        status, _, body = self.venue.rest("GET", dialect.instruments_target(ids), {}, b"", self.now_ns)
        assert status == 200, body  # noqa: PLR2004 - OK
        return dialect.instruments(body, ids).instruments

    @property
    def journal(self) -> Path:
        """The directory of execution's journal."""
        return Path(self._directory.name) / "journal"

    def make_disk(self) -> Disk:
        """The disk of a life of execution."""
        return DirectDisk()

    def make_operator(self) -> OperatorPort:
        """What a life of execution polls for a halt without the supervisor."""
        return NoOperator()

    def make_monitor(self) -> Beating | None:
        """The monitor's heartbeat, as a life of execution polls it; None: the world has no monitor."""
        return None

    def make_strategy(self, name: str) -> Strategy:
        """A new strategy, as each of its lives gets it."""
        if name == "maker":
            return ImbalanceMaker(
                self.instruments,
                ImbalanceMaker.Parameters(
                    size="0.01", position_max="0.05", half_width_steps=self.half_width_steps, short=True
                ),
            )
        return MomentumTaker(self.instruments, MomentumTaker.Parameters(size="0.01", half_life_prints=5, short=True))

    def _make_slots(self) -> list[RoleSlot]:
        lanes, network = self.lanes, self.network
        execution = execution_maker(
            lanes, network, self.instruments, self.strategies, self._key, self.journal, self.halt.watch, self.make_disk,
            self.make_operator, self.make_monitor, self.supervisor_lost_ns, self.execution_options,
        )  # fmt: skip
        slots = [
            RoleSlot("feed", feed_maker(lanes, network, self.instruments, self.seed)),
            RoleSlot(EXECUTION, execution),
        ]
        for index, (name, number) in enumerate(self.strategies.items()):
            make = strategy_maker(lanes, name, number, index, lambda name=name: self.make_strategy(name))  # type: ignore[misc]
            slots.append(RoleSlot(name, make))
        return slots

    # Starts, steps and deaths.

    def _turn_role(self, slot: RoleSlot) -> None:
        if slot.role is None:
            if self.now_ns < slot.start_ns:
                return
            self._guard(slot, self._start)
        elif self.now_ns >= slot.thaw_ns:
            self._guard(slot, self._step)

    def _guard(self, slot: RoleSlot, act: Any) -> None:
        try:
            act(slot)
        except Killed:
            self._on_death(slot, "in_step")

    def _start(self, slot: RoleSlot) -> None:
        self.counts["lives"] += 1
        slot.role = slot.make(slot.fuse, slot.cleanup)

    def _step(self, slot: RoleSlot) -> None:
        assert slot.role is not None
        if slot.name == EXECUTION:
            self.halt.step_begins()
        slot.role.step(self.now_ns)
        if slot.name in self._draining:
            slot.role.drain(self.now_ns)

    def _on_death(self, slot: RoleSlot, how: str) -> None:
        self.counts[f"deaths_{how}"] += 1
        slot.role = None
        slot.fuse.light(0)
        slot.cleanup.run()
        slot.start_ns = self.now_ns + self._draw_absence_ns(slot)

    def _draw_absence_ns(self, slot: RoleSlot) -> int:  # noqa: ARG002 - a world with further roles asks which one
        """How long a role stays dead."""
        return self._random.randrange(5 * MS, 400 * MS)

    # Faults.

    def _draw_mishaps(self) -> None:
        mishaps = self.mishaps
        for slot in self.slots:
            if self._happens(mishaps.death_ns):
                self._kill(slot)
            if self._happens(mishaps.freeze_ns):
                self.counts["freezes"] += 1
                slot.thaw_ns = self.now_ns + self._random.randrange(1 * MS, 300 * MS)
        if self._happens(mishaps.cut_ns):
            self.counts["cuts"] += 1
            self.network.cut(self._random.choice(("streams", "api")))
        if self._happens(mishaps.halt_ns if not self.halt.halted else mishaps.halt_ns // 10):
            self._command(CommandKind.RESUME if self.halt.halted else CommandKind.HALT)

    def _kill(self, slot: RoleSlot) -> None:
        """Kill a role now, or at one of its next writes or sends."""
        acts = self._random.randrange(-8, 32)
        if acts > 0:
            slot.fuse.light(acts)
        elif slot.role is not None:
            self._on_death(slot, "between_steps")

    def _happens(self, mean_ns: int) -> bool:
        """Draw whether an event that happens every `mean_ns` on average happens in this turn."""
        return mean_ns > 0 and self._random.randrange(mean_ns) < sum(TURN_NS) // 2

    def _command(self, kind: CommandKind) -> None:
        """Publish a command as the supervisor does: the record on COMMANDS, then the HALT cell."""
        self.counts[kind.name.lower()] += 1
        self.halt.halted = kind == CommandKind.HALT
        self._commands.publish(*records.COMMAND.row(
            now_ns=self.now_ns, version=0, kind=kind, reason=0, strategy=0, instrument=0, uid=0, pid=0, account=0,
            target_id=0, disabled=0, values=b"",
        ))  # fmt: skip
        self._halt_cell.write(0, *records.HALT.row(
            halted=int(self.halt.halted), since_ns=self.now_ns, command_sequence=self._commands.cursor - 1, uid=0,
            reason=0,
        ))  # fmt: skip

    # The end.

    def _quiet(self) -> bool:
        return not self._unfinished()

    def _unfinished(self) -> list[str]:
        """What keeps the world from its end."""
        busy = [f"{slot.name} is not alive" for slot in self.slots if slot.role is None]
        if self.invariants.open_orders:
            busy.append(f"{self.invariants.open_orders} orders are not done")
        if any(orders for (account, _), orders in self.venue.matching.open.items() if account == ACCOUNT):
            busy.append("the venue has open orders of the account")
        return busy

    def record(self) -> None:
        """Copy the records that a replay of the strategies needs from the rings, and update the digests."""
        self.lanes.tap()
        for name in (*("ticks", "books", "verdicts", "orders", "fills", "commands"), *self._own_lanes()):
            if name not in self._recorded:
                self._recorded[name] = (self.lanes.reader(name), [])
            reader, rows = self._recorded[name]
            rows.extend(reader.rows())

    def _own_lanes(self) -> list[str]:
        return [f"{lane}.{name}" for name in self.strategies for lane in ("intents", "steps")]

    def _check_strategy(self, role: StrategyRole) -> None:
        """A strategy's own position equals execution's, it has no open order, and its replay equals its run."""
        number = self.strategies[role.name]
        for one in self.instruments:
            held = self.invariants.holdings.held(number, one.id)
            assert role.ledger.held.get(one.id, 0) == held, f"{role.name} sees {role.ledger.held}, fills {held}"
        assert not role.ledger.working, f"{role.name} still sees {len(role.ledger.working)} orders"
        history = {name: rows for name, (_, rows) in self._recorded.items()}
        history["intents"], steps = history[f"intents.{role.name}"], history[f"steps.{role.name}"]
        lives = replay(
            lambda lanes: StrategyRole(role.name, number, self.make_strategy(role.name), lanes), history, steps
        )
        found = differences(lives, history, steps)
        assert not found, f"{role.name} replayed: {found}"
