"""What operators set, in the supervisor: stored before it is published, published again, and undone when refused."""

import errno
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

import shm
from engine.config import Config, settings
from engine.control import Peer, Refused
from engine.lanes import EXECUTION, LOOKERS, STRATEGY, open_lanes
from engine.model.records import SETTINGS
from engine.model.text import bare
from engine.model.words import CommandKind, HaltReason
from engine.supervisor import segments
from engine.supervisor.halt import Halt
from engine.supervisor.settings import AGAIN_AFTER, Settings
from tests.engine.floor import Floor

ALICE = Peer(7, 1)


class Desk:
    """The supervisor's halt and settings, on real segments without a process."""

    def __init__(self, config: Config) -> None:
        """A life of the supervisor."""
        self.config = config
        self.halt = Halt(config, 1)
        self.settings = Settings(config, self.halt, 1)

    def again(self) -> "Desk":
        """The next life, as after SIGKILL."""
        self.halt.close()
        return Desk(self.config)

    def set(self, owner: str, **values: Any) -> int:
        """Set values; the version."""
        version: int = self.settings.change(owner, values, (), (), ALICE, 5)["version"]
        return version

    def sets(self) -> list[tuple[int, int, dict[str, Any]]]:
        """Every SET that the ring holds: strategy, version, values."""
        ring = open_lanes(self.config.system.name, LOOKERS).ring_reader("commands")
        ring.cursor = ring.oldest
        rows = [row for row in iter(ring.read, None) if not isinstance(row, shm.Lapped)]
        return [
            (row.strategy, row.version, json.loads(bare(row.values)))
            for row in rows
            if row.kind == CommandKind.SET
        ]  # fmt: skip


@pytest.fixture
def desk(floor: Callable[..., Floor]) -> Iterator[Desk]:
    """The demo's segments."""
    config = floor().config
    config.paths.make()
    segments.create(config)
    made = Desk(config)
    yield made
    made.halt.close()
    segments.remove(config)


def confirm(config: Config, kind: str, own: str, **fields: Any) -> None:
    """What a role writes into its cell."""
    lanes = open_lanes(config.system.name, kind, own)
    writer = lanes.cell_writer("parameters" if kind == STRATEGY else "limits")
    writer.write(0, *SETTINGS.row(**{"now_ns": 1, "version": 0, "refused": 0, "error": b"", **fields}))
    lanes.close()


def test_a_supervisor_that_died_between_file_and_record_publishes_at_its_next_start(desk: Desk) -> None:
    """The file is written first: a value that was stored must not be forgotten by the roles."""
    desk.set("maker", size="0.002")
    stored = settings.read(desk.config.paths.settings)
    values = stored.of("maker").values
    lost = stored.with_owner("maker", {"size": settings.Value("0.003", 9, values["size"].who)}, None)
    settings.write(desk.config.paths.settings, lost)
    again = desk.again()
    assert again.sets() == [(1, 1, {"size": "0.002"}), (1, 2, {"size": "0.003"})]
    once_more = again.again()
    assert once_more.sets() == again.sets(), "what the ring holds is not published twice"
    desk.halt = once_more.halt


def test_a_set_is_published_again_before_the_ring_overwrites_it(desk: Desk) -> None:
    """A role that starts reads its settings from COMMANDS alone: the newest SET must always be there."""
    desk.set("risk", max_spread_bps=40)
    capacity = 2 * AGAIN_AFTER
    for now_ns in range(3 * capacity):
        desk.halt.halt(now_ns, ALICE, HaltReason.OPERATOR)
        desk.settings.step(now_ns)
        if now_ns % (AGAIN_AFTER // 2) == 0:
            assert desk.sets()[-1] == (0, 1, {"max_spread_bps": 40})


def test_a_refused_change_returns_to_the_values_before(desk: Desk) -> None:
    """Otherwise the refused value is published again at each start, and refused again."""
    first = desk.set("maker", half_width_steps=3)
    confirm(desk.config, STRATEGY, "maker", version=first)
    assert desk.settings.step(10) == 0
    second = desk.set("maker", half_width_steps=0)
    confirm(desk.config, STRATEGY, "maker", version=first, refused=second, error=b"must be at least 1")
    assert desk.settings.step(11) == 1
    assert desk.sets()[-1] == (1, second + 1, {"half_width_steps": 3})
    assert settings.read(desk.config.paths.settings).of("maker").plain() == {"half_width_steps": 3}
    assert desk.settings.step(12) == 0


def test_a_refusal_returns_to_what_is_applied_also_after_two_changes(desk: Desk) -> None:
    """Two operators at once: the second change must not make a refused value of the first one the value before."""
    good = desk.set("maker", half_width_steps=3)
    confirm(desk.config, STRATEGY, "maker", version=good)
    desk.settings.step(10)
    desk.set("maker", half_width_steps=0)
    second = desk.set("maker", size="0.002")
    confirm(desk.config, STRATEGY, "maker", version=good, refused=second, error=b"must be at least 1")
    assert desk.settings.step(11) == 1
    assert desk.sets()[-1] == (1, second + 1, {"half_width_steps": 3})
    confirm(desk.config, STRATEGY, "maker", version=second + 1)
    third = desk.set("maker", half_width_steps=4)
    last = desk.set("maker", size="x")
    confirm(desk.config, STRATEGY, "maker", version=third, refused=last, error=b"no number")
    assert desk.settings.step(12) == 1
    assert desk.sets()[-1] == (1, last + 1, {"half_width_steps": 4}), "what was applied and confirmed stays"


def test_a_supervisor_that_died_before_a_refusal_returns_to_the_values_before(desk: Desk) -> None:
    """The next life undoes what the one before it has published: it knows from the file what was in force."""
    first = desk.set("maker", half_width_steps=3)
    confirm(desk.config, STRATEGY, "maker", version=first)
    desk.settings.step(10)
    second = desk.set("maker", half_width_steps=0)
    again = desk.again()
    confirm(desk.config, STRATEGY, "maker", version=first, refused=second, error=b"must be at least 1")
    assert again.settings.step(11) == 1
    assert again.sets()[-1] == (1, second + 1, {"half_width_steps": 3})
    confirm(desk.config, STRATEGY, "maker", version=second + 1)
    assert again.settings.step(12) == 0
    assert settings.read(desk.config.paths.settings).before == {}
    desk.halt = again.halt


def test_a_reload_of_several_owners_is_stored_whole_or_not_at_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that is killed within a reload leaves the old values or the new ones, of every owner."""
    desk.set("risk", max_spread_bps=40)
    changed = {"maker": ["lean_steps"], "risk": ["max_spread_bps"]}
    wrong = msgspec.structs.replace(desk.config, risk={**desk.config.risk, "max_spread_bps": -1})
    with pytest.raises(Refused, match="max_spread_bps must be positive"):
        desk.settings.reload(wrong, changed, ALICE, 6)
    assert desk.sets() == [(0, 1, {"max_spread_bps": 40})]
    assert settings.read(desk.config.paths.settings).of("maker").version == 0
    right = msgspec.structs.replace(desk.config, risk={**desk.config.risk, "max_spread_bps": 30})
    with monkeypatch.context() as patch:
        patch.setattr(Settings, "_publish", die)
        with pytest.raises(SystemExit):
            desk.settings.reload(right, changed, ALICE, 7)
    again = desk.again()
    assert {number: values for number, _, values in again.sets()} == {
        0: {"max_spread_bps": 30}, 1: {"lean_steps": desk.config.strategy("maker").parameters["lean_steps"]},
    }  # fmt: skip
    desk.halt = again.halt


def die(*_: object) -> None:
    """A kill between the file and the first record."""
    raise SystemExit


def test_a_refused_change_is_undone_in_memory_when_the_disk_is_full(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor died of it, and its next life had forgotten the value before."""
    first = desk.set("maker", half_width_steps=3)
    second = desk.set("maker", half_width_steps=0)
    confirm(desk.config, STRATEGY, "maker", version=first, refused=second, error=b"must be at least 1")
    monkeypatch.setattr(settings, "write", fill_disk)
    assert desk.settings.step(11) == 1
    assert desk.sets()[-1] == (1, second + 1, {"half_width_steps": 3})


def fill_disk(path: object, values: object) -> None:
    """A write on a disk without room."""
    del path, values
    raise OSError(errno.ENOSPC, "No space left on device")


def test_wrong_changes_are_refused_and_nothing_is_stored(desk: Desk) -> None:
    """The supervisor does not trust its client."""
    for owner, values, text in (
        ("nobody", {"size": 1}, "unknown owner 'nobody', expected one of risk, maker, taker"),
        ("risk", {"max_spread_bps": -1}, "max_spread_bps must be positive"),
        ("risk", {"usd_quotes": ["EUR"]}, "usd_quotes cannot change while execution runs"),
        ("maker", {"size": "x" * 1000}, "may have 960 bytes"),
    ):
        with pytest.raises(Refused, match=text):
            desk.set(owner, **values)
    with pytest.raises(Refused, match=r"maker\.size is not set, set are: none"):
        desk.settings.change("maker", {}, ["size"], (), ALICE, 5)
    assert desk.sets() == []
    assert not desk.config.paths.settings.exists()


def test_the_status_shows_what_each_role_has_confirmed(desk: Desk) -> None:
    """A value that is stored and not applied must not look like one that is in force."""
    version = desk.set("risk", max_spread_bps=40)
    one = desk.settings.status()["risk"]
    assert (one["version"], one["applied"], one["values"]["max_spread_bps"]["who"]["uid"]) == (
        version,
        {"execution": 0},
        1,
    )
    confirm(desk.config, EXECUTION, "execution", version=version)
    assert desk.settings.status()["risk"]["applied"] == {"execution": version}


def test_values_of_reload_end_with_the_life_of_the_system(desk: Desk) -> None:
    """The next `up` reads the file that has them; an operator's own value stays."""
    desk.set("maker", size="0.002")
    changed = {"maker": ["lean_steps"]}
    desk.settings.reload(desk.config, changed, ALICE, 6)
    assert desk.settings.status()["maker"]["values"]["lean_steps"]["reloaded"]
    desk.halt.close()
    segments.remove(desk.config)
    segments.create(desk.config)
    again = Desk(desk.config)
    assert set(again.settings.status()["maker"]["values"]) == {"size"}
    desk.halt = again.halt
