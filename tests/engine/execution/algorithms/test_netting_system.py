"""Netting in a real system on the loopback venue, with execution killed again and again."""

import os
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from engine.lanes import LOOKERS, open_lanes
from engine.model.words import FillFlag
from tests.engine.answers import rows_of
from tests.engine.floor import Floor, until

DEATHS, MEANWHILE = 5, 6  # and how often orders are netted before each
PAIR = {3, 4}  # the strategies whose orders are netted
SAME = ("time_ns", "instrument", "price", "size", "account")
SIDES = {"buy": 1, "sell": -1}
MORE = """
[execution]
netting = true
[[strategies]]
name = "buying"
id = 3
class = "tests.engine.crossing:Buying"
instruments = [1]
[[strategies]]
name = "selling"
id = 4
class = "tests.engine.crossing:Selling"
instruments = [1]
[[processes]]
name = "buying"
roles = ["buying"]
[[processes]]
name = "selling"
roles = ["selling"]
[watch]
death_limit = 1000
late_ms = 3600000
frozen_ms = 3600000
"""


def newest(system: Floor) -> int:
    """When the newest internal fill was made that execution has published; 0 before the first."""
    ring = open_lanes(system.system, LOOKERS).ring_reader("fills")
    ring.cursor, found = ring.oldest, 0
    while (row := ring.read()) is not None:
        if getattr(row, "flags", 0) & FillFlag.INTERNAL:
            found = row.receive_ns
    return found


def kill(system: Floor) -> int:
    """Kill execution as soon as it has netted some more times, and return the time."""
    for _ in range(MEANWHILE):
        before = newest(system)
        until(lambda known=before: newest(system) > known)
    pid, at_ns = system.pid("execution"), time.time_ns()
    os.kill(pid, signal.SIGKILL)
    until(lambda: system.pid("execution") not in (0, pid))
    return at_ns


def rows(system: Floor, capsys: pytest.CaptureFixture[str], *words: str) -> list[Any]:
    """What a command of the operator prints as JSON."""
    capsys.readouterr()
    assert system.type(*words, "--json") == 0
    return rows_of(capsys.readouterr().out)


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_internal_fills_have_both_sides_through_deaths_of_execution(
    floor: Callable[..., Floor], capsys: pytest.CaptureFixture[str]
) -> None:
    """A side without the other is a position that neither the venue nor the other strategy knows."""
    system = floor(MORE)
    system.up()
    deaths = [kill(system) for _ in range(DEATHS)]
    died_ns = deaths[-1]
    until(lambda: newest(system) > died_ns)
    until(lambda: system.type("reconcile") == 0)
    rows(system, capsys, "status")  # 0: every process runs, every book is good, nothing is halted
    rows(system, capsys, "monitor")  # 0: no position and no balance differs from execution's or the venue's
    assert system.type("halt") == 0
    until(lambda: not system.open_orders())
    assert system.differences() == []
    found = [one for one in rows(system, capsys, "fills") if one["liquidity"] == "internal"]
    times = [0, *deaths, time.time_ns()]
    counts = [sum(begin < one["time_ns"] <= end for one in found) for begin, end in pairwise(times)]
    print(f"{len(found)} internal fills; before, between and after the deaths: {counts}")  # noqa: T201 - the figures
    assert counts[-1]
    assert all(count >= 2 * MEANWHILE for count in counts[:-1]), counts
    for one, other in zip(found[::2], found[1::2], strict=True):  # a NETTED record has the buyer's fill first
        assert [one[name] for name in SAME] == [other[name] for name in SAME]
        assert (one["side"], other["side"], {one["strategy"], other["strategy"]}) == ("buy", "sell", PAIR)
    assert len({one["client_id"] for one in found}) == len(found)
    assert sum(SIDES[one["side"]] * Decimal(one["size"]) for one in found) == 0
    assert sum(SIDES[one["side"]] * Decimal(one["size"]) * Decimal(one["price"]) for one in found) == 0
    assert {Decimal(one["fee"]) for one in found} == {0}
