"""Made messages, findings, a machine that the test sets, and a scene in the memory of one process."""

from pathlib import Path

from engine.alerts.deaths import Death, DeathsFile
from engine.alerts.episodes import Finding
from engine.alerts.message import Message, Severity, State
from engine.alerts.outbox import Outbox, Outcome, Sent
from engine.alerts.scene import Scene
from engine.alerts.store import Stored
from engine.alerts.targets import Target
from engine.alerts.targets.target import TargetOptions
from engine.config import Config, load
from engine.lanes import owners_of
from engine.lanes.memory import MemorySystem
from engine.model import records
from engine.model.words import RoleState
from shm.record import Field

SECOND_NS = 1_000_000_000
BEGIN_NS = 1_700_000_000 * SECOND_NS
FILE = """
[system]
name = "made"
[[venues]]
name = "binance"
kind = "binance"
[[instruments]]
id = 1
venue = "binance"
symbol = "BTCUSDT"
[[strategies]]
name = "maker"
id = 1
class = "a:B"
instruments = [1]
[alerts]
"""


def message(number: int = 1, cause: str = "halted", subject: str = "system", **fields: object) -> Message:
    """A message."""
    values = {
        "id": f"made-{number}", "system": "made", "mode": "paper", "host": "box", "cause": cause, "subject": subject,
        "severity": Severity.CRITICAL, "state": State.BEGIN, "count": 1, "own": 1, "first_ns": BEGIN_NS,
        "last_ns": BEGIN_NS, "what": "The system is halted.", "to_do": "resume",
    }  # fmt: skip
    return Message(**{**values, **fields})


def finding(cause: str = "halted", subject: str = "system", *, is_event: bool = False) -> Finding:
    """A finding."""
    return Finding(cause, subject, Severity.CRITICAL, "what", "to do", is_event)


class MadeMachine:
    """A machine whose facts the test sets."""

    host = "box"

    def __init__(self) -> None:
        """Begin with every process alive, room on every disk, and a wall clock that is ours."""
        self.ended: set[int] = set()
        self.watched: set[int] = set()
        self.guard_pid, self.stopped = 7, False
        self.free: dict[str, int | None] = {}
        self.wall = BEGIN_NS

    def watch(self, pid: int) -> None:
        """Watch a pid."""
        self.watched.add(pid)

    def has_ended(self, pid: int) -> bool:
        """As the test has set it."""
        assert pid in self.watched
        return pid in self.ended

    def forget(self, pid: int) -> None:
        """End the watch."""
        self.watched.remove(pid)

    def guard(self, lock: Path) -> int:
        """As the test has set it."""
        del lock
        return self.guard_pid

    def is_stopped(self, pid: int) -> bool:
        """As the test has set it."""
        assert pid == self.guard_pid
        return self.stopped

    def free_mib(self, path: Path) -> int | None:
        """As the test has set it, by the last part of the path; else much."""
        return self.free.get(path.name, 1 << 20)

    def wall_ns(self) -> int:
        """As the test has set it."""
        return self.wall

    def wait(self, timeout_ns: int, descriptor: int) -> bool:
        """Nothing ends while it is waited for."""
        del timeout_ns, descriptor
        return False


class KeptDeaths(DeathsFile):
    """The lines that the test gives."""

    def __init__(self) -> None:
        """Begin without a line."""
        self.inode = self.offset = 0
        self.lines: list[Death] = []

    def read(self) -> list[Death]:
        """The new lines."""
        lines, self.lines = self.lines, []
        return lines


class KeptStore:
    """A store that keeps the state in memory; it fails while it is full."""

    def __init__(self) -> None:
        """Begin empty."""
        self.stored = Stored()
        self.full = False

    def read(self) -> Stored:
        """The last state."""
        return self.stored

    def write(self, stored: Stored) -> None:
        """Keep a state."""
        self.stored = self.stored if self.full else stored


class MadeTarget(Target):
    """A target that answers what the test sets, and keeps what it accepts."""

    def __init__(self, name: str = "hook", least: Severity = Severity.WARNING) -> None:
        """Accept everything."""
        super().__init__(TargetOptions(name=name, kind="made", least=least))
        self.outcome: Outcome = Sent()
        self.accepted: list[Message] = []

    def check(self) -> None:
        """Nothing can be wrong."""

    def deliver(self, message: Message) -> Outcome:
        """Accept it, or fail."""
        if isinstance(self.outcome, Sent):
            self.accepted.append(message)
        return self.outcome


class Stage:
    """A scene over lanes in memory, and what writes them."""

    def __init__(self, place: Path, more: str = "") -> None:
        """Make the lanes; every process beats once at `now_ns`."""
        (place / "made.toml").write_text(FILE + more)
        self.config: Config = load(place / "made.toml")
        self.system = MemorySystem(owners_of(self.config))
        self.machine, self.deaths = MadeMachine(), KeptDeaths()
        self.outbox = Outbox({"hook": Severity.WARNING}, {})
        lanes = self.system.open_lanes("alerts")
        self.scene = Scene.of(self.config, lanes, self.machine, self.deaths, self.outbox)
        self.now_ns = BEGIN_NS
        self.pids = {role: 100 + number for number, role in enumerate((*self.config.role_names, "supervisor"))}
        self.silent: set[str] = set()
        self.state = dict.fromkeys(self.pids, RoleState.RUNNING)

    def write(self, lane: str, index: int = 0, **values: object) -> None:
        """Write a cell; fields that are not named are 0."""
        record = records.__dict__[BY_LANE[lane.partition(".")[0]]]
        row = {one.name: zero(one) for one in record.fields} | values
        self.system.cells[lane].write(index, *record.row(**row))

    def beat(self) -> None:
        """Every role that is not silent beats."""
        for role, pid in self.pids.items():
            if role not in self.silent:
                self.write(
                    f"heartbeat.{role}", wall_ns=self.now_ns, beat_ns=self.now_ns, start_ns=BEGIN_NS, pid=pid,
                    state=self.state[role],
                )  # fmt: skip

    def tick(self, seconds: float = 0.25) -> Scene:
        """Time passes; the roles beat; the scene is read."""
        self.now_ns += int(seconds * SECOND_NS)
        self.machine.wall += int(seconds * SECOND_NS)
        self.beat()
        self.scene.update(self.now_ns, None)
        return self.scene


BY_LANE = {
    "heartbeat": "HEARTBEAT",
    "halt": "HALT",
    "monitored_account": "MONITORED_ACCOUNT",
    "operator_halt": "HALT",
    "gate": "GATE",
    "sessions": "SESSION",
    "scope_halts": "SCOPE_HALT",
    "instrument_halts": "INSTRUMENT_HALT",
    "cancels": "CANCELLING",
    "book_tops": "BOOK_TOP",
    "instruments": "INSTRUMENT",
}


def zero(one: Field) -> object:
    """Nothing, for a field of this type."""
    return b"" if one.code == "S" else (0,) * one.count if one.count > 1 else 0
