"""The account's balances, compared with the fills: an unreported fill is found, and nothing else is an alarm."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.execution.venue.balance_cells import BalanceCells
from engine.execution.venue.balances import Balances
from engine.execution.venue.baseline import ALL_ASSETS, Baseline, agreed, traded_by_others, transferred
from engine.execution.venue.movements import Movements
from engine.execution.venue.shortfall import Shortfall
from engine.model.text import bare
from engine.model.words import BUY, SELL, AlarmReason, CommandKind, JournalKind, OrderState, Reason
from engine.venues.session import Answer, Ask, Request
from engine.venues.trading.budget import VenueBudget
from engine.venues.trading.clock import VenueClock
from engine.venues.trading.news import FillNews, Outcome
from tests.engine.execution.memory import BTC, ETH, House, Ring, cells_of, requests
from tests.engine.execution.test_questions import NOW, Calls
from tests.engine.execution.venue.test_alarm import alarms
from tests.engine.execution.venue.test_contradictions import refusal, report

MINUTE_NS = 60_000_000_000


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade and has agreed with the venue on what it holds."""
    house = House(tmp_path, balance_interval_ns=MINUTE_NS)
    house.ready()
    house.settle(130)
    house.book()
    return house


def test_fills_deposits_and_withdrawals_are_no_difference(house: House) -> None:
    """An operator ignores an alarm that ordinary events raise."""
    for asset, fee in (("USDT", "0.01000000"), ("BTC", "0.00000400"), ("BNB", "0.00010000")):
        house.venue.fee_asset, house.venue.fee = asset, fee
        house.book()
        house.venue.fill(house.place().client_id.hex(), 400)
    house.venue.move("USDT", 5 * 10**10)
    house.venue.move("BTC", 1000)
    house.venue.move("BTC", -300)
    house.settle(200)
    assert len(requests(house, "account.status")) >= 4
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


def test_a_deposit_before_the_first_fee_in_its_asset_is_no_difference(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is about to pay his fees in BNB sends BNB to the account first."""
    house.venue.move("BNB", 5 * 10**8)
    house.venue.fee_asset, house.venue.fee = "BNB", "0.00010000"
    house.venue.fill(house.place().client_id.hex(), 400)
    house.settle(200)
    assert [one.message for one in caplog.records if "balance differs" in one.message] == []
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


def test_a_third_asset_without_a_fee_is_not_compared(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Other assets of the account, and their movements, are not compared."""
    house.venue.move("BNB", 5 * 10**8)
    house.venue.move("BNB", -300, reported=False)
    house.settle(200)
    assert [one.message for one in caplog.records if "balance" in one.message] == []


@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_a_difference_in_a_base_asset_halts_its_instrument(house: House, asset: str) -> None:
    """Nothing else finds a fill that the venue never reports."""
    house.venue.move(asset, 400_000, reported=False)
    house.settle(90)
    assert alarms(house) == [AlarmReason.BALANCE_DIFFERS]
    instrument = {"BTC": 1, "ETH": 2}[asset]
    text = house.role.alarm.instruments[instrument].text
    assert f"{asset}: the account holds 0.00400000, expected 0.00000000 (difference 0.00400000)" in text
    assert refusal(house, instrument=instrument) == Reason.INSTRUMENT_HALTED
    assert refusal(house, instrument=3 - instrument) == Reason.APPROVED


def test_a_difference_in_the_quote_asset_halts_every_instrument_of_it(house: House) -> None:
    """It cannot be known which of them it came from."""
    house.venue.move("USDT", -1, reported=False)
    house.settle(90)
    assert set(house.role.alarm.instruments) == {1, 2}


def test_a_resume_accepts_the_balance_as_it_is(house: House) -> None:
    """An operator who has checked the account gets no second alarm."""
    house.venue.move("BTC", 400_000, reported=False)
    house.settle(90)
    house.command(CommandKind.RESUME)
    house.settle(200)
    assert house.role.alarm.instruments == {}
    assert refusal(house) == Reason.APPROVED


def test_a_resume_of_another_accounts_instrument_accepts_no_balance(house: House) -> None:
    """The operator has looked at the other account; what is wrong here must still be found."""
    house.venue.move("BTC", 400_000, reported=False)
    house.command(CommandKind.RESUME, instrument=9)
    house.settle(200)
    assert BTC.id in house.role.alarm.instruments


def test_others_trades_on_the_account_are_reported_and_halt_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A person may trade on the same account: the movement is logged, and the engine continues."""
    house.venue.fill(house.venue.foreign().client_id, 100)
    house.settle(90)
    assert (alarms(house), house.role.alarm.instruments) == ([], {})
    texts = [one.what for one in caplog.records if "others have traded" in one.message]  # type: ignore[attr-defined]
    assert len(texts) == 2
    assert texts[0].startswith("BTC: the account holds 0.00100000, expected 0.00000000")


def test_a_fill_that_is_reported_late_is_no_difference(house: House) -> None:
    """Its report was lost: the listing brings it before anything is concluded from a balance."""
    order = house.place()
    house.venue.lose_events = 1
    house.venue.fill(order.client_id.hex(), 400)
    house.settle(200)
    assert (order.filled, alarms(house)) == (400, [])


def test_an_alarm_is_followed_by_a_comparison(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """An operator asks next whether the false fill was one."""
    caplog.set_level(logging.INFO, "engine.execution")
    before = len(requests(house, "account.status"))
    report(house, house.place(), S="SELL")
    house.settle(5)
    assert len(requests(house, "account.status")) == before + 1
    assert any(one.message == "the account's balances agree with the fills" for one in caplog.records)


def test_a_balance_that_cannot_be_read_is_asked_again(house: House) -> None:
    """And halts the system as every message that cannot be read."""
    house.venue.fault("account.status", "torn")
    house.settle(150)
    assert alarms(house) == [AlarmReason.UNREADABLE]
    assert house.role.gate.halted


def test_an_interval_of_zero_never_asks(tmp_path: Path) -> None:
    """A key without the right to read the account may still trade."""
    house = House(tmp_path, balance_interval_ns=0)
    house.ready()
    house.settle(200)
    assert not requests(house, "account.status")


def test_selling_what_was_bought_agrees_too(house: House) -> None:
    """Both signs of every movement."""
    house.venue.fill(house.place().client_id.hex(), 1000)
    house.run(5)
    house.book()
    order: Any = house.place(side=SELL, price=6_000_100)
    house.venue.fill(order.client_id.hex(), 1000)
    house.settle(130)
    assert (order.state, alarms(house)) == (OrderState.FILLED, [])


def lose_a_fill(house: House) -> None:
    """A fill that moves the balances, and that neither a report nor a listing contains."""
    house.venue.move("BTC", 400_000, reported=False)
    house.venue.move("USDT", -24_000_000_000, reported=False)


@pytest.mark.parametrize("segment_size", [1 << 16, 1 << 12], ids=["by the journal", "by a checkpoint"])
def test_a_fill_that_is_not_reported_while_execution_is_dead_is_found(tmp_path: Path, segment_size: int) -> None:
    """A life that accepted the balance as it is would never miss the fill."""
    house = House(tmp_path, balance_interval_ns=MINUTE_NS, segment_size=segment_size)
    house.ready()
    house.settle(130)
    house.book()
    house.venue.fill(house.place().client_id.hex(), 400)  # its fee too has moved the balances since they agreed
    house.settle(2)
    house.kill()
    lose_a_fill(house)
    house.role = house.live()
    house.settle(30)
    assert set(house.role.alarm.instruments) == {1, 2}
    assert "difference 0.00400000" in house.role.alarm.instruments[1].text
    house.command(CommandKind.RESUME)
    house.settle(1)
    house.restart()
    house.settle(200)
    assert house.role.alarm.instruments == {}


def test_deaths_fills_and_late_reports_are_no_difference(house: House) -> None:
    """What the former life applied, and what the next one lists, are both counted once."""
    for _ in range(3):
        order = house.place()
        house.venue.fill(order.client_id.hex(), 400)
        house.run(3)
        house.kill()
        if order.live:
            house.venue.fill(order.client_id.hex(), 300)
        house.role = house.live()
        house.settle(70)
        house.book()
    assert house.role.ledger.account[1].size == house.venue.holding(house.mark, "BTCUSDT") > 0
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


@pytest.mark.parametrize("dead", [True, False])
def test_a_deposit_while_execution_is_not_connected_halts_nothing(
    house: House, caplog: pytest.LogCaptureFixture, dead: bool
) -> None:
    """Its event was not received; a halt at the next start would teach an operator to resume without a check."""
    if dead:
        house.kill()
    else:
        house.venue.cut()
    house.venue.move("USDT", 5 * 10**10, reported=False)
    if dead:
        house.role = house.live()
    house.settle(200)
    assert (alarms(house), house.role.alarm.instruments) == ([], {})
    assert [one.what for one in caplog.records if "the connection was down" in one.message] != []  # type: ignore[attr-defined]


@pytest.mark.parametrize("segment_size", [1 << 16, 1 << 12], ids=["by the journal", "by a checkpoint"])
@pytest.mark.parametrize("dead", [True, False])
def test_a_difference_in_one_asset_that_our_fills_moved_halts_after_a_lost_connection(
    tmp_path: Path, dead: bool, segment_size: int
) -> None:
    """A fill reported at a wrong price moves only the quote asset: as a withdrawal, the loss was only logged."""
    house = House(tmp_path, balance_interval_ns=MINUTE_NS, segment_size=segment_size)
    house.ready()
    house.settle(130)
    house.book()
    house.venue.fill(house.place().client_id.hex(), 400)
    house.settle(2)
    house.venue.cut()
    house.venue.move("USDT", -1_000_000, reported=False)
    if dead:
        house.restart()
    house.settle(200)
    assert set(house.role.alarm.instruments) == {1, 2}
    assert "difference -0.01000000" in house.role.alarm.instruments[1].text


def test_a_deposit_that_was_reported_before_a_death_is_no_difference_after_it(house: House) -> None:
    """The former life knew of it; without its record the next one would halt every instrument of the asset."""
    house.venue.fill(house.place().client_id.hex(), 400)
    house.venue.move("USDT", 5 * 10**10)
    house.settle(2)
    house.restart()
    house.settle(200)
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


def test_others_trades_before_a_death_are_no_difference_after_it(house: House) -> None:
    """The listing of the next life begins after them."""
    house.venue.fill(house.venue.foreign().client_id, 100)
    house.settle(2)
    house.restart()
    house.settle(200)
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


def test_an_asset_named_by_the_venue_cannot_spoil_the_journal(house: House) -> None:
    """A name with a blank in it is one that the next life must read."""
    house.venue.fee_asset, house.venue.fee = "A B = 1", "0.00010000"
    house.venue.held["A B = 1"] = 10**8
    house.venue.fill(house.place().client_id.hex(), 400)
    house.settle(130)
    house.restart()
    house.settle(130)
    assert (alarms(house), house.role.alarm.instruments) == ([], {})


def test_a_balance_wider_than_64_bits_can_be_read(house: House) -> None:
    """A coin worth a ten-millionth of a dollar is held in such numbers, and is not compared."""
    house.venue.held["BTTC"] = 10**22
    house.settle(130)
    house.venue.move("BTTC", 10**21)
    house.settle(130)
    assert (alarms(house), house.role.gate.halted) == ([], False)


class BalanceBench:
    """Balances among neighbours that only note what is done to them."""

    def __init__(self, interval_ns: int = MINUTE_NS) -> None:
        """A session that is up, and no missing order or fill."""
        self.session: Any = Calls(balances=True)
        self.session.budget = VenueBudget(VenueClock())  # without a limit
        self.session.up = True
        self.recovery: Any = Calls()
        self.recovery.complete = self.recovery.settled = True
        self.alarm, self.journal = Calls(), Calls()
        self.alarm.error_count = 0  # type: ignore[attr-defined]
        config: Any = SimpleNamespace(balance_interval_ns=interval_ns, instruments=(BTC, ETH))
        shortfall = Shortfall(())
        cells = BalanceCells(cells_of("balances"), Ring("fills"), 1)
        self.movements = Movements((BTC, ETH), self.journal, cells)
        neighbours: Any = (self.session, self.recovery, self.alarm, self.journal, shortfall, self.movements, cells)
        self.it = Balances(config, *neighbours)

    def asks(self, now_ns: int) -> bool:
        """Whether a step asks for the balances."""
        before = len(self.session.made)
        self.it.step(now_ns)
        return len(self.session.made) > before

    def answer(self, held: dict[str, int] | None, now_ns: int = NOW, **words: Any) -> None:
        """The venue's answer; none: a refusal."""
        answer = Answer(Outcome.REFUSED if held is None else Outcome.ACCEPTED, balances=held or {}, **words)
        self.it.on_answer(Request(Ask.BALANCES, now_ns - 5), answer, now_ns)

    def agreed(self, **held: int) -> "BalanceBench":
        """After two answers with these balances, at NOW."""
        for _ in range(2):
            self.answer(held)
        self.journal.made.clear()
        return self

    def records(self) -> list[bytes]:
        """What was written to the journal."""
        return [one[3] for one in self.journal.made if one[0] == "add"]


@pytest.fixture
def bench() -> BalanceBench:
    """Balances of which nothing is known."""
    return BalanceBench()


def trade(**words: Any) -> FillNews:
    """0.00400 BTC at 100.00, with a fee of nothing."""
    reported = {
        "symbol": "BTCUSDT", "client_id": b"", "venue_order_id": b"1", "fill_id": b"1", "side": BUY, "price": 10_000,
        "size": 400, "fee": 0, "fee_asset": b"", "maker": False, "venue_ns": 0,
    }  # fmt: skip
    return FillNews(**reported | words)


def test_balances_are_asked_for_when_due_and_nothing_is_known_to_be_missing(bench: BalanceBench) -> None:
    """A fill that is still being fetched would look like a difference."""
    for thing, name in ((bench.session, "up"), (bench.recovery, "complete"), (bench.recovery, "settled")):
        setattr(thing, name, False)
        assert not bench.asks(NOW)
        setattr(thing, name, True)
    assert bench.asks(NOW)
    assert bench.session.made == [("balances", NOW)]
    assert not bench.asks(NOW), "one question at a time"
    bench.answer({})
    assert not bench.asks(NOW + MINUTE_NS - 1)
    assert bench.asks(NOW + MINUTE_NS)
    assert not BalanceBench(0).asks(NOW)


def test_a_question_that_was_not_sent_or_whose_connection_ended_is_asked_again(bench: BalanceBench) -> None:
    """Otherwise nothing is compared until the next start."""
    bench.session.answers["balances"] = False
    assert bench.asks(NOW)
    bench.session.answers["balances"] = True
    assert bench.asks(NOW)
    bench.it.on_down(NOW + 50)
    assert not bench.asks(NOW + 49)
    assert bench.asks(NOW + 50)
    bench.answer({})
    bench.it.on_down(NOW)
    assert not bench.asks(NOW + MINUTE_NS - 1)


def test_after_a_refusal_execution_waits_as_long_as_the_venue_requests(bench: BalanceBench) -> None:
    """Asked sooner, a limit becomes a ban; an alarm asks at once."""
    bench.answer(None)
    assert not bench.asks(NOW + MINUTE_NS - 1)
    bench.answer(None, retry_ns=NOW + 2 * MINUTE_NS)
    assert not bench.asks(NOW + 2 * MINUTE_NS - 1)
    assert bench.asks(NOW + 2 * MINUTE_NS)
    bench.answer(None, retry_ns=5)
    assert not bench.asks(NOW + MINUTE_NS - 1)
    bench.it.compare_soon(NOW)
    assert bench.asks(NOW)


def test_the_first_balance_is_written_once_the_second_agrees(bench: BalanceBench) -> None:
    """A fill that was reported late may have been in the first."""
    bench.answer({"BTC": 5, "BNB": 7})
    assert bench.records() == []
    bench.answer({"BTC": 5, "BNB": 9})
    assert bench.records() == [agreed("BTC", 5), agreed("ETH", 0), agreed("USDT", 0)]
    assert bench.journal.made[1][1:3] == (NOW, JournalKind.BALANCE)
    assert bench.journal.made[-1] == ("commit", NOW)


def test_a_difference_is_believed_when_three_comparisons_find_the_same(bench: BalanceBench) -> None:
    """A fill may still be on its way: orders and fills are compared before each."""
    bench.agreed(BTC=5)
    for held, now_ns in ((6, NOW), (7, NOW + 1), (7, NOW + 2)):
        bench.answer({"BTC": held}, now_ns)
        assert bench.recovery.made[-1] == ("audit_now", now_ns - 5)
        assert not bench.asks(now_ns + 2_000_000_000 - 1)
        assert bench.asks(now_ns + 2_000_000_000)
    assert bench.alarm.made == []
    bench.answer({"BTC": 7}, NOW + 3 * 10**9)
    ((_, instrument, by, text, now_ns),) = bench.alarm.made
    assert (instrument, by, now_ns, len(bench.recovery.made)) == (1, 2, NOW + 3 * 10**9, 3)
    assert text == (
        "BTC: the account holds 0.00000007, expected 0.00000005 (difference 0.00000002): since the last agreement 3 s"
        " ago our fills, deposits and withdrawals moved 0.00000000"
    )
    assert bench.records() == [agreed("BTC", 7), agreed("ETH", 0), agreed("USDT", 0)]
    bench.answer({"BTC": 7})
    assert len(bench.alarm.made) == 1


def test_a_difference_before_the_first_agreement_is_accepted(bench: BalanceBench) -> None:
    """What moved between two first looks may be a fill of the former life."""
    bench.answer({"BTC": 5})
    for _ in range(3):
        bench.answer({"BTC": 7})
    assert (bench.alarm.made, bench.records()) == ([], [])
    bench.answer({"BTC": 7})
    assert bench.records() == [agreed("BTC", 7), agreed("ETH", 0), agreed("USDT", 0)]


def test_what_our_fills_fees_and_transfers_moved_is_no_difference(bench: BalanceBench) -> None:
    """To the last digit, in every asset in which a fee was charged."""
    bench.agreed(BTC=5, USDT=10**10, BNB=70)
    bench.movements.on_fill(1, BUY, trade(fee=3, fee_asset=b"BNB"))
    bench.movements.on_fill(1, BUY, trade(fee=0, fee_asset=b"XRP"))
    bench.movements.on_transfer("BTC", 2, 1)
    after = {"BTC": 5 + 800_000 + 2, "USDT": 10**10 - 80_000_000, "BNB": 67}
    bench.answer(after)
    assert (bench.recovery.made, bench.movements.charged) == ([], {"BNB"})
    assert bench.records() == [
        transferred("BTC", 2),
        agreed("BNB", 67),
        agreed("BTC", 800007),
        agreed("ETH", 0),
        agreed("USDT", 9920000000),
    ]
    bench.answer(after | {"BNB": 66})
    assert len(bench.recovery.made) == 1


def test_digits_that_the_venue_rounds_are_no_difference(bench: BalanceBench) -> None:
    """As many units as there were roundings, and not one more."""
    bench.agreed(BTC=5)
    bench.movements.since.slack["BTC"] = 2
    bench.answer({"BTC": 8})
    assert len(bench.recovery.made) == 1
    bench.answer({"BTC": 7})
    assert len(bench.recovery.made) == 1


def test_a_third_assets_difference_is_an_error_and_halts_no_instrument(
    bench: BalanceBench, caplog: pytest.LogCaptureFixture
) -> None:
    """Fees are charged in it, and no instrument here is of it."""
    bench.movements.on_fill(1, BUY, trade(fee=3, fee_asset=b"BNB"))
    bench.agreed(BNB=70)
    for _ in range(3):
        bench.answer({"BNB": 50})
    texts = [one.what for one in caplog.records if "sum of the fees" in one.message]  # type: ignore[attr-defined]
    assert (len(texts), bench.alarm.made) == (1, [])
    assert texts[0].startswith("BNB: the account holds 0.00000050, expected 0.00000070 (difference -0.00000020)")


def test_others_trades_are_written_once_for_each_asset(bench: BalanceBench) -> None:
    """The next life begins its listing after them."""
    bench.movements.on_others(1, NOW)
    assert (bench.records(), bench.journal.made[-1]) == (
        [traded_by_others("BTC"), traded_by_others("USDT")],
        ("commit", NOW),
    )
    bench.movements.on_others(1, NOW)
    assert len(bench.journal.made) == 3
    bench.movements.on_others(2, NOW)
    bench.movements.on_others(0, NOW)
    assert bench.records()[2:] == [traded_by_others("ETH"), traded_by_others(ALL_ASSETS)]


@pytest.mark.parametrize(
    ("moved", "halted"),
    [
        ({"BTC": 7}, 0),
        ({"BTC": 3}, 0),
        ({"USDT": 7}, 0),
        ({"USDT": 3}, 0),
        ({"BTC": 7, "USDT": 7}, 0),
        ({"BTC": 7, "USDT": 3}, 3),
        ({"BTC": 3, "USDT": 7}, 3),
        ({"BTC": 6, "USDT": 4}, 3),
    ],
)
def test_after_a_connection_was_down_only_what_looks_like_a_trade_halts(
    bench: BalanceBench, moved: dict[str, int], halted: int
) -> None:
    """A deposit without an event is everyday business; two assets moved against each other are a fill."""
    bench.agreed(BTC=5, USDT=5)
    bench.it.on_down(NOW)
    for _ in range(3):
        bench.answer({"BTC": 5, "USDT": 5} | moved)
    assert len(bench.alarm.made) == halted, "BTC halts its one instrument, USDT both"
    for _ in range(3):
        bench.answer({"BTC": 1})
    assert len(bench.alarm.made) > halted, "with the agreement the connection's gap is over"


def test_a_comparison_after_an_alarm_logs_that_it_agrees(bench: BalanceBench, caplog: pytest.LogCaptureFixture) -> None:
    """An operator needs the result once; a scheduled comparison logs nothing."""
    caplog.set_level(logging.INFO, "engine.execution")
    bench.agreed(BTC=5)
    bench.answer({"BTC": 5})
    assert caplog.records == []
    bench.it.compare_soon(NOW)
    bench.answer({"BTC": 5})
    bench.answer({"BTC": 5})
    assert [one.message for one in caplog.records] == ["the account's balances agree with the fills"]
    bench.it.compare_soon(NOW)
    for _ in range(3):
        bench.answer({"BTC": 6})
    assert len([one for one in caplog.records if "agree with" in one.message]) == 1
    bench.it.rebase()
    bench.it.compare_soon(NOW)
    bench.answer({"BTC": 9})
    assert len([one for one in caplog.records if "agree with" in one.message]) == 1, "the first is held against nothing"


def test_a_former_lifes_agreement_is_compared_with_at_once(bench: BalanceBench) -> None:
    """With the third assets in which its fees were charged."""
    since = Baseline()
    since.agree("BTC", 5)
    since.agree("BNB", 70)
    since.move("XRP", 3)
    bench.it.restore(since, NOW - 7 * 10**9)
    assert bench.movements.charged == {"BNB", "XRP"}
    for _ in range(3):
        bench.answer({"BTC": 9, "BNB": 70, "USDT": 1})
    assert bench.alarm.made == [], "deposits may have happened without an event between two lives"
    fresh = BalanceBench()
    fresh.it.restore(Baseline(), 0)
    fresh.answer({"BTC": 9})
    assert (fresh.recovery.made, fresh.records()) == ([], [])


def test_an_operators_resume_counts_from_the_next_answer(bench: BalanceBench) -> None:
    """He has looked: nothing of before is held against the account."""
    bench.agreed(BTC=5)
    bench.movements.on_transfer("BTC", 3, 1)
    bench.it.rebase()
    bench.answer({"BTC": 50})
    assert (bench.recovery.made, bench.records()) == ([], [transferred("BTC", 3)])
    bench.answer({"BTC": 50})
    assert bench.records() == [transferred("BTC", 3), agreed("BTC", 50), agreed("ETH", 0), agreed("USDT", 0)]


def test_the_text_of_a_difference_has_its_amount_and_its_beginning(bench: BalanceBench) -> None:
    """An operator looks for the trade in that time; an asset that is not named any more is held no more."""
    for _ in range(2):
        bench.answer({"BTC": 5}, 10 * 10**9)
    for _ in range(3):
        bench.answer({}, 10 * 10**9 + 2_999_999_999)
    text = bench.alarm.made[0][3]
    assert text.startswith("BTC: the account holds 0.00000000, expected 0.00000005 (difference -0.00000005): since the")
    assert "the last agreement 2 s ago" in text


def test_if_it_is_unknown_what_others_traded_no_asset_halts(bench: BalanceBench) -> None:
    """Their order was in a symbol that is not configured, and may have moved any asset."""
    bench.agreed(BTC=5)
    bench.movements.on_others(0, NOW)
    for _ in range(3):
        bench.answer({"BTC": 7})
    assert bench.alarm.made == []


def test_an_asset_that_is_gone_when_an_operator_has_looked_is_no_difference(bench: BalanceBench) -> None:
    """Its old balance is held against nothing any more."""
    bench.movements.on_fill(1, BUY, trade(fee=3, fee_asset=b"BNB"))
    bench.agreed(BNB=70)
    bench.it.rebase()
    for _ in range(2):
        bench.answer({})
    assert bench.recovery.made == []


def test_the_lane_has_free_and_locked_of_every_asset_that_is_held(tmp_path: Path) -> None:
    """An order is refused for what is free, and a position in another program's hands is in no fill of ours."""
    house = House(tmp_path, balance_interval_ns=MINUTE_NS)
    free = house.venue.do_account_status

    def held(port: Any, params: dict[str, Any]) -> Any:
        answer = free(port, params)
        long = {"asset": "A" * 65, "free": "1.0", "locked": "0.0"}
        more = [{"asset": "DOGE", "free": "7.5", "locked": "0.0"}, {"asset": "OLD", "free": "0.0", "locked": "0.0"}]
        return {"balances": [one | {"locked": "2.5"} if one["asset"] == "BTC" else one for one in answer["balances"]]
                + [*more, long]}  # fmt: skip

    house.venue.do_account_status = held
    house.ready()
    house.settle(2)
    found = {bare(row.asset).decode(): (row.amount_low, row.locked_low, row.account) for row in house.rows("balances")}
    assert found["BTC"][:2] == (250_000_000, 250_000_000)
    assert found["DOGE"] == (750_000_000, 0, house.config.account)
    assert found.keys() <= {"BTC", "ETH", "USDT", "BNB", "DOGE"}
