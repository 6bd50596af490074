"""What the monitor finds, and what execution does about it: both in one memory, with a journal on the disk."""

from pathlib import Path
from typing import Any

import pytest

from engine.execution.operator import Heartbeat
from engine.lanes import lane_of
from engine.model import algorithms, records
from engine.model.monitored import exceeded
from engine.model.words import SELL, Agreement, CommandKind, HaltReason, Reason
from engine.monitor.recount.checked_file import DamagedFileError
from tests.engine.execution.memory import AS_MARKET, BTC, ETH, MS, OTHER, SECOND, STRATEGY
from tests.engine.monitor.recount.watched import Watched

MINUTE_NS = 60 * SECOND


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A system that may trade."""
    return Watched(tmp_path)


def verdict(watched: Watched, instrument: int = 1, **more: Any) -> int:
    """Risk's verdict on an order now."""
    watched.show(6_000_000, 6_000_100, instrument)
    intent = watched.house.intent(instrument=instrument, **more)
    watched.run(2)
    return watched.house.verdict(intent)


def test_its_view_is_the_sum_of_the_fills_and_agrees(watched: Watched) -> None:
    """The operator sees that two programs have the same figures, or that they do not."""
    watched.fill(1000)
    watched.fill(500)
    watched.run(20)
    rows = watched.house.rows("monitored")
    account, strategy = rows[0], next(row for row in rows if row.strategy)
    assert (account.instrument, account.held_low, account.fill_count) == (BTC.id, 1500 * 1000, 2)
    assert (strategy.held_low, strategy.state) == (account.held_low, Agreement.AGREES)
    assert account.state == Agreement.AGREES
    assert watched.view().fill_count == 2
    assert watched.view().net == pytest.approx(watched.house.cells["positions"].read(0).net)


def test_a_resume_ends_a_halt_that_the_monitor_has_just_repeated_and_no_new_one(watched: Watched) -> None:
    """The record that waits is of the difference which the operator has seen; one of another instrument is news."""
    watched.fill(1000)
    watched.published = {"size": 1100}
    watched.run(150)
    assert set(watched.halted()) == {BTC.id}
    ring = watched.house.rings["disagreements"]
    ring.publish(*ring.rows[-1])
    ring.publish(*ring.rows[-1]._replace(instrument=ETH.id))
    watched.house.command(CommandKind.RESUME, instrument=BTC.id)
    watched.run(5)
    assert set(watched.halted()) == {ETH.id}
    watched.run(250)
    assert set(watched.halted()) == {ETH.id}, "the monitor has accepted the difference"


def test_a_position_that_execution_publishes_wrong_halts_its_instrument_alone(watched: Watched) -> None:
    """A wrong position is the size of the next exit: nothing of that instrument may be sent."""
    watched.fill(1000)
    watched.published = {"size": 1100}
    watched.run(150)
    text = watched.halted()[BTC.id]
    assert text == (
        "BTCUSDT of the account: the monitor's sum of 1 fills is position 0.01000000, execution has 0.01100000"
    )
    assert verdict(watched) == Reason.INSTRUMENT_HALTED
    assert verdict(watched, ETH.id, price=6_000_000) != Reason.INSTRUMENT_HALTED
    watched.restart()
    watched.run(250)
    assert watched.halted()[BTC.id] == text, "the journal has no text: the monitor repeats it"
    assert verdict(watched) == Reason.INSTRUMENT_HALTED, "the halt is in the journal"


def test_a_fill_that_one_side_has_not_seen_yet_is_no_difference_until_it_lasts(watched: Watched) -> None:
    """Cell and ring are read at two moments: what is between them is normal, what stays is a lost fill."""
    watched.fill(1000)
    watched.published = {"fill_count": 2}
    watched.run(60)
    assert watched.halted() == {}
    assert watched.house.rows("monitored")[0].state == Agreement.PENDING
    watched.run(90)
    assert watched.halted()[BTC.id] == "BTCUSDT of the account: the monitor counts 1 fills, execution 2"


def test_a_lost_fill_is_found_while_further_fills_arrive(watched: Watched) -> None:
    """A strategy that trades more often than `differs_ms` must not hide it."""
    watched.fill(1000)
    for known in range(1, 4):
        watched.published = {"fill_count": known}
        watched.fill(100)
        watched.run(40)
    watched.run(15)
    assert watched.halted()[BTC.id].startswith("BTCUSDT of the account: the monitor counts ")


def test_another_difference_than_the_accepted_one_halts_again(watched: Watched) -> None:
    """An operator has accepted one amount, and no later one that is wrong too."""
    watched.fill(1000)
    watched.published = {"size": 1100}
    watched.run(150)
    watched.house.command(CommandKind.RESUME, instrument=BTC.id)
    watched.run(150)
    watched.published = {"size": 1200}
    watched.run(150)
    assert watched.halted()[BTC.id].endswith("execution has 0.01200000")


def test_a_resume_ends_the_halt_and_the_same_difference_is_not_raised_again(watched: Watched) -> None:
    """An operator who has looked must be able to go on."""
    watched.fill(1000)
    watched.published = {"size": 1100}
    watched.run(150)
    assert BTC.id in watched.halted()
    watched.house.command(CommandKind.RESUME, instrument=BTC.id)
    watched.run(400)
    assert watched.halted() == {}
    assert watched.house.rows("monitored")[0].state == Agreement.DIFFERS


def test_an_accepted_difference_stays_accepted_over_the_restarts_of_both(watched: Watched) -> None:
    """A restart at night must not halt what an operator has looked at; another amount must, after a restart too."""
    watched.fill(1000)
    watched.published = {"size": 1100}
    watched.run(150)
    watched.house.command(CommandKind.RESUME, instrument=BTC.id)
    watched.run(20)
    watched.live()
    watched.run(300)
    assert (watched.halted(), watched.view().differences) == ({}, 1)
    watched.restart()
    watched.run(300)
    assert (watched.halted(), watched.view().differences) == ({}, 1)
    watched.live()
    watched.published = {"size": 1200}
    watched.run(300)
    assert watched.halted()[BTC.id].endswith("execution has 0.01200000")


def test_a_difference_that_has_ended_is_not_accepted_when_it_returns(watched: Watched) -> None:
    """The operator has accepted one event, not every later one of the same amount."""
    watched.fill(1000)
    watched.published = {"size": 1100}
    watched.run(150)
    watched.house.command(CommandKind.RESUME, instrument=BTC.id)
    watched.run(20)
    watched.published = {"size": 1000}
    watched.run(150)
    watched.live()
    watched.published = {"size": 1100}
    watched.run(150)
    assert BTC.id in watched.halted()


@pytest.mark.parametrize("damage", [b"", b"12\n{}", b"no checksum"])
def test_a_damaged_file_is_refused_by_its_name(watched: Watched, damage: bytes) -> None:
    """Without it a drawdown would begin at 0 without a word."""
    watched.fill(1000)
    watched.run(130)
    file = watched.directory / "monitor.json"
    assert b'"peak"' in file.read_bytes()
    file.write_bytes(damage)
    with pytest.raises(DamagedFileError, match=rf"{file}: its first line is .*, expected .*delete it"):
        watched.live()
    file.unlink()
    watched.live()


def test_owners_beyond_the_cells_are_counted_and_the_configured_ones_are_shown(watched: Watched) -> None:
    """Strategies of former years must not end the monitor, nor hide a strategy of today."""
    most = lane_of("monitored").count
    for former in range(most):
        watched.watch.positions.of((1000 + former, BTC.id))
    watched.fill(1000)
    watched.run(20)
    rows = watched.house.rows("monitored")
    assert len(rows) == most
    assert [row.held_low for row in rows if row.strategy == STRATEGY and row.instrument == BTC.id] == [1000 * 1000]


def test_the_death_of_the_monitor_changes_nothing_but_entries(watched: Watched) -> None:
    """Its next life sums the same fills from the journal, those of its absence too, and halts nothing."""
    watched.fill(1000)
    watched.monitor_lives = False
    watched.run(130)
    assert watched.house.cells["gate"].read(0).exits_only == Reason.MONITOR_SILENT
    assert verdict(watched) == Reason.MONITOR_SILENT
    watched.show(6_000_000, 6_000_100)
    exit_ = watched.house.place(side=SELL, size=400, price=6_000_200)
    watched.house.venue.fill(exit_.client_id.hex(), 400)
    watched.live()
    watched.monitor_lives = True
    watched.run(150)
    assert verdict(watched) == Reason.APPROVED
    assert watched.halted() == {}
    assert watched.house.rows("monitored")[0].held_low == 600 * 1000


def test_entries_stop_when_the_monitor_never_begins(tmp_path: Path) -> None:
    """A monitor that cannot start is as silent as one that died, from the first step of execution on."""
    watched = Watched(tmp_path)
    watched.house.monitor = Heartbeat(watched.monitor_beats)  # of a monitor that is dead when execution starts
    watched.house.restart()
    watched.monitor_lives = False
    watched.house.ready()
    assert watched.house.cells["gate"].read(0).exits_only == Reason.MONITOR_SILENT


def test_a_lapped_monitor_reads_the_journal(watched: Watched) -> None:
    """It may be stopped for as long as the ring reaches back, and longer."""
    watched.fill(1000)
    watched.monitor_lives = False
    watched.fill(500)
    watched.fill(200)
    overwritten = watched.house.rings["fills"].newest(1).reader(1)
    watched.watch._lanes = watched.watch._lanes._replace(fills=overwritten)
    watched.monitor_lives = True
    watched.run(20)
    assert watched.watch.laps == 1
    assert watched.house.rows("monitored")[0].held_low == 1700 * 1000
    assert watched.halted() == {}


def test_a_dead_execution_is_not_compared_and_a_silent_one_raises_the_alarm(watched: Watched) -> None:
    """Its cells are of the moment of its death; its restart must not end in a halt."""
    watched.fill(1000)
    watched.execution_lives, watched.published = False, {"size": 1100}
    watched.run(300)
    assert watched.view().execution_silent_ns > 0
    assert watched.house.rings["disagreements"].rows == []
    watched.execution_lives, watched.published = True, {}
    watched.house.restart()
    watched.run(150)
    assert watched.view().execution_silent_ns == 0
    assert watched.halted() == {}


def test_a_balance_that_moves_without_a_fill_halts_the_instruments_of_the_asset(tmp_path: Path) -> None:
    """The venue's account is what the positions are sold from."""
    watched = Watched(tmp_path, balance_interval_ns=MINUTE_NS)
    watched.fill(1000)
    watched.run(1400, 100 * MS)
    watched.house.venue.move("BTC", 400_000, reported=False)
    watched.run(700, 100 * MS)
    [text] = watched.halted().values()
    assert text == (
        "BTC: the account holds 0.01400000 at the venue, the monitor's sum of the fills makes it 0.01000000"
    )
    assert watched.house.role.alarm.instruments[BTC.id].alarm.difference == 400_000
    watched.house.command(CommandKind.RESUME, instrument=BTC.id)
    watched.run(1400, 100 * MS)
    assert watched.halted() == {}, "the operator has accepted the balance"


def test_fills_fees_deposits_and_a_new_connection_are_no_difference(tmp_path: Path) -> None:
    """An operator ignores an alarm that ordinary events raise."""
    watched = Watched(tmp_path, balance_interval_ns=SECOND)
    venue = watched.house.venue
    venue.move("BTC", 10**8)
    for asset, fee in (("USDT", "0.01000000"), ("BTC", "0.00000400"), ("BNB", "0.00010000")) * 3:
        venue.fee_asset, venue.fee = asset, fee
        watched.fill(400)
        venue.move("USDT", 5 * 10**10)
        venue.move("BTC", -300)
        watched.run(30, 100 * MS)
    venue.cut()
    watched.run(100, 100 * MS)
    watched.fill(400)
    watched.run(100, 100 * MS)
    assert watched.house.role.alarm.instruments == {}
    assert watched.view().balances_ns > watched.house.now_ns - 5 * SECOND
    held = venue.do_account_status(venue.ports[-1] if venue.ports else None, {})["balances"]
    btc = next(float(one["free"]) for one in held if one["asset"] == "BTC")
    assert watched.watch._balances.amounts["BTC"] == round(btc * 10**8)


def test_the_state_of_the_limits_is_shown_and_the_peak_outlives_the_monitor(tmp_path: Path) -> None:
    """A drawdown counts from the highest equity, whenever that was."""
    watched = Watched(tmp_path, capital_usd=10_000, max_drawdown_pct=0.001, max_position_usd=500)
    watched.fill(1000)
    watched.show(6_100_000, 6_100_100)
    watched.run(130)
    peak = watched.view().peak
    assert peak == pytest.approx(10_000 + watched.view().net)
    assert exceeded(watched.view()) == ["position"]
    watched.live()
    watched.show(5_900_000, 5_900_100)
    watched.run(130)
    assert watched.view().peak == peak
    assert watched.view().drawdown == pytest.approx((peak - watched.view().equity) / peak)
    assert exceeded(watched.view()) == ["position", "drawdown"]


def test_a_limit_that_an_operator_sets_is_the_monitors_limit_too(tmp_path: Path) -> None:
    """A figure beside a limit that is no longer in force misleads an operator."""
    watched = Watched(tmp_path, capital_usd=10_000, max_position_usd=500, max_leverage=3)
    watched.fill(1000)
    watched.run(20)
    assert exceeded(watched.view()) == ["position"]
    watched.house.set_values(1, max_position_usd="900.5", max_drawdown_pct=0.2)
    watched.run(20)
    row = watched.view()
    assert (row.position_limit, row.leverage_limit, row.drawdown_limit, exceeded(row)) == (900.5, 3, 0.2, [])
    watched.live()
    watched.run(20)
    assert watched.view().position_limit == 900.5, "a new life reads it from COMMANDS"
    watched.house.set_values(2)
    watched.run(20)
    assert (watched.view().position_limit, exceeded(watched.view())) == (500, ["position"])


def test_a_cap_in_dollars_is_shown_with_the_ramp_in_force(tmp_path: Path) -> None:
    """Execution refuses at a tenth of the cap while the ramp is 0.1."""
    watched = Watched(tmp_path, capital_usd=10_000, max_position_usd=500)
    watched.house.set_values(1, ramp=0.1)
    watched.run(20)
    assert watched.view().position_limit == pytest.approx(50)


def test_a_resume_of_the_accounts_breaker_begins_the_monitors_drawdown_and_loss_anew(tmp_path: Path) -> None:
    """Execution trades again from there: an alarm that goes on for a limit that is met would be ignored."""
    watched = Watched(tmp_path, capital_usd=10_000, max_drawdown_pct=0.001, max_daily_loss_usd=15)
    watched.fill(1000)
    watched.show(5_700_000, 5_700_100)
    watched.run(20)
    assert exceeded(watched.view()) == ["drawdown", "day_loss"]
    scopes = watched.house.cells["scope_halts"]
    trip = dict.fromkeys(records.SCOPE_HALT.row._fields, 0) | {"text": b""}
    scopes.write(0, *records.SCOPE_HALT.row(**trip | {"since_ns": 1, "account": 1, "reason": HaltReason.BREAKER}))
    watched.run(20)
    assert exceeded(watched.view()) == ["drawdown", "day_loss"]
    scopes.write(0, *records.SCOPE_HALT.row(**trip))
    watched.run(20)
    row = watched.view()
    assert (exceeded(row), row.drawdown, row.day_loss) == ([], 0, 0)
    assert row.net_day < -15, "the day's net is what it was"
    watched.show(5_500_000, 5_500_100)
    watched.run(20)
    assert exceeded(watched.view()) == ["drawdown", "day_loss"]


def test_an_internal_fill_changes_the_positions_of_two_strategies_and_nothing_of_the_account(tmp_path: Path) -> None:
    """Both programs count it so, also after the monitor has read it from the journal's one record of both sides."""
    watched = Watched(tmp_path, house={"strategies": (STRATEGY, OTHER), "netting": True})
    watched.house.venue.liquidity = {"BTCUSDT": 10**9}
    watched.show(6_000_000, 6_000_100)
    number, parameters = algorithms.encode("twap", {"duration_ms": 2000, "slices": 4})
    watched.house.intent(size=1000, price=0, algorithm=number, parameters=parameters)
    watched.run(20)
    watched.house.intent(side=SELL, size=60, price=0, strategy=OTHER, **AS_MARKET)
    for _ in range(2):
        watched.show(6_000_000, 6_000_100)
        watched.run(20)
        ours = {row.strategy: row for row in watched.house.rows("positions") if row.instrument == BTC.id}
        assert {one: (row.size, row.fill_count) for one, row in ours.items()} == {
            0: (250, 1), STRATEGY: (310, 2), OTHER: (-60, 1)
        }  # fmt: skip
        counted = {row.strategy: row for row in watched.house.rows("monitored") if row.instrument == BTC.id}
        assert {one: row.fill_count for one, row in counted.items()} == {0: 1, STRATEGY: 2, OTHER: 1}
        assert {row.state for row in counted.values()} == {Agreement.AGREES}
        assert sum(row.net for row in ours.values() if row.strategy) == pytest.approx(ours[0].net)
        assert watched.halted() == {}
        watched.live()
