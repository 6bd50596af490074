"""Stops, pairs and brackets in a real system on the loopback venue, with execution killed again and again."""

import os
import signal
from collections.abc import Callable

import pytest

from engine.execution.algorithms.triggered.triggered import Stage
from engine.model import algorithms
from engine.model.words import ParentStatus
from tests.engine.execution.algorithms.test_working import MORE, last, name, records
from tests.engine.floor import Floor, until
from tests.engine.protecting import PARENTS

DEATHS = 5
BRACKETS = sum(one[0] == "bracket" for one in PARENTS)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_every_stop_pair_and_bracket_ends_in_the_venue_s_truth_through_deaths_of_execution(
    floor: Callable[..., Floor],
) -> None:
    """A stop that a death loses is a position without an end; one that it doubles sells what is not held."""
    more = MORE.replace('volume_profile = "{profile}"\n', "")
    system = floor(more.replace("tests.engine.working:Working", "tests.engine.protecting:Protecting"))
    system.up()
    until(lambda: len(last(system)) == len(PARENTS))
    kept = [row for row in last(system).values() if not row.children and row.status != ParentStatus.DONE]
    for row in kept[:1]:
        assert system.type("cancel", str(row.intent_id)) == 0
        until(lambda one=row: last(system)[one.intent_id].status == ParentStatus.DONE)
    for _ in range(DEATHS):
        before = sum(1 for _ in records(system))
        until(lambda known=before: sum(1 for _ in records(system)) > known or not working(system))
        pid = system.pid("execution")
        os.kill(pid, signal.SIGKILL)
        until(lambda old=pid: system.pid("execution") not in (0, old))
    until(lambda: working(system) <= BRACKETS)  # the end of their time ends the others, and only their entries
    assert system.type("halt") == 0
    until(lambda: not working(system))
    found = [(name(row), row.side, row.filled, row.size, row.children) for row in last(system).values()]
    print(*found, sep="\n")  # noqa: T201 - the figures of the run
    assert all(filled <= size for _, _, filled, size, _ in found)
    assert {one for one, _, filled, _, _ in found if filled} >= {"protected", "bracket", "stop"}
    assert {algorithms.name_of(row.algorithm) for row in last(system).values()} == {one[0] for one in PARENTS}
    assert any(row.state[2] == Stage.NATIVE for row in records(system) if algorithms.keeps(row.algorithm))
    paired = [row for row in records(system) if row.state[2] == Stage.NATIVE and row.children > 1]
    assert {algorithms.name_of(row.algorithm) for row in paired} >= {"oco", "bracket"}
    assert system.differences() == []


def working(system: Floor) -> int:
    """How many parents work."""
    return sum(row.status != ParentStatus.DONE for row in last(system).values())
