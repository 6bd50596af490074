"""Which deaths are failures on the same record."""

from typing import Any

import pytest

from engine.supervisor.processes.deaths import Death
from engine.supervisor.processes.repeats import Repeats

RECORD = {
    "role": "execution",
    "lane": "intents",
    "sequence": 7,
    "strategy": "maker",
    "instrument": 1,
    "id": "",
    "from": "process",
}


def death(code: int | None = 70, process: str = "execution", **more: Any) -> Death:
    """A failure on the record, with these fields of it changed."""
    return Death(1, process, (process,), 100, "a role failed", exit_code=code, record={**RECORD, **more})


def test_the_second_failure_in_a_row_on_one_record_is_found() -> None:
    """The first one may have been chance; a third one would be a loop."""
    repeats = Repeats()
    assert [repeats.add(death()) for _ in range(4)] == [False, True, False, True]


@pytest.mark.parametrize("other", [
    death(sequence=8), death(strategy="taker"), death(role="west"), death(None), death(69), death(**{"from": "memory"}),
    Death(1, "execution", ("execution",), 100, "killed by SIGKILL", signal="SIGKILL"),
])  # fmt: skip
def test_another_end_is_no_repetition_and_ends_the_row(other: Death) -> None:
    """A healthy strategy must not be stopped for a process that was killed twice."""
    repeats = Repeats()
    assert [repeats.add(one) for one in (death(), other, other if other.exit_code != 70 else death())] == [False] * 3


def test_each_process_has_a_row_of_its_own() -> None:
    """Two accounts fail on records of their own."""
    repeats = Repeats()
    assert [repeats.add(death(process=name)) for name in ("east", "west", "east", "west")] == [False, False, True, True]
