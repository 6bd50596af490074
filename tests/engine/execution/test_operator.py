"""A halt that does not need the supervisor, and what execution does when the supervisor is silent."""

from pathlib import Path

import pytest

from engine.execution.operator import Operator
from engine.lanes import lane_of
from engine.model.words import SELL, CommandKind, Reason
from tests.engine.execution.memory import MS, SECOND, House, cells_of

HEARTBEAT = lane_of("heartbeat").record
WAYS = ("word", "file", "signal")


class Desk:
    """A system that may trade, an operator who reaches execution alone, and the supervisor's heartbeat."""

    def __init__(self, directory: Path) -> None:
        """Up, with one order open."""
        self.house = House(directory / "journal")
        self.file = directory / "HALT"
        self.word, self.heartbeat = cells_of("operator_halt"), cells_of("heartbeat")
        self.house.operator = Operator(self.word, self.file, self.heartbeat)
        self.house.restart()
        self.house.ready()

    def ask(self, way: str) -> None:
        """Ask for a halt."""
        if way == "word":
            self.word.write(0, 1, self.house.now_ns, 0, 0, 1, (0, 0, 0, 0))
        elif way == "file":
            self.file.touch()
        else:
            self.house.role.ask_halt()

    def resume(self) -> None:
        """As the supervisor does it: file and cell first, then the command."""
        self.file.unlink(missing_ok=True)
        self.word.write(0, 0, self.house.now_ns, 0, 0, 0, (0, 0, 0, 0))
        self.house.command(CommandKind.RESUME)
        self.house.run(10)

    def beat(self, seconds: float, *, alive: bool) -> None:
        """Let time pass, with the supervisor's beats or without."""
        for _ in range(int(seconds * 100)):
            if alive:
                self.heartbeat.write(0, self.house.now_ns, *(0,) * (len(HEARTBEAT.fields) - 1))
            self.house.run(1, 10 * MS)

    def verdict(self, **more: int) -> int:
        """Risk's verdict on an order now."""
        self.house.book()
        intent = self.house.intent(**more)
        self.house.run(3)
        return self.house.verdict(intent)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk that trades."""
    (tmp_path / "journal").mkdir()
    return Desk(tmp_path)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_halts_without_the_supervisor(desk: Desk, way: str) -> None:
    """A frozen supervisor must not block a halt: its lanes have no record here."""
    order = desk.house.place()
    desk.ask(way)
    desk.house.run(10)
    row = desk.house.cells["gate"].read(0)
    assert (row.halted, row.operator_sequence) == (1, desk.word.sequence(0))
    assert desk.verdict() == Reason.HALTED
    assert not order.open
    assert not any(one.open for one in desk.house.venue.orders.values())


@pytest.mark.parametrize("way", WAYS)
def test_a_halt_without_the_supervisor_outlives_execution_and_resume_ends_it(desk: Desk, way: str) -> None:
    """Execution that dies and starts again must not trade; an operator's RESUME must let it."""
    desk.ask(way)
    desk.house.run(10)
    desk.house.restart()
    desk.house.ready()
    assert desk.verdict() == Reason.HALTED
    desk.resume()
    assert desk.verdict() == Reason.APPROVED
    assert desk.house.cells["gate"].read(0).halted == 0


def test_a_resume_that_meets_a_newer_halt_leaves_it_halted(desk: Desk) -> None:
    """RESUME was on its way when the cell was written: the newer halt remains."""
    desk.ask("word")
    desk.house.run(10)
    desk.house.command(CommandKind.RESUME)
    desk.house.run(10)
    assert desk.verdict() == Reason.HALTED


def test_a_silent_supervisor_stops_entries_after_its_time_and_never_exits(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """No process is restarted then, so no new risk is added; positions can still be sold and orders cancelled."""
    desk.beat(1, alive=True)
    order = desk.house.place()
    desk.house.venue.fill(order.client_id.hex(), 1000)
    desk.beat(6, alive=False)
    assert "the supervisor sends no heartbeat" in caplog.messages
    assert desk.verdict() == Reason.APPROVED
    desk.beat(30, alive=False)
    assert desk.house.cells["gate"].read(0).exits_only == Reason.SUPERVISOR_LOST
    assert desk.verdict() == Reason.SUPERVISOR_LOST
    assert desk.verdict(side=SELL, size=1000, price=6_000_200) == Reason.APPROVED
    desk.beat(1, alive=True)
    assert desk.verdict() == Reason.APPROVED


def test_execution_that_did_not_run_does_not_blame_the_supervisor(desk: Desk) -> None:
    """Stopped for a minute itself, it has seen no beat; entries must not stop for that."""
    desk.beat(1, alive=True)
    desk.house.run(1, 60 * SECOND)
    desk.beat(1, alive=True)
    assert desk.verdict() == Reason.APPROVED


def test_the_word_stops_the_next_intent_of_the_same_step(desk: Desk) -> None:
    """A step may read a hundred intents: with a poll every 5 ms all of them became orders after the halt."""
    house = desk.house
    house.run(10)
    receive, orders = house.venue.receive, len(house.venue.orders)

    def receive_and_halt(port: object, payload: bytes) -> None:
        receive(port, payload)  # type: ignore[arg-type]
        if b"order.place" in payload:
            desk.ask("word")

    house.venue.receive = receive_and_halt
    house.book()
    intents = [house.intent() for _ in range(3)]
    house.run(1, 1)
    assert [house.verdict(one) for one in intents] == [Reason.APPROVED, Reason.HALTED, Reason.HALTED]
    assert len(house.venue.orders) == orders + 1
