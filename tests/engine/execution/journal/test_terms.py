"""A journal is read in the terms it was written in, or not at all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.execution.journal.journal import Entry
from engine.execution.journal.terms import JournalTermsError, terms_of
from engine.execution.orders import codec
from engine.execution.restore import checkpoint, replay_state
from engine.model.instrument import Instrument
from engine.model.journal_records import WATERMARK
from engine.model.words import JournalKind
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
    ("instruments", "reported"),
    [
        (FINER_LOT, "BTCUSDT with 2 price and 5 size decimals, the configuration now has BTCUSDT with 2 and 6"),
        (FINER_TICK, "now has BTCUSDT with 3 and 5"),
        (ANOTHER, "fills of BTCUSDT .* now has SOLUSDT .* engine-ctl journal"),
    ],
)
def test_a_journal_in_other_terms_is_refused(tmp_path: Path, instruments: Any, reported: str) -> None:
    """A venue that makes its lot finer would make every position ten times too small, in silence."""
    house = traded(tmp_path, instruments, instrument=1)
    with pytest.raises(JournalTermsError, match=reported) as refused:
        house.live()
    assert str(tmp_path) in str(refused.value), "the operator must know which directory"


@pytest.mark.parametrize("mistyped", [ANOTHER, FINER_LOT, FINER_TICK])
def test_a_typo_that_traded_nothing_is_corrected_by_starting_again(
    tmp_path: Path, mistyped: tuple[Instrument, ...]
) -> None:
    """A wrong symbol run once made every later start fail, with the advice to close what was never opened."""
    house = House(tmp_path)
    right, house.config = house.config.instruments, msgspec.structs.replace(house.config, instruments=mistyped)
    house.role = house.live()
    house.ready()
    watermark = codec.WATERMARK.pack_row(WATERMARK.row(instrument=1, cursor=b"1000000000"))
    house.role.journal.add(1, JournalKind.WATERMARK, watermark)  # of the mistyped symbol's fills
    house.role.journal.commit(1)
    house.run(3)
    house.kill()
    house.config = msgspec.structs.replace(house.config, instruments=right)
    house.role = house.live()
    house.settle(1)
    assert b"1000000000" not in house.role.blotter.watermarks.values(), "it would hide every fill of the right symbol"
    traded(tmp_path, right, instrument=1)


def test_terms_outlive_a_checkpoint() -> None:
    """A checkpoint in the middle of a mistyped life must not make its watermarks those of the right symbol."""
    request = checkpoint.Request("", 0, (BTC, ETH), (1,), "binance")
    first, second = checkpoint.blank(request), checkpoint.blank(request)
    first.feed(Entry(1, 1, JournalKind.TERMS, terms_of(replace(BTC, symbol="SOLUSDT"))))
    replay_state.load(replay_state.dump(first), second)
    watermark = codec.WATERMARK.pack_row(WATERMARK.row(instrument=1, cursor=b"77"))
    second.feed(Entry(2, 1, JournalKind.WATERMARK, watermark))
    assert second.blotter.watermarks == {}


def test_an_instrument_that_was_traded_cannot_be_dropped(tmp_path: Path) -> None:
    """No part would manage what it holds; the error names the instrument, and is no `KeyError`."""
    house = traded(tmp_path, DROPPED)
    with pytest.raises(JournalTermsError, match=r"instrument 2: .* names only \[1\]"):
        house.live()


def test_one_that_was_never_traded_can(tmp_path: Path) -> None:
    """Its terms are in the journal and exclude nothing."""
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
