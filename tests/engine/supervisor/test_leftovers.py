"""What `down` does about orders that no process watches."""

import json
import os
import signal
from collections.abc import Callable, Iterator

import msgspec
import pytest

import shm
from engine.activity import Activity
from engine.config import Config
from engine.lanes import CANCELLER, EXECUTION, lane_of, open_lanes
from engine.model.records import CANCELLING, LISTED, SESSION
from engine.model.words import CancellerState, CommandKind, OrderState
from engine.supervisor import leftovers, segments
from engine.supervisor.cover import Cover
from engine.supervisor.keeper import Keeper
from engine.supervisor.processes.table import Child
from shm.segment import path_of

MS = 1_000_000
Write = Callable[..., Config]


class Table:
    """A process table on paper: everything starts, and ends when it is asked to, unless it is stubborn."""

    def __init__(self) -> None:
        """No process lives."""
        self.codes: dict[int, int | None] = {}
        self.names: dict[int, str] = {}
        self.stubborn: set[int] = set()
        self.on_end: Callable[[str], object] = str  # called with the name of a process that a signal ends

    def find(self) -> dict[str, Child]:
        """No process to adopt."""
        return {}

    def start(self, process: object) -> Child:
        """Give out the next pid."""
        pid = len(self.codes) + 1
        self.codes[pid], self.names[pid] = None, process.name  # type: ignore[attr-defined]
        return Child(pid, 1, -1)

    def exited(self, child: Child) -> int | None:
        """The exit code that a signal or the test set."""
        return self.codes[child.pid]

    def signal(self, child: Child, number: signal.Signals) -> None:
        """SIGTERM ends a process that is not stubborn, SIGKILL every process."""
        if self.codes[child.pid] is None and (number == signal.SIGKILL or child.pid not in self.stubborn):
            self.codes[child.pid] = -9 if number == signal.SIGKILL else 0
            self.on_end(self.names[child.pid])

    def activity(self, child: Child) -> Activity:
        """Each sleeps."""
        del child
        return Activity("S", 0, 0)

    def where(self, child: Child) -> str:
        """In no kernel."""
        return f"pid {child.pid}"

    def release(self, child: Child) -> None:
        """Nothing to let go of."""

    def last_words(self, process: object, child: Child) -> str:
        """The name of the process."""
        del process
        return f"pid {child.pid} failed"

    def ready(self, process: object) -> bool:
        """Commands are."""
        return bool(process)


def open_canceller(config: Config, role: str) -> shm.CellWriter:
    """The cell of an execution's canceller, for writing."""
    return open_lanes(config.system.name, CANCELLER).cell_writer("cancels", role)


def cancelling(now_ns: int, state: CancellerState, count: int = 0, listed_ns: int = 0) -> tuple[object, ...]:
    """One word of a canceller."""
    values = {"now_ns": now_ns, "state": state, "open": count, "listed_ns": listed_ns}
    fields = CANCELLING.fields
    return tuple(values.get(field.name, b"" if field.code == "S" else 0) for field in fields)


class Bench:
    """A keeper of a feed and an execution, both on paper, with real segments and time made up."""

    def __init__(self, config: Config) -> None:
        """All run; the beats are written by the test, as the roles would."""
        self.config, self.table, self.now_ns = config, Table(), 10**9
        self.reads: dict[str, int] = {}  # of the aggregation's lanes, by strategy
        segments.create(config)
        self.keeper = Keeper(config, self.table, self.now_ns)
        self.confirms = CancellerState.CLEAN  # what a canceller that ends writes
        self.table.on_end = self._confirm
        self.cancels = {role: open_canceller(config, role) for role in config.execution_names}
        self.beats = {role: open_lanes(config.system.name, role).cell_writer("heartbeat") for role in config.role_names}
        self.step(3)

    def step(self, count: int = 1, after_ms: int = 10) -> None:
        """Advance time; every running process that is not stubborn beats."""
        for _ in range(count):
            self.now_ns += after_ms * MS
            for watch in self.keeper.watches.values():
                if watch.child is not None and watch.child.pid not in self.table.stubborn:
                    for role in watch.process.roles:
                        reads = self.reads.get(role, 0)
                        self.beats[role].write(0, self.now_ns, self.now_ns, 0, 0, 0, watch.child.pid, 2, reads, 0, 0)
            self.keeper.step(self.now_ns)

    def _confirm(self, process: str) -> None:
        """What a canceller writes that was asked to end."""
        for role, cell in self.cancels.items():
            if process == self.config.canceller_of(role):
                cell.write(0, *cancelling(self.now_ns, self.confirms))

    def end(self) -> None:
        """Step until everything is down."""
        for _ in range(60):
            self.step(1)
        assert self.keeper.ended

    def pid(self, name: str) -> int:
        """Who bears the name."""
        child = self.keeper.watches[name].child
        return child.pid if child else 0

    def order(self, state: OrderState, client: bytes = b"\1", flags: int = 0, role: str = EXECUTION) -> None:
        """One word on an order."""
        ring = open_lanes(self.config.system.name, EXECUTION, role).ring_writer("orders")
        values = {
            "client_id": client * 16,
            "state": state,
            "instrument": 7,
            "side": 1,
            "flags": flags,
        }
        ring.publish(
            *(values.get(field.name, b"" if field.code == "S" else 0) for field in lane_of("orders").record.fields)
        )
        ring.close()

    def started(self, name: str) -> int:
        """How often."""
        return list(self.table.names.values()).count(name)

    def close(self) -> None:
        """Let go of everything."""
        self.keeper.close()
        for cell in (*self.beats.values(), *self.cancels.values()):
            cell.close()
        segments.remove(self.config)


@pytest.fixture
def bench(write: Write) -> Iterator[Bench]:
    """Feed and execution on paper."""
    made = Bench(
        write(
            '[[processes]]\nname = "gamma"\nroles = ["gamma"]\n'
            '[[processes]]\nname = "feed"\nroles = ["feed", "alpha", "beta"]\n'
            '[[processes]]\nname = "execution"\nroles = ["execution"]\n'
            '[[strategies]]\nname = "gamma"\nid = 3\nclass = "a:B"\ninstruments = [7]\n'
            '[[venues]]\nname = "binance"\nkind = "binance"\n'
            '[[instruments]]\nid = 7\nvenue = "binance"\nsymbol = "BTCUSDT"\n'
        )
    )
    yield made
    made.close()


def test_the_canceller_stops_after_execution_and_before_the_feed(bench: Bench) -> None:
    """It confirms at the venue what execution left, so nothing that can place an order may run after it."""
    ended: list[str] = []
    bench.keeper.stop()
    while not bench.keeper.ended:
        bench.step(1)
        ended += [one for one in bench.keeper.watches if not bench.pid(one) and one not in ended]
    assert ended == ["execution", "canceller", "feed", "gamma"]
    assert bench.keeper.left_at_the_end() == []


def test_a_canceller_that_is_killed_during_down_is_started_again(bench: Bench) -> None:
    """`down` must not end with an order open because of one more death."""
    bench.order(OrderState.OPEN)
    bench.table.codes[bench.pid("execution")] = -9
    bench.table.stubborn.add(bench.pid("canceller"))
    bench.keeper.stop()
    while bench.keeper.watches["canceller"].phase != "stopping":
        bench.step(1)
    bench.table.codes[bench.pid("canceller")] = -9
    bench.step(4)
    assert bench.started("canceller") == 2
    bench.end()
    assert (bench.started("execution"), bench.keeper.left_at_the_end()) == (1, [])


def test_down_ends_with_a_list_when_the_venue_does_not_confirm_in_time(bench: Bench) -> None:
    """A venue that is away must not keep a system up for ever, and its orders must not be forgotten."""
    bench.confirms = CancellerState.WATCHING
    bench.order(OrderState.OPEN)
    bench.table.codes[bench.pid("execution")] = -9
    bench.keeper.stop()
    bench.step(400, 100)
    assert bench.keeper.ended
    assert [one["state"] for one in bench.keeper.left_at_the_end()] == ["open"]


def test_what_a_killed_execution_left_is_unknown_without_a_listing(bench: Bench) -> None:
    """Its last request may have left before it was recorded, so no record can prove that nothing is open."""
    bench.confirms = CancellerState.GAVE_UP
    bench.table.codes[bench.pid("execution")] = -9
    bench.keeper.stop()
    bench.step(8)
    assert [one["state"] for one in bench.keeper.left_at_the_end()] == ["not confirmed by the venue"]


def test_other_programs_orders_are_unknown_without_a_listing_where_they_are_cancelled_too(bench: Bench) -> None:
    """An execution that ended without an open order knows nothing of them."""
    bench.confirms = CancellerState.GAVE_UP
    log_on(bench.config)
    bench.keeper.stop()
    bench.step(8)
    assert bench.keeper.left_at_the_end() == []
    foreign = msgspec.structs.replace(bench.config.canceller, foreign=True)
    cover = Cover(msgspec.structs.replace(bench.config, canceller=foreign), EXECUTION)
    assert [one["state"] for one in cover.left_at_the_end(ended_clean=True)] == ["not confirmed by the venue"]


def log_on(config: Config) -> None:
    """Execution's session was ready once."""
    lanes = open_lanes(config.system.name, EXECUTION)
    blank = {name: b"" if name in {"error", "venue", "text"} else 0 for name in SESSION.row._fields}
    lanes.cell_writer("sessions").write(0, *SESSION.row(**{**blank, "ready_ns": 1}))
    lanes.close()


def test_what_an_execution_left_that_was_never_ready_is_unknown(bench: Bench) -> None:
    """With a lost journal its records are empty, and at a venue that it could not reach orders may be open."""
    bench.confirms = CancellerState.GAVE_UP
    bench.keeper.stop()
    bench.step(8)
    assert [one["state"] for one in bench.keeper.left_at_the_end()] == ["not confirmed by the venue"]


def test_orders_on_a_lane_that_cannot_be_read_are_unknown(bench: Bench) -> None:
    """`down` would report a clean end, and no process watches an order after it."""
    bench.confirms = CancellerState.GAVE_UP
    log_on(bench.config)
    bench.keeper.stop()
    bench.step(8)
    os.truncate(path_of(bench.config.lane("orders", EXECUTION)), 100)
    assert [one["state"] for one in bench.keeper.left_at_the_end()] == ["unknown: the lane ORDERS cannot be read"]
    assert leftovers.count(bench.config.system.name, [EXECUTION]) is None


def test_an_order_that_only_the_venue_lists_is_left_too(bench: Bench) -> None:
    """The records of an execution may lack an order whose request left just before its death."""
    bench.confirms = CancellerState.GAVE_UP
    listed = open_lanes(bench.config.system.name, CANCELLER).cell_writer("listed", EXECUTION)
    row = {"listed_ns": 5, "venue_ns": 1, "client_id": b"\7" * 16, "symbol": b"BTCUSDT", "side": -1}
    listed.write(0, *LISTED.row(**row, venue_order_id=b"9"))
    bench.keeper.stop()
    bench.step(8)
    bench.cancels[EXECUTION].write(0, *cancelling(bench.now_ns, CancellerState.GAVE_UP, count=1, listed_ns=5))
    listed.close()
    assert bench.keeper.left_at_the_end() == [
        {"execution": EXECUTION, "client_id": "07" * 16, "instrument": "BTCUSDT", "side": "sell", "state": "open"}
    ]


def test_a_canceller_that_keeps_dying_neither_halts_nor_is_parked(bench: Bench) -> None:
    """Trading goes on without it, and it must come back by itself when the cause has ended."""
    die(bench, "canceller", 5)
    assert not bench.keeper.halt.halted
    started = bench.started("canceller")
    bench.step(110, 100)
    assert bench.started("canceller") == started + 1, "at the slow pace"


def die(bench: Bench, name: str, times: int) -> None:
    """Let a process die so often, each time after it ran, with the back-off between."""
    for _ in range(times):
        bench.table.codes[bench.pid(name)] = 70
        bench.step(1)
        if not bench.pid(name):
            bench.step(30, 100)


def test_a_strategy_that_keeps_dying_is_parked_alone_and_its_orders_are_cancelled(bench: Bench) -> None:
    """It halted the whole system; its orders must not stay open without a process that watches them."""
    commands = shm.RingReader(bench.config.lane("commands"), cursor=0)
    die(bench, "gamma", 5)
    assert bench.keeper.watches["gamma"].phase == "parked"
    assert not bench.keeper.halt.halted
    assert [(row.kind, row.strategy) for row in commands.rows()] == [(CommandKind.CANCEL_ALL, 3)]
    bench.step(30, 1000)
    assert bench.started("gamma") == 5
    bench.keeper.stop()
    bench.end()


@pytest.mark.parametrize(("reads", "phase"), [(0, "parked"), (1, "waiting")])
def test_an_aggregation_that_dies_halts_the_system_only_if_a_strategy_reads_it(
    write: Write, reads: int, phase: str
) -> None:
    """A strategy that reads no bars need not stop; one that decides by bars must not trade without them."""
    bench = Bench(
        write(
            '[[processes]]\nname = "gamma"\nroles = ["gamma", "delta"]\n'
            '[[processes]]\nname = "other"\nroles = ["feed", "execution", "alpha", "beta"]\n'
            '[[processes]]\nname = "aggregation"\nroles = ["aggregation"]\n'
            '[[strategies]]\nname = "gamma"\nid = 3\nclass = "a:B"\ninstruments = [7]\n'
            '[[strategies]]\nname = "delta"\nid = 4\nclass = "a:B"\ninstruments = [7]\n'
            '[[venues]]\nname = "binance"\nkind = "binance"\n'
            '[[instruments]]\nid = 7\nvenue = "binance"\nsymbol = "BTCUSDT"\n[aggregation]\n'
        )
    )
    bench.reads["delta"] = reads
    bench.step(3)
    die(bench, "aggregation", 5)
    assert bench.keeper.watches["aggregation"].phase == phase
    assert bench.keeper.halt.halted == bool(reads)
    bench.close()


def test_an_execution_that_dies_too_often_halts_the_system(bench: Bench) -> None:
    """Its canceller runs already; no further process is needed for its orders."""
    die(bench, "execution", 5)
    assert bench.keeper.halt.halted
    assert bench.started("canceller") == 1


def test_each_of_two_executions_has_a_canceller_of_its_own(write: Write) -> None:
    """The canceller of one account knows neither the keys nor the orders of the other."""
    accounts = [("first", 7, "binance"), ("second", 8, "kraken")]
    bench = Bench(
        write(
            '[[processes]]\nname = "gamma"\nroles = ["gamma"]\n'
            '[[processes]]\nname = "feed"\nroles = ["feed", "alpha", "beta"]\n'
            '[[strategies]]\nname = "gamma"\nid = 3\nclass = "a:B"\ninstruments = [7, 8]\n'
            + "".join(
                f'[[processes]]\nname = "{name}"\nroles = ["{name}"]\n'
                f'[[venues]]\nname = "{venue}"\nkind = "{venue}"\n'
                f'[[instruments]]\nid = {number}\nvenue = "{venue}"\nsymbol = "BTCUSDT"\n'
                f'[[accounts]]\nname = "{name}"\nnumber = {number}\nvenue = "{venue}"\n'
                for name, number, venue in accounts
            )
        )
    )
    bench.order(OrderState.OPEN, role="first")
    bench.order(OrderState.OPEN, b"\2", role="second")
    bench.keeper.stop()
    bench.end()
    bench.cancels["first"].write(0, *cancelling(bench.now_ns, CancellerState.GAVE_UP))
    status = bench.keeper.status()["cancellers"]
    assert {role: one["clean"] for role, one in status.items()} == {"first": False, "second": True}
    assert [one["execution"] for one in bench.keeper.left_at_the_end()] == ["first"]
    bench.close()


def test_what_is_left_is_audited_and_handed_to_down(bench: Bench) -> None:
    """The segments that know of the order are about to go; its name must not go with them."""
    bench.order(OrderState.SENT)
    left = leftovers.unfinished(bench.config, "execution")
    leftovers.record(bench.config, left, 5, 6)
    order = {"client_id": "01" * 16, "instrument": "BTCUSDT", "side": "buy", "state": "sent"}
    assert left == [{"execution": "execution", **order}]
    assert json.loads(bench.config.paths.audit.read_text())["orders_left"] == left
    assert json.loads(bench.config.paths.left.read_text()) == {"pid": 6, "orders": left}


def test_down_lists_what_is_left_also_when_the_audit_cannot_be_written(bench: Bench) -> None:
    """On a full disk `down` found no list, and ended with 0 while an order was open."""
    bench.order(OrderState.SENT)
    bench.config.paths.audit.mkdir()
    left = leftovers.unfinished(bench.config, "execution")
    leftovers.record(bench.config, left, 5, 6)
    assert json.loads(bench.config.paths.left.read_text()) == {"pid": 6, "orders": left}


def test_a_segment_unlinked_while_others_are_created_again_is_created_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unlinking forty files is slow; a segment lost in between stayed lost, and the feed died on it for ever."""
    ticks, fills = (path_of(bench.config.lane(*lane)) for lane in (("ticks", "feed"), ("fills", "execution")))
    create = segments.create

    def create_and_lose(config: Config) -> int:
        created = create(config)
        os.unlink(ticks)
        return created

    with monkeypatch.context() as patched:
        patched.setattr(segments, "create", create_and_lose)
        os.unlink(fills)
        bench.step(1, 2000)
        bench.step(5)
    assert (os.path.exists(fills), os.path.exists(ticks)) == (True, False)
    bench.step(1, 2000)
    bench.step(5)
    assert os.path.exists(ticks)
    assert bench.pid("feed")
