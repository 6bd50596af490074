"""What a process's table sets for its place, read back from the kernel, and what the machine refuses."""

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import shm
from engine import placement
from engine.cli import main as engine_ctl
from engine.config import Config, ConfigError, Process
from engine.config.tables import ResourceLimits
from engine.control import call
from engine.placement import PlacementError
from engine.supervisor import segments

Write = Callable[..., Config]


def process(**keys: object) -> Process:
    """A process of one role with these keys."""
    return Process(name="alpha", roles=("alpha",), **keys)  # type: ignore[arg-type]


def permitted(one: Process) -> bool:
    """Whether this machine and user permit it."""
    try:
        placement.check(one)
    except PlacementError:
        return False
    return True


@pytest.fixture
def up(write: Write) -> Iterator[Callable[[str], int]]:
    """Start a system whose role alpha is placed by these lines; its pid."""
    made: list[Config] = []

    def make(lines: str) -> int:
        rest = '[[processes]]\nname = "beta"\nroles = ["beta"]\n'
        made.append(write(f'[[processes]]\nname = "alpha"\nroles = ["alpha"]\n{lines}\n{rest}'))
        assert engine_ctl(["up", made[-1].path]) == 0
        found = call(made[-1].paths.control, "status")["processes"]
        return next(int(one["pid"]) for one in found if one["name"] == "alpha")

    yield make
    for config in made:
        assert engine_ctl(["down", "--system", config.system.name]) == 0


def status_kb(pid: int, name: str) -> int:
    """A figure of /proc/PID/status in kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


def test_a_process_runs_as_its_table_says(up: Callable[[str], int]) -> None:
    """A key that is accepted and has no effect is found by a slow order."""
    core = placement.allowed_cores()[-1]
    pid = up(f'schedule = "batch"\nnice = 5\ncores = [{core}]\nlimits = {{ nofile = 512, core = 0 }}\nnuma_node = 0')
    assert os.sched_getscheduler(pid) == os.SCHED_BATCH
    assert os.getpriority(os.PRIO_PROCESS, pid) == 5
    assert os.sched_getaffinity(pid) == {core}
    assert resource.prlimit(pid, resource.RLIMIT_NOFILE)[0] == 512
    assert resource.prlimit(pid, resource.RLIMIT_CORE)[0] == 0


def test_a_real_time_process_with_locked_memory(up: Callable[[str], int]) -> None:
    """Its children, as the one that writes a checkpoint, must not run in its class."""
    if not permitted(process(schedule="fifo:10", lock_memory=True)):
        pytest.skip("this user may not use real-time classes or lock memory")
    pid = up('schedule = "fifo:10"\nlock_memory = true')
    assert os.sched_getscheduler(pid) == os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    assert os.sched_getparam(pid).sched_priority == 10
    assert status_kb(pid, "VmLck") > status_kb(pid, "RssAnon") // 2
    assert status_kb(pid, "VmRSS") < 150_000, "the whole of each mapping is resident"


@pytest.mark.parametrize(("keys", "text"), [
    ({"cores": (9999,)}, "cores = [9999]"),
    ({"numa_node": 1000}, "numa_node = 1000: the machine refuses it (no such node); online: "),
    ({"limits": ResourceLimits(nofile=1 << 40)}, "limits.nofile = "),
    ({"limits": ResourceLimits(nofile=10**20)}, "limits.nofile = "),
])  # fmt: skip
def test_what_the_machine_refuses_is_named_with_its_value_and_the_remedy(keys: dict[str, object], text: str) -> None:
    """It is found before a process starts, dies and starts again."""
    before = os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(PlacementError) as error:
        placement.check(process(**keys))
    assert str(error.value).startswith(f"process alpha: {text}")
    assert (os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_NOFILE)) == before


def test_up_starts_nothing_when_the_machine_refuses_a_placement(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, and one line."""
    config = write('[[processes]]\nname = "alpha"\nroles = ["alpha", "beta"]\nnuma_node = 1000\n')
    for command in ("check", "up"):
        assert engine_ctl([command, config.path]) == 2
        assert "numa_node = 1000: the machine refuses it (no such node)" in capsys.readouterr().err


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    """Replace the kernel's list of the machine's memory nodes."""
    file = tmp_path / "online"
    monkeypatch.setattr(placement, "NODES", file)
    return file.write_text


@pytest.mark.parametrize(("online", "node", "chosen"), [
    ("0\n", 0, None), ("0-1\n", 0, 0), ("0-1\n", 1, 1), ("0,2-3\n", 3, 3), ("0-1\n", None, None),
])  # fmt: skip
def test_a_node_is_chosen_only_where_there_is_more_than_one(
    nodes: Callable[[str], object], online: str, node: int | None, chosen: int | None
) -> None:
    """A machine with one node is the usual one: there the key changes nothing and needs no right."""
    nodes(online)
    assert placement.node_of(process(numa_node=node)) == chosen


@pytest.mark.usefixtures("nodes")
def test_a_kernel_without_numa_has_nothing_to_choose() -> None:
    """It has no list of nodes at all, and no such system call."""
    assert placement.node_of(process(numa_node=0)) is None


def test_the_segments_that_a_process_writes_are_of_its_node(write: Write, nodes: Callable[[str], object]) -> None:
    """The supervisor reserves the memory of all segments: it must not be the supervisor's node that they are on."""
    nodes("0-1\n")
    rest = '[[processes]]\nname = "beta"\nroles = ["beta"]\n'
    config = write(f'[[processes]]\nname = "alpha"\nroles = ["alpha"]\nnuma_node = 0\n{rest}')
    owned = {(lane.name, of): segments.node_of(config, lane, of) for _, lane, of in segments.lanes(config)}
    assert owned["heartbeat", "alpha"] == 0
    assert {node for (_, of), node in owned.items() if of != "alpha"} == {None}
    try:
        segments.create(config)
    except shm.SegmentError as error:
        pytest.skip(f"this kernel or container has no mbind: {error}")
    cells = [shm.CellReader(config.lane("heartbeat", role)) for role in ("alpha", "beta")]
    maps = Path("/proc/self/numa_maps").read_text()
    rules = [next(line.split()[1] for line in maps.splitlines() if cell.path in line) for cell in cells]
    assert rules == ["bind:0", "default"]


@pytest.mark.parametrize(("lines", "text"), [
    ('roles = ["alpha", "beta"]\nschedule = "deadline"', "schedule = 'deadline': expected like"),
    ('roles = ["alpha", "beta"]\nschedule = "fifo:10"\nwait = "spin"', "expected cores too"),
    ('roles = ["alpha", "beta"]\nlimits = { nofil = 1 }',
     r"processes\[0\].limits.nofil = 1: unknown key; did you mean nofile\? expected one of core, memlock, nofile"),
    ('roles = ["alpha", "beta"]\nlimits = { nofile = -5 }',
     r'processes\[0\].limits.nofile = -5: expected a whole number of at least 0, or "unlimited"'),
    ('command = ["true"]\nnice = 5', "a command places itself"),
])  # fmt: skip
def test_a_wrong_placement_is_refused_by_the_file_alone(write: Write, lines: str, text: str) -> None:
    """A real-time process that spins on a shared core keeps the supervisor from it."""
    with pytest.raises(ConfigError, match=text):
        write(f'[[processes]]\nname = "one"\n{lines}\n')
