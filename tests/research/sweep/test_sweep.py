"""A sweep gives one table: for any number of workers, after any death, in any process."""

import os
import resource
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import research
from bench.market import BTC, made
from bench.sweep import Bench
from research.experiment.code import ROOT
from research.sweep import SweepStoppedError, attach, registry
from research.sweep.attached import _start_driver
from research.sweep.run.lock import is_locked, lock
from research.sweep.run.log import Log, LogWriter, Row, encode
from tests.research.sweep.cases import MODELS, SMALL, begun, children_of, described, driven, driver_of, is_alive
from tests.research.sweep.strategies import Remembers


def test_one_two_and_eight_workers_give_the_same_bytes(tmp_path: Path) -> None:
    """A result that depends on the machine cannot be checked; the strategy keeps state in its module."""
    tables = {driven(described(tmp_path / str(workers), strategy=Remembers), workers) for workers in (1, 2, 8)}
    assert len(tables) == 1
    table = pq.read_table(next((tmp_path / "1" / "registry").glob("*.parquet")))
    assert table["trial"].to_pylist() == list(range(12))
    assert len(set(table["pnl"].to_pylist())) == 12
    assert min(table["fills"].to_pylist()) > 0


def test_each_trial_begins_with_the_capital_of_the_sweep(tmp_path: Path) -> None:
    """A sweep over an account without money may not show a profit, and is another sweep than one without a bound."""
    free, poor = described(tmp_path / "free"), described(tmp_path / "poor", capital={"USDT": "0", "BTC": 0})
    assert free.id != poor.id
    fills = [pq.read_table(pa.BufferReader(driven(one, 1)))["fills"].to_pylist() for one in (free, poor)]
    assert min(fills[0]) > 0
    assert set(fills[1]) == {0}
    with pytest.raises(ValueError, match="capital: found 'EUR', expected assets of the run's instruments: BTC, USDT"):
        described(tmp_path / "wrong", capital={"EUR": "1"})


def test_another_hash_seed_gives_the_same_table(tmp_path: Path) -> None:
    """Python orders a set of texts by a seed of the process."""
    expected = driven(described(tmp_path / "own", strategy="tests.research.sweep.strategies:Every"), 1)
    sweep = begun(tmp_path / "other", strategy="tests.research.sweep.strategies:Every").wait(60)
    assert sweep.folder.table.read_bytes() == expected
    assert b"PYTHONHASHSEED=0" not in Path("/proc/self/environ").read_bytes()


TAPE = made(8_000)


@pytest.mark.parametrize("variants", [1, 3])
def test_a_killed_driver_loses_no_trial_that_had_ended(tmp_path: Path, variants: int) -> None:
    """A night of trials must not depend on one process; what is resumed ends in the table of a run without deaths."""
    expected = driven(described(tmp_path / "whole", data=TAPE), 2)
    sweep = begun(tmp_path / "killed", data=TAPE, variants=variants)
    while len(sweep.rows()) < 3:
        assert sweep.progress().running
    driver = driver_of(sweep.folder)
    running = children_of(driver)
    os.kill(driver, signal.SIGKILL)
    while is_locked(sweep.folder.lock) or any(map(is_alive, running)):
        os.sched_yield()
    kept = {row.number: row for row in attach(sweep.id, tmp_path / "killed").rows()}
    with pytest.raises(SweepStoppedError, match=r"stopped, .* of 12 trials.* resume\(\) runs what is left"):
        sweep.wait()
    sweep.resume(2).wait(60)
    rows = Log(sweep.folder.trials).read()
    assert len(rows) == 12
    assert [kept[row.number] for row in rows[: len(kept)]] == rows[: len(kept)]
    assert sweep.folder.table.read_bytes() == expected


@pytest.mark.parametrize("variants", [1, 6])
def test_a_killed_worker_s_trials_run_again(tmp_path: Path, variants: int) -> None:
    """The kernel kills the largest process when memory is short."""
    expected = driven(described(tmp_path / "whole", data=TAPE), 2)
    sweep = begun(tmp_path / "killed", data=TAPE, variants=variants)
    while not (running := children_of(driver_of(sweep.folder))):
        assert sweep.progress().running
    os.kill(running[0], signal.SIGKILL)
    sweep.wait(60)
    assert sweep.folder.table.read_bytes() == expected


def test_a_sweep_is_one_object_in_every_process(tmp_path: Path) -> None:
    """A notebook that was closed is no reason to begin again."""
    sweep = research.sweep(
        made(20_000), Remembers, space={"every": [1] * 2000}, instruments=[BTC], models=MODELS, home=tmp_path, workers=1
    )
    again = attach(sweep.id, tmp_path)
    assert again.progress().running
    assert again.progress().trials == 2000
    with pytest.raises(BlockingIOError, match="another process runs this sweep"):
        lock(sweep.folder.lock)
    stopped = subprocess.run(
        [sys.executable, "-m", "research.sweep", sweep.id, "--home", tmp_path, "--stop"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "stopped" in stopped.stdout
    assert not sweep.progress().running
    assert not sweep.progress().finished
    assert sweep.results().num_rows == len(again.rows())
    with pytest.raises(ValueError, match=f"sweep 'nope': not found in .* which has: {sweep.id}"):
        attach("nope", tmp_path)


def test_a_trial_that_raises_is_a_row_with_its_error(tmp_path: Path) -> None:
    """One bad combination must not end the others, and must not be forgotten."""
    space = {"every": [3], "fault": ["", "raise", "exit", "die"]}
    folder = described(tmp_path, space=space)
    driven(folder, 2)
    errors = pq.read_table(folder.table)["error"].to_pylist()
    assert errors[0] == ""
    assert errors[1].startswith("RuntimeError: found nothing in <object object at 0x…>; in event ")
    assert errors[2] == "SystemExit: 7"
    assert errors[3] == "its process ended 2 times without a result: signal 9"


def test_the_registry_has_each_run_once_also_of_an_unfinished_sweep(tmp_path: Path) -> None:
    """The number of trials tried decides how lucky the best one is, so none may be missing or doubled."""
    driven(described(tmp_path), 2)
    other = described(tmp_path, seed=0, space={"every": [7, 8]})
    writer = LogWriter(other.trials)
    writer.append(Row(1, {"every": 8}, "stopped here"))
    writer.close()
    table = registry(tmp_path)
    assert table.num_rows == 13
    assert len({(row["sweep"], row["trial"]) for row in table.to_pylist()}) == 13
    row = next(row for row in table.to_pylist() if row["trial"] == 4)
    assert all(len(row[name]) == 32 for name in ("strategy_code", "engine_code", "data_hash"))
    assert row["parameters"] == '{"every":3,"size":2}'


def test_a_torn_record_is_cut_off_and_its_trial_runs_again(tmp_path: Path) -> None:
    """A driver may die in the middle of a write; half a record must not hide those that follow."""
    folder = described(tmp_path)
    row = Row(0, {"every": 1, "size": 1}, "kept")
    folder.trials.write_bytes(encode(row) + encode(row)[:-1])
    driven(folder, 1)
    rows = Log(folder.trials).read()
    assert sorted(one.number for one in rows) == list(range(12))
    assert rows[0].error == "kept"


def test_a_record_that_the_disk_has_no_room_for_leaves_a_log_that_is_whole(tmp_path: Path) -> None:
    """A part of a record would hide every later row from all readers, also after there is room again."""
    rows = [Row(number, {"every": number}) for number in range(3)]
    log = LogWriter(tmp_path / "log")
    log.append(rows[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(encode(rows[0])) + 5, hard))
    try:
        with pytest.raises(OSError, match="no room for the row of trial 1: make room, then resume the sweep"):
            log.append(rows[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(log.rows) == [0]
    log.append(rows[2])
    log.close()
    assert [row.number for row in Log(tmp_path / "log").read()] == [0, 2]


def test_changed_data_is_refused(tmp_path: Path) -> None:
    """Rows of two data sets in one table would be compared with one another."""
    folder = described(tmp_path)
    path = Path(folder.read().experiment.data)
    changed = SMALL.copy()
    changed["size"][-1] += 1
    with path.open("wb") as file:
        research.sweep.start.np.save(file, changed)
    with pytest.raises(ValueError, match=r"the data is another: found hash .* start the sweep again"):
        driven(folder, 1)


def file_in(place: Path) -> str:
    """A sweep's file beside its strategy and its data; its text."""
    (place / "mine.py").write_text((Path(__file__).parent / "strategies.py").read_text())
    research.sweep.start.np.save(place / "day.npy", SMALL)
    text = f"""
strategy = "mine:Every"
data = "day.npy"
space = {{every = [3, 5]}}
models = {{order_latency = 1_000_000, answer_latency = 1_000_000, fees = {{maker = "0.0002", taker = "0.0005"}}}}
[[instruments]]
{
        chr(10).join(
            f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
            for name in BTC.__slots__
            if (value := getattr(BTC, name)) is not None
        )
    }
"""
    (place / "sweep.toml").write_text(text)
    return text


def test_the_command_runs_a_file_and_names_a_wrong_key(tmp_path: Path) -> None:
    """A user begins with a file and the help."""
    text = file_in(tmp_path)
    command = [sys.executable, "-m", "research.sweep", tmp_path / "sweep.toml", "--home", tmp_path / "home"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "finished, 2 of 2 trials, 0 failed" in done.stdout
    (tmp_path / "sweep.toml").write_text("spac = 1\n" + text)
    wrong = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "unknown key `spac`, did you mean space or" in wrong.stderr


def test_of_two_processes_that_start_one_sweep_at_once_both_show_its_end(tmp_path: Path) -> None:
    """The second one ended with an error, although the sweep that it wanted was running."""
    folder = described(tmp_path / "held")
    held = lock(folder.lock)
    _start_driver(folder, 1, 0, "")  # the other process locked it after this one had found it free
    os.close(held)
    Path(folder.read().experiment.data).unlink()
    with pytest.raises(SweepStoppedError, match=r"did not start: .*No such file"):
        _start_driver(folder, 1, 0, "")
    file_in(tmp_path)
    command = [sys.executable, "-m", "research.sweep", tmp_path / "sweep.toml", "--home", tmp_path / "home"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    shown = [one.communicate(timeout=60)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert shown[0] == shown[1]
    assert "finished" in shown[0]


def test_workers_share_one_copy_of_the_data(tmp_path: Path) -> None:
    """Peers load the data in each worker: eight workers need eight times the memory."""
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:  # a fork copies pages of what its parent has
        data, shared, private = fresh.submit(memory_of, tmp_path).result(60)
    assert data / 2 < shared <= 1.1 * data
    assert private < 0.8 * data  # a copy would be one data set more


def memory_of(place: Path) -> tuple[int, int, int]:
    """The size of a sweep's data, the share of two workers in it, and the private memory of one."""
    bench = Bench(place, 400_000)
    return (Path(bench.study.experiment.data).stat().st_size, *bench.memory(1))
