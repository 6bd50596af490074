"""Checkpoints: whatever journal, wherever cut, a checkpoint and what follows it are the full replay."""

import os
import random
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.execution.journal import journal_file
from engine.execution.journal.journal import Entry, read_journal
from engine.execution.journal.journal_file import number_of, segments
from engine.execution.orders import blotter, fills
from engine.execution.orders.order import Order
from engine.execution.restore import checkpoint, replay, replay_state
from engine.execution.restore.checkpoint import Request, advance, blank, checkpoints, restore
from engine.execution.restore.replay import Replay
from engine.model.words import BUY, SELL, CommandKind, IntentKind
from tests.engine.execution.memory import AS_CHASE, AS_LIMIT, BTC, CHASE, ETH, MS, SECOND, STRATEGY, House

SEGMENT = 8192  # 25 records
KEPT_ORDERS, KEPT_FILLS = 8, 4


class Killed(BaseException):
    """SIGKILL."""


def live_through(house: House, seed: int, acts: int, fees: tuple[str, ...] = ("USDT", "BTC", "BNB")) -> None:
    """Orders of all kinds, fills, faults, deaths, commands."""
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    draw = random.Random(seed)
    house.ready()
    middle = 6_000_000
    for number in range(acts):
        if number % 40 == 20:
            house.settle(31)  # an audit: the watermark moves
            house.book(middle - 50, middle + 50)
        act = draw.random()
        live = list(house.role.blotter.live.values())
        rest = [one for one in house.venue.orders.values() if one.open]
        if act < 0.35:
            house.intent(
                side=draw.choice((BUY, SELL)), size=draw.randrange(100, 2000), price=middle + draw.randrange(-900, 900),
                **draw.choice((AS_LIMIT, AS_CHASE)), timeout_ns=draw.choice((0, SECOND)),
            )  # fmt: skip
        elif act < 0.45 and live:
            house.cancel(draw.choice(live).intent_id)
        elif act < 0.6 and live:
            one = draw.choice(live)
            house.intent(
                kind=IntentKind.REPLACE, target_id=one.intent_id, side=one.side, size=draw.randrange(100, 2000),
                price=middle + draw.randrange(-900, 900),
            )  # fmt: skip
        elif act < 0.85 and rest:
            there = draw.choice(rest)
            house.venue.fee_asset, house.venue.fee = draw.choice(fees), "0.00001000"  # below what is traded
            house.venue.fill(there.client_id, draw.randrange(1, there.size + 1))
        elif act < 0.88:
            house.command(draw.choice((CommandKind.CANCEL_ALL, CommandKind.HALT)))
            house.run(2)
            house.command(CommandKind.RESUME)
        elif act < 0.9:
            house.restart()
        house.run(draw.randrange(1, 4), draw.choice((MS, 20 * MS, 400 * MS)))
        middle += draw.randrange(-300, 300)
        house.book(middle - 50, middle + 50)


def everything(one: Replay) -> dict[str, Any]:
    """All that a replay holds, each field of each object, found by looking and not by a list of names."""
    names: dict[int, int] = {}

    def show(one: Any) -> Any:  # noqa: PLR0911 - a table of kinds
        if isinstance(one, (int, str, bytes, float, type(None))):
            return one
        if isinstance(one, Order):
            if id(one) in names:
                return f"order {names[id(one)]}"
            names[id(one)] = len(names)
        if isinstance(one, dict):
            return [(show(key), show(value)) for key, value in one.items()]
        if isinstance(one, (list, tuple, deque)):
            return [getattr(one, "maxlen", None), *map(show, one)]
        if isinstance(one, set):
            return sorted(one)
        if callable(one) or isinstance(one, checkpoint.NoOutput):
            return type(one).__name__
        slots = getattr(type(one), "__slots__", None) or vars(one)
        return [type(one).__name__, *((name, show(getattr(one, name))) for name in slots)]

    return {name: show(value) for name, value in vars(one).items()}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is kept, so that forgetting is a part of every journal."""
    monkeypatch.setattr(blotter, "DONE_KEPT", KEPT_ORDERS)
    monkeypatch.setattr(fills, "FILLS_KEPT", KEPT_FILLS)
    monkeypatch.setattr(replay, "FILLS_REPUBLISHED", 16)


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, Request]:
    """A journal of some segments, without checkpoints."""
    house = House(tmp_path / "journal", segment_size=SEGMENT)
    live_through(house, 5, 90)
    house.role.journal.close()
    for path in checkpoints(tmp_path / "journal"):
        path.unlink()
    return tmp_path / "journal", request_of(house)


def request_of(house: House) -> Request:
    """What makes a checkpoint of its journal."""
    return Request(
        house.config.journal.directory, house.role.journal.closed, (BTC, ETH), tuple(house.config.strategies),
        house.role.blotter.fill_order.name,
    )  # fmt: skip


def replayed(request: Request, entries: list[Entry], behind: bytes = b"") -> Replay:
    """A replay of these, after a state."""
    begun = blank(request)
    if behind:
        replay_state.load(behind, begun)
    for entry in entries:
        begun.feed(entry)
    return begun


@pytest.mark.parametrize("seed", range(3))
def test_at_every_cut_a_checkpoint_and_the_rest_are_the_full_replay(tmp_path: Path, seed: int) -> None:
    """Field for field, found by reflection; a field that a checkpoint forgets is a position that is wrong one day."""
    house = House(tmp_path, segment_size=1 << 16)
    live_through(house, seed, 70)
    house.role.journal.close()
    entries, request = list(read_journal(tmp_path)), request_of(house)
    whole = replayed(request, entries)
    assert whole.blotter.fills[1].floor, "something was forgotten"
    dumped = replay_state.dump(whole)
    for cut in range(len(entries)):
        begun = replayed(request, entries[:cut])
        again = replayed(request, entries[cut:], replay_state.dump(begun))
        assert replay_state.dump(again) == dumped, f"cut at {cut}"
        if not cut % 7:
            assert everything(again) == everything(whole), f"cut at {cut}"
    whole.finish()
    again.finish()
    assert everything(again) == everything(whole)


def test_a_start_reads_only_what_follows_the_newest_checkpoint(
    recorded: tuple[Path, Request], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log shows it, and the result equals a full replay."""
    caplog.set_level("INFO")
    directory, request = recorded
    request.segment = len(segments(directory)) - 2
    advance(request)
    read: list[str] = []
    whole = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.name) or whole(path))
    records = journal_file.read_whole
    monkeypatch.setattr(journal_file, "read_whole", lambda path, *more: read.append(path.name) or records(path, *more))
    begun = blank(request)
    behind = restore(request, begun, 10**9)
    begun.run(entry for entry in read_from(directory, behind, begun.sequence))
    expected = [checkpoints(directory)[-1].name, *(path.name for path in segments(directory)[behind:])]
    assert read in (expected, expected[:-1])  # the last may be reserved ahead, with nothing in it yet
    assert caplog.messages == ["a checkpoint was loaded"]
    full = blank(request)
    full.run(read_journal(directory))
    assert everything(begun) == everything(full)


def read_from(directory: Path, behind: int, last: int) -> Iterator[Entry]:
    """The entries after a segment."""
    from engine.execution.journal.journal import open_records

    for whole in journal_file.read_segments(directory, behind, last + 1):
        yield from open_records(whole)


def flip(data: bytes, at: int) -> bytes:
    """One bit."""
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "its checksum is wrong": lambda data: flip(data, len(data) // 2),
    "it has 20 bytes, expected at least": lambda data: data[:20],
    "its checksum is wrong ": lambda data: data[:-7],
    "it begins with": lambda data: b"SOMETHING" + data[9:],
    "it is of version": lambda data: flip(data, 9),
    "its checksum is wrong  ": lambda data: flip(data, 17),
    "its checksum is wrong   ": lambda data: data + b"\0",
}


@pytest.mark.parametrize("why", SPOILED)
def test_a_checkpoint_that_is_not_good_is_skipped_for_the_one_before(
    recorded: tuple[Path, Request], caplog: pytest.LogCaptureFixture, why: str
) -> None:
    """The log has the reason; with none left the whole journal is read."""
    directory, request = recorded
    for request.segment in (3, 5):
        advance(request)
    older, newest = checkpoints(directory)
    newest.write_bytes(SPOILED[why](newest.read_bytes()))
    begun = blank(request)
    assert restore(request, begun, 10**9) == 3
    assert why.strip() in caplog.records[-1].why  # type: ignore[attr-defined]
    older.write_bytes(b"")
    assert restore(request, blank(request), 10**9) == 0


def test_every_flipped_bit_is_noticed(recorded: tuple[Path, Request]) -> None:
    """In the header as well as in the state."""
    directory, request = recorded
    request.segment = 3
    advance(request)
    (path,) = checkpoints(directory)
    whole = path.read_bytes()
    for at in (*range(checkpoint.HEADER.size), *range(checkpoint.HEADER.size, len(whole), 997)):
        path.write_bytes(flip(whole, at))
        assert isinstance(checkpoint.read(path, request.identity), str), at


def test_a_checkpoint_of_another_configuration_is_skipped(recorded: tuple[Path, Request]) -> None:
    """Which positions there are follows from instruments and strategies."""
    _, request = recorded
    request.segment = 4
    advance(request)
    other = Request(request.directory, 4, request.instruments, (STRATEGY, 9), request.fill_order)
    assert restore(other, blank(other), 10**9) == 0
    elsewhere = msgspec.structs.replace(request, account=2)
    assert restore(elsewhere, blank(elsewhere), 10**9) == 0, "its orders are at another account"
    assert restore(request, blank(request), 10**9) == 4


def test_a_checkpoint_of_a_journal_that_is_gone_is_skipped(recorded: tuple[Path, Request]) -> None:
    """After a deletion of `journal.*` alone, execution would trade on positions of another journal."""
    directory, request = recorded
    request.segment = 4
    advance(request)
    first = segments(directory)[0]
    first.write_bytes(flip(first.read_bytes(), 20))
    assert restore(request, blank(request), 10**9) == 0


def test_a_checkpoint_ahead_of_the_journal_is_skipped(recorded: tuple[Path, Request]) -> None:
    """The segments before it are gone: its state has no journal any more."""
    _, request = recorded
    for request.segment in (2, 4):
        advance(request)
    assert restore(request, blank(request), 3 * (SEGMENT // journal_file.SIZE)) == 2


def test_no_checkpoint_is_made_of_a_damaged_journal(recorded: tuple[Path, Request]) -> None:
    """It would make the damage look whole."""
    directory, request = recorded
    third = segments(directory)[2]
    third.write_bytes(flip(third.read_bytes(), 1000))
    request.segment = 4
    advance(request)
    assert checkpoints(directory) == []


def test_only_the_newest_two_are_kept_and_every_segment(recorded: tuple[Path, Request]) -> None:
    """The second for the case that the first is spoiled; the segments are the audit."""
    directory, request = recorded
    before = segments(directory)
    for request.segment in range(1, 6):
        advance(request)
    assert [number_of(path) for path in checkpoints(directory)] == [4, 5]
    assert segments(directory) == before


ACTS = ("open", "write", "fsync", "close", "rename", "unlink")


def mishaps(monkeypatch: pytest.MonkeyPatch, fail_at: int, error: BaseException, names: tuple[str, ...]) -> list[str]:
    """Let the so-manieth act on the disk fail; the acts seen."""
    seen: list[str] = []

    def wrap(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*values: Any, **more: Any) -> Any:
            seen.append(name)
            if len(seen) - 1 == fail_at:
                raise error
            return act(*values, **more)

        return acting

    for name in names:
        monkeypatch.setattr(os, name, wrap(name, getattr(os, name)))
    return seen


def test_killed_at_any_act_of_writing_a_start_is_a_full_replay(recorded: tuple[Path, Request], tmp_path: Path) -> None:
    """Before and after every call to the kernel; the next one to make a checkpoint is not in the way of its rest."""
    directory, request = recorded
    for request.segment in (1, 3):
        advance(request)
    full = everything(replayed(request, list(read_journal(directory))))
    request.segment, act, deaths = 5, 0, 0
    while True:
        there = tmp_path / f"killed{act}"
        shutil.copytree(directory, there)
        request.directory = str(there)
        with pytest.MonkeyPatch.context() as patch:
            seen = mishaps(patch, act, Killed(), ACTS)
            try:
                advance(request)
            except Killed:
                deaths += 1
        begun = blank(request)
        behind = restore(request, begun, 10**9)
        assert behind in (3, 5)
        for entry in read_from(there, behind, begun.sequence):
            begun.feed(entry)
        assert everything(begun) == full
        advance(request)
        assert number_of(checkpoints(there)[-1]) == 5
        assert not (there / checkpoint.TEMPORARY).exists()
        if act >= len(seen):
            break
        act += 1
    assert deaths > len(ACTS)


@pytest.mark.parametrize("name", ["open", "write", "fsync"])
def test_a_full_disk_costs_a_checkpoint_and_nothing_else(
    recorded: tuple[Path, Request], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The one before still counts, and no half of a file uses the space that the journal needs."""
    directory, request = recorded
    request.segment = 2
    advance(request)
    request.segment = 4
    with monkeypatch.context() as patch:
        mishaps(patch, 0, OSError(28, "No space left on device"), (name,))
        advance(request)
    assert [number_of(path) for path in checkpoints(directory)] == [2]
    assert not (directory / checkpoint.TEMPORARY).exists()


def test_memory_and_file_stay_bounded(tmp_path: Path) -> None:
    """A journal may be long; what is known of it may not grow with it."""
    house = House(tmp_path, segment_size=SEGMENT)
    house.ready()
    sizes = []
    for _ in range(8):
        for _ in range(25):
            order = house.place(algorithm=CHASE, price=0, size=100)
            house.venue.fill(order.client_id.hex(), 100)
            house.run(3)
        house.settle(35)
        house.book()
        sizes.append(len(replay_state.dump(replayed(request_of(house), list(read_journal(tmp_path))))))
    assert max(sizes[4:]) < min(sizes[2:4]) * 1.2, sizes
    assert len(house.role.blotter.orders) <= KEPT_ORDERS + 1
    assert len(house.role.blotter.fills[1].trades) <= KEPT_FILLS + 25


def test_lives_on_checkpoints_end_in_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed again and again, each life beginning at the newest checkpoint: nothing is lost or doubled."""
    monkeypatch.setattr(blotter, "DONE_KEPT", 1000)
    monkeypatch.setattr(fills, "FILLS_KEPT", 1000)
    house = House(tmp_path, segment_size=SEGMENT)
    live_through(house, 11, 150, ("USDT",))
    assert checkpoints(tmp_path)
    for _ in range(3):
        house.restart()
        house.settle(20)
        house.book()
    house.check_truth()
    assert house.venue.violations == []
