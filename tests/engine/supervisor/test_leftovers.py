"""What `down` does about orders that no process watches."""

import json
import os
import signal
from collections.abc import Callable, Iterator

import pytest

import shm
from engine.config import Config
from engine.lanes import EXECUTION, lane_of, open_lanes
from engine.model.words import CommandKind, OrderFlag, OrderState
from engine.supervisor import leftovers, segments
from engine.supervisor.keeper import Keeper
from engine.supervisor.processes.freeze import Activity
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


class Bench:
    """A keeper of a feed and an execution, both on paper, with real segments and time made up."""

    def __init__(self, config: Config) -> None:
        """All run; the beats are written by the test, as the roles would."""
        self.config, self.table, self.now_ns = config, Table(), 10**9
        self.reads: dict[str, int] = {}  # of the aggregation's lanes, by strategy
        segments.create(config)
        self.keeper = Keeper(config, self.table, self.now_ns)
        self.rescue = self.keeper.rescues[0]
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
        for cell in self.beats.values():
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


def test_execution_killed_at_the_moment_of_down_comes_back_to_cancel(bench: Bench) -> None:
    """Its orders are open at the venue, and no other process can cancel them."""
    bench.order(OrderState.OPEN)
    first = bench.pid("execution")
    bench.table.codes[first] = -9
    bench.keeper.stop()
    bench.step(2)
    assert (bench.started("execution"), bench.started("feed")) == (2, 1)
    assert bench.pid("feed")
    bench.order(OrderState.CANCELLED)
    bench.step(6)
    assert bench.keeper.ended
    assert leftovers.unfinished(bench.config, "execution") == []


def test_execution_killed_for_not_draining_comes_back_once(bench: Bench) -> None:
    """A frozen one is killed after the limit; a second that fails too must not keep `down` from ending."""
    bench.order(OrderState.OPEN)
    bench.table.stubborn.add(bench.pid("execution"))
    bench.keeper.stop()
    bench.step(70, 100)
    assert bench.started("execution") == 2
    bench.table.codes[bench.pid("execution") or 4] = -9
    bench.step(6)
    assert bench.keeper.ended
    assert bench.started("execution") == 2
    assert [one["state"] for one in leftovers.unfinished(bench.config, "execution")] == ["open"]


def test_execution_without_orders_is_not_started_to_stop(bench: Bench) -> None:
    """Dead and owing nothing: `down` ends at once."""
    bench.order(OrderState.FILLED)
    bench.order(OrderState.OPEN, b"\2", OrderFlag.FOREIGN)
    bench.table.codes[bench.pid("execution")] = -9
    bench.keeper.stop()
    bench.step(8)
    assert bench.keeper.ended
    assert bench.started("execution") == 1


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
    bench.step(8)
    assert bench.keeper.ended


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


def test_execution_that_dies_too_often_is_followed_at_once_by_a_process_that_cancels(bench: Bench) -> None:
    """Its orders were open for ten seconds with no process to cancel them, and for ever if it cannot start."""
    bench.order(OrderState.OPEN)
    die(bench, "execution", 4)
    started = bench.started("execution")
    bench.table.codes[bench.pid("execution")] = 70
    bench.step(2)
    assert bench.keeper.halt.halted
    assert (bench.started("execution"), bench.started(bench.rescue.name)) == (started, 1)
    rescuer = bench.rescue.child
    assert rescuer is not None
    bench.table.codes[rescuer.pid] = 1
    bench.step(110, 100)
    assert bench.started("execution") == started + 1, "at the slow pace"


def test_the_process_that_cancels_is_started_again_until_the_venue_lists_nothing(bench: Bench) -> None:
    """A venue that was away for a minute must not keep the orders; a venue that was asked is not asked for ever."""
    die(bench, "execution", 4)
    for code, started in ((1, 1), (0, 2), (0, 2)):
        while not bench.pid("execution"):
            bench.step(1, 100)
        bench.table.codes[bench.pid("execution")] = 70
        bench.step(1)
        assert bench.started(bench.rescue.name) == started
        if (rescuer := bench.rescue.child) is not None:
            bench.table.codes[rescuer.pid] = code
            bench.step(1)
        assert bench.rescue.clean == (started == 2)


def test_an_execution_that_runs_again_ends_the_process_that_cancels(bench: Bench) -> None:
    """It cancels every order of the system, also those that the new life places."""
    die(bench, "execution", 4)
    bench.table.codes[bench.pid("execution")] = 70
    bench.step(1)
    rescuer = bench.rescue.child
    assert rescuer is not None
    while not bench.keeper.watches["execution"].settled:
        bench.step(1, 100)
    bench.step(2)
    assert bench.table.codes[rescuer.pid] == -9
    assert bench.rescue.child is None


def test_each_of_two_executions_is_rescued_alone(write: Write) -> None:
    """The rescue process of one account knows neither the keys nor the orders of the other, which trades on."""
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
    die(bench, "second", 4)
    bench.table.codes[bench.pid("second")] = 70
    bench.step(1)
    assert (bench.started("first.rescue"), bench.started("second.rescue")) == (0, 1)
    assert bench.keeper.watches["first"].settled
    rescuer = bench.keeper.covers["second"].rescue.child
    assert rescuer is not None
    bench.table.codes[rescuer.pid] = 0
    bench.step(1)
    status = bench.keeper.status()["rescues"]
    assert {role: one["clean"] for role, one in status.items()} == {"first": False, "second": True}
    left = {role: cover.left_at_the_end() for role, cover in bench.keeper.covers.items()}
    assert [len(orders) for orders in left.values()] == [1, 0]
    assert left["first"][0]["execution"] == "first"
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
