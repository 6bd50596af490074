"""The halt in its three places, and which of them decides."""

import os
from collections.abc import Callable, Iterator

import pytest

import shm
from engine.config import Config
from engine.control import Peer
from engine.model.records import HALT
from engine.model.scope import Scope
from engine.model.words import HaltReason
from engine.supervisor import operator, segments
from engine.supervisor.halt import AGAIN_NS, Halt
from engine.supervisor.scopes import HaltedScopes

Write = Callable[..., Config]


@pytest.fixture
def config(write: Write) -> Iterator[Config]:
    """A system with its segments and no running process."""
    made = write()
    segments.create(made)
    yield made
    segments.remove(made)


def cell(config: Config) -> int | None:
    """What a role that starts would read."""
    row = shm.CellReader(config.lane("halt")).read(0)
    return None if row is None else int(row.halted)


def test_a_start_writes_the_cell_also_when_nothing_is_halted(config: Config) -> None:
    """With an empty cell execution uses its journal, and refuses every order while status shows trading."""
    halt = Halt(config, 1)
    assert cell(config) == 0
    halt.close()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"reason": "signal", "text": "an operator asked"}', HaltReason.SIGNAL),
        ('{"reason": "execution", "text": "fill 7 says"}', HaltReason.EXECUTION),
        ('{"reason": "deaths"}', HaltReason.DEATHS),
        ("", HaltReason.FILE),
        ('["by hand"]', HaltReason.FILE),
        ('{"reason": 7}', HaltReason.FILE),
    ],
)
def test_the_file_holds_the_reason_of_the_halt(config: Config, text: str, reason: HaltReason) -> None:
    """SIGUSR1 to execution was shown as "file", so an operator searched for the person who had touched it."""
    config.paths.halt.write_text(text)
    halt = Halt(config, 1)
    assert halt.reason == reason
    halt.close()


def test_a_halt_word_with_an_unknown_reason_halts_and_the_supervisor_lives(config: Config) -> None:
    """Who may halt writes the word himself: a wrong byte in it must not end the supervisor at each start."""
    halt = Halt(config, 1)
    with operator.held_word(config.system.name) as word:
        assert word is not None
        word.write(0, *HALT.row(halted=1, since_ns=2, command_sequence=0, uid=0, reason=200))
    assert halt.step(3)
    assert (halt.halted, halt.reason) == (True, HaltReason.OPERATOR)
    halt.resume(4, Peer(1, 0), 4)
    assert not halt.halted
    halt.close()


def test_the_file_decides_at_a_start_and_the_cell_while_it_is_up(config: Config) -> None:
    """A touched file halts at the start; removed under a living system it resumes nothing."""
    config.paths.halt.touch()
    halt = Halt(config, 1)
    assert (cell(config), halt.reason) == (1, HaltReason.FILE)
    halt.close()
    config.paths.halt.unlink()
    again = Halt(config, 2)
    assert (cell(config), again.halted, config.paths.halt.exists()) == (1, True, True)
    again.close()


def test_a_halt_that_a_full_disk_refused_is_written_when_there_is_room(config: Config) -> None:
    """It was in memory only for ever: `down` and `up` traded again, although no operator had resumed."""
    made = config.paths.halts.with_suffix(".made")
    blocks = [
        config.paths.halt.with_name(f"HALT.{os.getpid()}"),
        config.paths.halt.with_name(f".HALT.{os.getpid()}"),
        made,
    ]
    halt = Halt(config, 1)
    me = Peer(1, 0)
    for one in blocks:
        one.mkdir()
        (one / "full").touch()
    assert not halt.halt(2, me, HaltReason.OPERATOR)
    assert not halt.halt_scope(3, me, Scope(strategy=3), HaltReason.OPERATOR)
    halt.step(4)
    for one in blocks:
        (one / "full").unlink()
        one.rmdir()
    halt.step(4 + AGAIN_NS)
    assert operator.reason_of(config.paths.halt) == HaltReason.OPERATOR
    assert set(HaltedScopes(config.paths.halts).held) == {Scope(strategy=3)}
    halt.close()
