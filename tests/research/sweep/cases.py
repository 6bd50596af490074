"""What the tests of sweeps run: a small market and a small space."""

import os
import signal
from pathlib import Path
from typing import Any

import msgspec

from bench.market import BTC, made
from research.simulate import Constant, Fees, Models
from research.sweep import Sweep, sweep
from research.sweep.run.driver import drive
from research.sweep.start import describe
from research.sweep.study import Folder
from tests.research.sweep.strategies import Every

MODELS = Models(Constant(1_000_000), Constant(1_000_000), Fees.flat("0.0002", "0.0005"))
SMALL = made(2_000)
SPACE = {"every": [1, 3, 10, 40], "size": {"from": 1, "to": 3, "step": 1}}


def begun(home: Path, **changed: Any) -> Sweep:
    """A sweep whose driver runs in a process of its own."""
    options = {"space": SPACE, "instruments": [BTC], "models": MODELS, "home": home, "workers": 2} | changed
    return sweep(options.pop("data", SMALL), options.pop("strategy", Every), **options)


def described(home: Path, **changed: Any) -> Folder:
    """The folder of a sweep that does not run yet."""
    options = {"space": SPACE, "instruments": [BTC], "models": MODELS, "home": home} | changed
    return describe(options.pop("data", SMALL), options.pop("strategy", Every), **options)


def driven(folder: Folder, workers: int, variants: int = 0) -> bytes:
    """Run a sweep in this process; the bytes of its table."""
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert drive(folder, workers, variants, "", -1)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    return folder.table.read_bytes()


def driver_of(folder: Folder) -> int:
    """The process that runs a sweep."""
    return int(msgspec.json.decode(folder.lock.read_bytes())["pid"])


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
