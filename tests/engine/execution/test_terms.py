"""A journal is read in the terms it was written in, or not at all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.execution.terms import JournalTermsError
from engine.model.instrument import Instrument
from tests.engine.execution.memory import BTC, ETH, House

DROPPED = (BTC,)
FINER_LOT = (replace(BTC, size_decimals=6), ETH)
FINER_TICK = (replace(BTC, price_decimals=3), ETH)
ANOTHER = (replace(BTC, symbol="SOLUSDT"), ETH)


def traded(directory: Path, instruments: tuple[Instrument, ...], instrument: int = 2) -> House:
    """A house in which an order was filled in part, before a death and a change of the configuration."""
    house = House(directory)
    house.ready()
    house.book(instrument=instrument)
    house.run()
    house.venue.fill(house.place(instrument=instrument).client_id.hex(), 400)
    house.run(3)
    house.kill()
    house.config = msgspec.structs.replace(house.config, instruments=instruments)
    return house


@pytest.mark.parametrize(
    ("instruments", "told"),
    [
        (FINER_LOT, "BTCUSDT with 2 price and 5 size decimals, expected BTCUSDT with 2 and 6"),
        (FINER_TICK, "expected BTCUSDT with 3 and 5"),
        (ANOTHER, "written for BTCUSDT .* expected SOLUSDT"),
    ],
)
def test_a_journal_in_other_terms_is_refused(tmp_path: Path, instruments: Any, told: str) -> None:
    """A venue that makes its lot finer would make every position ten times too small, in silence."""
    house = traded(tmp_path, instruments, instrument=1)
    with pytest.raises(JournalTermsError, match=told):
        house.live()


def test_an_instrument_that_was_traded_cannot_be_dropped(tmp_path: Path) -> None:
    """What it holds would be looked after by nobody; the start says which, and not `KeyError`."""
    house = traded(tmp_path, DROPPED)
    with pytest.raises(JournalTermsError, match=r"instrument 2: .* names only \[1\]"):
        house.live()


def test_one_that_was_never_traded_can(tmp_path: Path) -> None:
    """Its terms stand in the journal and bind nobody."""
    house = traded(tmp_path, DROPPED, instrument=1)
    house.role = house.live()
    house.settle(1)
    assert house.role.ledger.account[1].size == 400


def test_what_only_a_step_changes_is_no_other_term(tmp_path: Path) -> None:
    """A minimum or a coarser lot changes no number that was written."""
    house = traded(tmp_path, (replace(BTC, size_step=10, notional_min=10**8), ETH), instrument=1)
    house.role = house.live()
    house.settle(1)
    assert house.role.ledger.account[1].size == 400
