"""Refusals in a strategy's log."""

import logging
from typing import NamedTuple

import pytest

from engine.model.instrument import Instrument
from engine.model.words import Reason
from engine.strategy.role.refusal_log import EVERY_NS, RefusalLog

BITCOIN = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 10**7)


class Verdict(NamedTuple):
    """What the log reads of a VERDICT row."""

    reason: int
    value: int
    limit: int
    instrument: int = 1
    intent_id: int = 9


def test_a_flood_of_refusals_is_one_line_with_a_count(caplog: pytest.LogCaptureFixture) -> None:
    """A strategy that is refused for a minute must log it once, not fill the disk."""
    log = RefusalLog("maker", {1: BITCOIN})
    with caplog.at_level(logging.WARNING):
        for index in range(200):
            log.note(Verdict(Reason.ORDER_RATE, 61, 60), index)
        log.note(Verdict(Reason.BOOK_NOT_GOOD, 2, 1), 200)
        log.note(Verdict(Reason.ORDER_RATE, 61, 60), EVERY_NS)
    assert [record.getMessage() for record in caplog.records] == [
        "refused, ORDER_RATE: 61 of 60 in a minute",
        "refused, BOOK_NOT_GOOD: the book is SUSPECT",
        "refused, ORDER_RATE: 61 of 60 in a minute",
    ]
    assert [vars(record)["alike_since_last_line"] for record in caplog.records] == [0, 0, 199]
    assert vars(caplog.records[0])["symbol"] == "BTCUSDT"
