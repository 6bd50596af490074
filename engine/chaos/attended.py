"""The world with a canceller: execution stays dead for long, and its orders must not stay open without an attendant.

Always    while execution is dead or frozen, and the canceller has run for `BOUND_NS` since `dead_ns` passed, no order
          of the account is open at the venue; the canceller cancels no order that a living execution placed

The canceller dies and freezes by the same seed as every other role, and its requests meet the same faults.
"""

from random import Random
from urllib.parse import parse_qs

from engine.activity import Activity
from engine.canceller.build import open_canceller_lanes
from engine.canceller.config import CancellerConfig
from engine.canceller.role import Canceller
from engine.chaos.mortality import Fuse, Mortal
from engine.chaos.network import SimulatedRequests
from engine.chaos.roles import Cleanup
from engine.chaos.world import ACCOUNT, EXECUTION, MS, SECOND_NS, Mishaps, RoleSlot, World
from engine.lanes import CANCELLER, open_lanes
from engine.model.client_id import mark_of
from engine.model.records import HEARTBEAT
from engine.model.words import RoleState
from engine.role import Role
from engine.venues.binance.cancelling import BinanceCancelling

CONFIG = CancellerConfig(dead_ns=500 * MS, late_ns=100 * MS, frozen_ns=100 * MS)
BOUND_NS = 2 * SECOND_NS  # a listing and the cancels, each of them lost once and asked for again
LONG_NS = (SECOND_NS, 6 * SECOND_NS)
THAW_NS = 100 * MS  # after a freeze, the canceller may not have seen a beat yet
WINDOW_MS = 5_000
MISHAPS = Mishaps(death_ns=3 * SECOND_NS)


class WatchedRequests:
    """The canceller's requests: each cancel is checked before it is sent."""

    def __init__(self, inner: SimulatedRequests, world: "AttendedWorld") -> None:
        """Wrap a port."""
        self._inner, self._world = inner, world

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes, now_ns: int) -> int:
        """Check a cancel, and send the request."""
        if method == "DELETE":
            self._world.check_cancel(int(parse_qs(target.partition("?")[2])["orderId"][0]))
        return self._inner.request(method, target, headers, body, now_ns)

    def __getattr__(self, name: str) -> object:
        """Everything else comes from the wrapped port."""
        return getattr(self._inner, name)


class AttendedWorld(World):
    """The world with a canceller, and with executions that stay dead."""

    attendants = (CANCELLER,)
    half_width_steps = 40  # so that the maker's orders rest

    def __init__(self, seed: int, mishaps: Mishaps | None = None) -> None:
        """Build the world; no execution has lived."""
        self._absences = Random(f"absences:{seed}")  # noqa: S311 - a chaos must be repeatable
        self.life = 0  # of execution; its pid
        self._life_ns = self._beat_ns = 0
        self._away_ns = 0  # since when execution has not run; 0: it runs
        self._thawed_ns = 0
        self._covered_ns = 0  # since when the canceller runs
        super().__init__(seed, mishaps or MISHAPS)
        self._beats = open_lanes(self.lanes.system, EXECUTION).cell_writer("heartbeat")
        self.slots.append(RoleSlot(CANCELLER, self._make_canceller))

    def turn(self) -> None:
        """One turn, and its invariants."""
        super().turn()
        self._check_attended()

    def close(self) -> None:
        """Release the heartbeat too."""
        self._beats.close()
        super().close()

    def lives(self, pid: int) -> bool:
        """Whether this life of execution goes on: what the canceller asks the kernel."""
        return pid == self.life and self._execution.role is not None

    def activity(self, pid: int) -> Activity | None:
        """A role that is frozen here sleeps."""
        return Activity("S", 0, 0) if self.lives(pid) else None

    def check_cancel(self, order_id: int) -> None:
        """No living execution has placed the order that is about to be cancelled."""
        self.counts["cancels_in_place"] += 1
        if not self._runs(self._execution) or self.now_ns - self._thawed_ns < THAW_NS:
            return
        found = [orders[order_id] for orders in self.venue.matching.open.values() if order_id in orders]
        assert all(one.now_ns < self._life_ns for one in found), f"cancelled an order of a living execution: {found}"

    @property
    def _execution(self) -> RoleSlot:
        return next(slot for slot in self.slots if slot.name == EXECUTION)

    def _runs(self, slot: RoleSlot) -> bool:
        return slot.role is not None and self.now_ns >= slot.thaw_ns

    def _check_attended(self) -> None:
        """Count how long no execution has run and the canceller has; then nothing may be open."""
        if self._runs(self._execution):
            self._thawed_ns = self.now_ns if self._away_ns else self._thawed_ns
            self._away_ns = 0
        else:
            self._away_ns = self._away_ns or self.now_ns
        covers = any(slot.name == CANCELLER and self._runs(slot) for slot in self.slots)
        self._covered_ns = (self._covered_ns or self.now_ns) if covers else 0
        if not self._away_ns or not self._covered_ns:
            return
        if self.now_ns - max(self._away_ns, self._covered_ns) > CONFIG.dead_ns + BOUND_NS:
            self.counts["turns_unattended"] += 1
            left = [one for (account, _), of in self.venue.matching.open.items() if account == ACCOUNT for one in of]
            assert not left, f"open without an attendant since {self._away_ns}: {left}"

    def _start(self, slot: RoleSlot) -> None:
        if slot.name == EXECUTION:
            self.life, self._life_ns = self.life + 1, self.now_ns
            self._beat(RoleState.STARTING)
        super()._start(slot)

    def _step(self, slot: RoleSlot) -> None:
        super()._step(slot)
        if slot.name == EXECUTION and self.now_ns - self._beat_ns >= CONFIG.beat_ns:
            self._beat(RoleState.RUNNING)

    def _draw_absence_ns(self, slot: RoleSlot) -> int:
        """Every second death of execution is a long one."""
        usual_ns = super()._draw_absence_ns(slot)
        long = slot.name == EXECUTION and self._absences.randrange(2) == 0
        return self._absences.randrange(*LONG_NS) if long else usual_ns

    def _beat(self, state: RoleState) -> None:
        """As the process of execution does after a round."""
        self._beat_ns = self.now_ns
        self._beats.write(0, *HEARTBEAT.row(
            beat_ns=self.now_ns, wall_ns=self.now_ns, start_ns=self._life_ns, steps=0, work=0, pid=self.life,
            state=state, reads=0, lag=0, error_count=0,
        ))  # fmt: skip

    def _make_canceller(self, fuse: Fuse, cleanup: Cleanup) -> Role:
        """Build the canceller as its process does."""
        lanes = open_canceller_lanes(open_lanes(self.lanes.system, CANCELLER), EXECUTION)
        cleanup.extend(closer.close for closer in lanes.closers)
        port = self.network.requests()
        cleanup.append(port.close)
        requests = Mortal(WatchedRequests(port, self), fuse)  # has every method of the wrapped port
        mortal = lanes._replace(cancels=Mortal(lanes.cancels, fuse), listed=Mortal(lanes.listed, fuse), closers=())
        return Canceller(
            CANCELLER, CONFIG, mortal,
            lambda listener: BinanceCancelling(requests, self._key.signer, WINDOW_MS, listener),
            self, lambda: mark_of(self._key.system), self.now_ns,
        )  # fmt: skip
