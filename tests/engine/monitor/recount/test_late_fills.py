"""Balances that the venue answers before it reports the fills that it has counted in them."""

from typing import Any

import pytest

from engine.model.records import ACCOUNT_BALANCE, FILL
from engine.model.words import BUY
from engine.monitor.recount.balances import Balances
from engine.monitor.recount.differences import Differences
from tests.engine.execution.memory import BTC, SECOND, cells_of

SIZE, PRICE = 1000, 6_000_000  # 0.01 BTC, 600 USDT


class Desk:
    """A venue whose every answer counts fills that have not been reported."""

    def __init__(self) -> None:
        """An account whose first two balances agree."""
        self.cells = cells_of("balances")
        self.balances, self.differences = Balances([BTC], self.cells, self.cells.count), Differences(SECOND, {})
        self.now_ns, self.fills = 0, 0
        self.answer(0)
        self.answer(0)

    def answer(self, unreported: int) -> None:
        """The venue's balances, with so many fills more than it has reported."""
        self.now_ns += 2 * SECOND
        count = self.fills + unreported
        for place, (asset, amount) in enumerate({b"BTC": 10**6 * count, b"USDT": 10**12 - 600 * 10**8 * count}.items()):
            self.cells.write(place, *ACCOUNT_BALANCE.row(
                asset=asset, amount_high=0, amount_low=amount, locked_high=0, locked_low=0, transferred_high=0,
                transferred_low=0, now_ns=self.now_ns, connection_ns=1, fill_sequence=self.fills, others=0, account=1,
            ))  # fmt: skip
        self.balances.read()
        self.balances.judge(self.fills, self.differences)

    def report(self, made_ns: int = 0) -> None:
        """One fill; the venue made it then, by default before its newest answer."""
        self.fills += 1
        self.balances.add(_fill(venue_fill_id=str(self.fills).encode(), venue_ns=made_ns or self.now_ns))
        self.balances.judge(self.fills, self.differences)

    def found(self) -> list[str]:
        """The differences that halt an instrument."""
        return [one.finding.text for one in self.differences.lasting(self.now_ns)]


def _fill(**more: Any) -> Any:
    return FILL.row(
        client_id=b"", intent_id=0, venue_order_id=b"", receive_ns=0, price=PRICE, size=SIZE, fee=0,
        fee_value=0, dust=0, fee_asset=b"USDT", strategy=0, instrument=BTC.id, side=BUY, maker=0, flags=0, account=1,
        **more,
    )  # fmt: skip


@pytest.mark.parametrize("answers", [2, 5])
def test_answers_that_each_count_a_fill_on_its_way_are_no_difference(answers: int) -> None:
    """A strategy that trades one size makes the same difference each time, and each one is over with its fill."""
    desk = Desk()
    for _ in range(answers):
        desk.answer(1)
        desk.report()
        assert desk.found() == []


def test_a_fill_that_is_never_reported_stays_a_difference() -> None:
    """A later fill of the same size does not explain what the venue had counted before it was made."""
    desk = Desk()
    for _ in range(2):
        desk.answer(1)
        desk.report(desk.now_ns + 1)
    assert len(desk.found()) == 2, "one text for each asset"
