"""Two accounts at two venues, in real processes: each execution lives and dies alone."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import instruments
from engine.cli import main as engine_ctl
from engine.demo import audit
from engine.execution.journal.journal import read_journal
from engine.execution.orders import codec
from engine.lanes import LOOKERS, open_lanes
from engine.model.client_id import decode
from engine.model.instrument import Instrument
from engine.model.intent_id import strategy_of
from engine.model.words import JournalKind
from tests.engine.floor import ACCOUNT, Floor, until

NEVER_MS = 3_600_000
LASTING = """
[[strategies]]
name = "lasting_{venue}"
id = {id}
class = "tests.engine.resting:Lasting"
instruments = [{instrument}]
[[processes]]
name = "lasting_{venue}"
roles = ["lasting_{venue}"]
"""
BOTH = LASTING.format(venue="east", id=3, instrument=1) + LASTING.format(venue="west", id=4, instrument=2)
PAIR = """
[[strategies]]
name = "pair"
id = 5
class = "tests.engine.resting:Everywhere"
instruments = [1, 2]
[[processes]]
name = "pair"
roles = ["pair"]
"""
WATCH = f"[watch]\nbackoff_first_ms = {NEVER_MS}\nbackoff_cap_ms = {NEVER_MS}\nstart_limit_ms = 8000\n"
PATIENT = "[watch]\nlate_ms = 60000\nfrozen_ms = 60000\n"  # a frozen process is not replaced
VENUES = ("east", "west")


def kill_for_good(system: Floor, name: str) -> None:
    """The first death is followed by a start at once, the second by none for an hour."""
    for _ in range(2):
        pid = until(lambda: system.pid(name))
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: system.pid(name) != pid)
    assert not system.pid(name)


def phase(system: Floor, name: str) -> str:
    """The supervisor's."""
    return next(str(one["phase"]) for one in system.status()["processes"] if one["name"] == name)


def known(system: Floor) -> dict[int, Instrument]:
    """The instruments as the feed publishes them."""
    return {one.id: one for one in instruments.read(open_lanes(system.system, LOOKERS))}


def differences(system: Floor, venue: str, ones: dict[int, Instrument]) -> list[str]:
    """Between an account's journal and its venue's log: orders, fills and balances."""
    [account] = [one for one in system.config.accounts if one.venue == venue]
    own = {number: one for number, one in ones.items() if one.venue == venue}
    directory = system.paths.journal(account.number)
    ours = audit.read_ours(directory, own)
    strategies = tuple(one.id for one in system.config.strategies)
    ours.gained = audit.gains(audit.read_ledger(directory, own, strategies, account.number), ours.apart)
    truth = audit.read_truth(system.paths.state / f"{venue}-truth.log", ACCOUNT)
    assert len(truth.fills) > 0
    return [one.text for one in audit.compare(ours, truth)]


def client_ids(directory: Path) -> set[bytes]:
    """Every order id of a journal."""
    return {
        codec.ORDER.unpack(entry.payload).client_id
        for entry in read_journal(directory)
        if entry.kind == JournalKind.ORDER
    }


def of_strategy(system: Floor, venue: str, number: int) -> set[str]:
    """The open orders of a strategy at a venue, by the venue's own log."""
    return {
        one for one in system.open_orders(venue) if strategy_of(decode(bytes.fromhex(one))[1]) == number
    }  # fmt: skip


def printed(capsys: pytest.CaptureFixture[str], system: Floor, *words: str) -> str:
    """What a command prints for an operator."""
    capsys.readouterr()
    engine_ctl([*words, "--system", system.system])
    return capsys.readouterr().out


def test_a_killed_execution_has_its_own_orders_cancelled_and_leaves_the_other_trading(
    floor: Callable[..., Floor], capsys: pytest.CaptureFixture[str]
) -> None:
    """An account whose venue or keys fail must not take the other accounts with it, nor leave its orders open."""
    system = floor(BOTH + WATCH, "accounts")
    system.up()
    until(lambda: all(system.open_orders(venue) for venue in VENUES))
    ones = known(system)
    assert all(system.trades(venue) for venue in VENUES)
    kill_for_good(system, "east_main")
    assert system.trades("west")
    until(lambda: system.status()["cancellers"]["east_main"]["clean"])
    assert not system.open_orders("east")
    assert system.open_orders("west")
    assert system.trades("west")
    assert not system.status()["halted"]
    assert system.type("status") == 1
    shown = capsys.readouterr().out
    assert "trading in part, east_main is dead" in shown
    assert "and the venue does not list any of them as open" in shown or "east_main does not run" not in shown
    assert {phase(system, name) for name in ("west_main", "east_maker", "west_maker")} == {"running"}
    assert system.type("restart", "east_main") == 0
    assert all(system.trades(venue) for venue in VENUES)
    shown = printed(capsys, system, "fills")
    assert "east_main" in shown
    assert "west_main" in shown
    assert system.type("down") == 0
    assert {venue: differences(system, venue, ones) for venue in VENUES} == {"east": [], "west": []}
    first, second = (client_ids(system.paths.journal(number)) for number in (1, 2))
    assert first
    assert second
    assert not {one[:6] for one in first} & {one[:6] for one in second}


def test_a_strategy_that_trades_two_accounts_lives_through_the_death_of_one_and_its_own(
    floor: Callable[..., Floor],
) -> None:
    """Each intent goes to its instrument's account, and no id is used twice, whichever process dies."""
    system = floor(PAIR, "accounts")
    system.up()
    first = {venue: until(lambda venue=venue: of_strategy(system, venue, 5)) for venue in VENUES}
    ones = known(system)
    os.kill(system.pid("west_main"), signal.SIGKILL)
    assert all(system.trades(venue) for venue in VENUES)
    assert of_strategy(system, "east", 5) == first["east"]
    os.kill(system.pid("pair"), signal.SIGKILL)
    for venue in VENUES:
        until(lambda venue=venue: of_strategy(system, venue, 5) - first[venue])
    assert system.type("down") == 0
    assert {venue: differences(system, venue, ones) for venue in VENUES} == {"east": [], "west": []}
    intents = [decode(one)[1] for number in (1, 2) for one in client_ids(system.paths.journal(number))]
    assert len({one for one in intents if strategy_of(one) == 5}) >= 4
    assert not {one for one, count in Counter(intents).items() if count > 1 and strategy_of(one) == 5}


def test_a_halt_reaches_every_execution_and_names_the_one_that_does_not_confirm(
    floor: Callable[..., Floor], capsys: pytest.CaptureFixture[str]
) -> None:
    """A halt that one account confirms and another does not is incomplete."""
    system = floor(BOTH + PATIENT, "accounts")
    system.up()
    until(lambda: all(system.open_orders(venue) for venue in VENUES))
    assert system.type("halt") == 0
    assert not any(system.open_orders(venue) for venue in VENUES)
    assert system.type("resume") == 0
    assert all(system.trades(venue) for venue in VENUES)
    frozen = system.pid("west_main")
    os.kill(frozen, signal.SIGSTOP)
    try:
        capsys.readouterr()
        assert system.type("halt", "--timeout", "1") == 1
        assert "NOT CONFIRMED: west_main runs and did not confirm the halt" in capsys.readouterr().out
        assert not system.open_orders("east")
    finally:
        os.kill(frozen, signal.SIGCONT)
    until(lambda: not system.open_orders("west"))
    assert system.type("down") == 0


def test_a_journal_that_no_account_of_the_file_owns_stops_the_start(
    floor: Callable[..., Floor], capsys: pytest.CaptureFixture[str]
) -> None:
    """The check reports it before any process starts."""
    system: Any = floor(BOTH, "accounts")
    system.paths.journal(9).mkdir(parents=True, mode=0o700)
    assert engine_ctl(["check", str(system.file)]) == 2
    assert "journal.9 is of account 9" in capsys.readouterr().err
