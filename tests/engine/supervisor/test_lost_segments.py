"""Which roles the supervisor restarts when a segment is lost or new, and which segments it removes."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

import shm
from engine.activity import Activity
from engine.config import Config, Process
from engine.lanes import EXECUTION, open_lanes
from engine.supervisor import segments
from engine.supervisor.keeper import CHECK_NS, Keeper
from engine.supervisor.processes.table import Child
from engine.supervisor.processes.watch import Phase

TABLES = """
[[venues]]
name = "binance"
kind = "binance"
[[venues]]
name = "kraken"
kind = "kraken"
[[instruments]]
id = 7
venue = "binance"
symbol = "BTCUSDT"
[[instruments]]
id = 8
venue = "kraken"
symbol = "BTC/USD"
[[feeds]]
name = "east"
venues = ["binance"]
[[feeds]]
name = "west"
venues = ["kraken"]
[[accounts]]
name = "main"
number = 1
venue = "binance"
[[accounts]]
name = "side"
number = 2
venue = "kraken"
[[strategies]]
name = "maker"
id = 1
class = "module:Maker"
instruments = [7]
[[strategies]]
name = "taker"
id = 2
class = "module:Taker"
instruments = [7, 8]
[aggregation]
taker_fee_bps = { binance = "10", kraken = "26" }
"""
UNKNOWN = {"alpha", "beta"}  # roles that are not in the map may use anything
STRATEGIES, EXECUTIONS = {"maker", "taker"}, {"main", "side"}


@pytest.mark.parametrize(
    ("lane", "of", "roles"),
    [
        ("ticks", "east", {"east", "aggregation"} | STRATEGIES | EXECUTIONS),
        ("books", "west", {"west", "aggregation"} | STRATEGIES | EXECUTIONS),
        ("frames", "west", {"west"}),
        ("orders", "side", {"side", "side_canceller"} | STRATEGIES),
        ("journal", "main", {"main"}),
        ("intents", "maker.side", {"maker", "side"}),
        ("steps", "taker", {"taker"}),
    ],
)
def test_a_lost_segment_concerns_its_owner_and_its_readers(
    write: Callable[..., Config], lane: str, of: str, roles: set[str]
) -> None:
    """One too few keeps a mapping of a file that is gone; one too many stops a venue that has no trouble."""
    config = write(TABLES)
    found = segments.users_of(config, {config.lane(lane, of)})
    assert found - UNKNOWN == roles
    assert found >= UNKNOWN


class Running:
    """A process table on paper in which every process of a file runs already."""

    def __init__(self, config: Config) -> None:
        """Give each process a pid."""
        self.children = {one.name: Child(100 + number, 1, -1) for number, one in enumerate(config.placement)}
        self.ended: set[int] = set()  # the processes with SIGTERM

    def find(self) -> dict[str, Child]:
        """Every process."""
        return self.children

    def start(self, process: Process) -> Child:
        """Give the next pid."""
        self.children[process.name] = Child(200 + len(self.children), 1, -1)
        return self.children[process.name]

    def exited(self, child: Child) -> int | None:
        """None: a process that drains still runs."""
        del child

    def signal(self, child: Child, number: signal.Signals) -> None:
        """Note who was asked to end."""
        assert number == signal.SIGTERM
        self.ended.add(child.pid)

    def activity(self, child: Child) -> Activity:
        """Each sleeps."""
        del child
        return Activity("S", 0, 0)

    def where(self, child: Child) -> str:
        """In no kernel."""
        return f"pid {child.pid}"

    def release(self, child: Child) -> None:
        """Do nothing: there is no descriptor."""

    def last_words(self, process: Process, child: Child) -> str:
        """No process of this file fails."""
        raise AssertionError(process.name, child.pid)

    def ready(self, process: Process) -> bool:
        """No process of this file is a command."""
        raise AssertionError(process.name)


@contextmanager
def supervised(before: Config, now: Config) -> Iterator[Keeper]:
    """A supervisor of the file `now` that finds the processes and the segments of the file `before`."""
    segments.create(before)
    with closing(Keeper(now, Running(before), 10**9, segments.create(now))) as keeper:
        yield keeper
    segments.remove(now)


def started_again(keeper: Keeper) -> set[str]:
    """The processes that the supervisor stops, to start them again."""
    return {name for name, watch in keeper.watches.items() if watch.phase is Phase.STOPPING}


def test_a_renamed_account_starts_those_again_that_use_its_lanes(write: Callable[..., Config]) -> None:
    """A strategy that kept the lanes of the old name would send intents that no execution reads."""
    with supervised(write(TABLES), write(TABLES.replace('"side"', '"other"'))) as keeper:
        assert started_again(keeper) == STRATEGIES | UNKNOWN


def test_an_added_strategy_starts_every_execution_again(write: Callable[..., Config]) -> None:
    """An execution that runs on does not read the intents of a strategy that it does not know."""
    added = TABLES + '[[strategies]]\nname = "late"\nid = 3\nclass = "module:Maker"\ninstruments = [7]\n'
    with supervised(write(TABLES), write(added)) as keeper:
        assert started_again(keeper) == EXECUTIONS | UNKNOWN


def test_the_same_file_starts_no_process_again(write: Callable[..., Config]) -> None:
    """A supervisor that died must not cost the open orders of the processes that run on."""
    with supervised(write(TABLES), write(TABLES)) as keeper:
        assert not started_again(keeper)


def test_the_lanes_of_a_name_that_the_file_no_longer_has_are_removed_when_their_writer_ends(
    write: Callable[..., Config],
) -> None:
    """engine-ctl finds owners by their segments: it would show the account's positions twice, and a dead role."""
    before, now = write(TABLES), write(TABLES.replace('"side"', '"other"'))
    segments.create(before)
    system = now.system.name
    writer = open_lanes(system, EXECUTION, "side").ring_writer("orders")
    with supervised(before, now) as keeper:
        side = [name for name in shm.names(system) if "side" in name.split(".")]
        assert side == [before.lane("orders", "side")]
        writer.close()
        keeper.step(10**9 + CHECK_NS)
        assert set(shm.names(system)) == {now.lane(name) for name, _, _ in segments.lanes(now)}
