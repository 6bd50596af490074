"""The limits that a venue sends, applied as far as they are plausible."""

import pytest

from engine.feed.config import SECOND_NS, FeedConfig
from engine.venues.catalogue import dialect_of
from engine.venues.pace.budget import SILENCE_MAX_NS, SILENCE_NS, Budget
from engine.venues.port import Response
from tests.engine.feed.feed_fakes import START


@pytest.fixture
def budget() -> Budget:
    """Of a feed that has asked for nothing."""
    return Budget(FeedConfig(venue="binance", symbols={"BTCUSDT": 1}), dialect_of("binance"))


@pytest.mark.parametrize("status", [429, 418])
@pytest.mark.parametrize(
    ("wait", "silence_ns"),
    [
        ("7", 7 * SECOND_NS), ("0", 0), ("999999999", SILENCE_MAX_NS), ("", None), ("-5", None), ("1.5", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("²", None), ("9" * 5000, None), (" 7", None),
    ],
)  # fmt: skip
def test_the_feed_sends_nothing_for_as_long_as_a_readable_header_demands(
    budget: Budget, status: int, wait: str, silence_ns: int | None
) -> None:
    """A header is a stranger's text: one that is no number must neither end the feed nor silence it for years."""
    expected_ns = SILENCE_NS[status] if silence_ns is None else silence_ns
    budget.apply(Response(1, status, {"retry-after": wait}, b""), START)
    assert expected_ns == 0 or not budget.allows(1, START + expected_ns - 1)
    assert budget.allows(1, START + expected_ns)


@pytest.mark.parametrize("header", ["²", "9" * 5000, "many", "-1"])
def test_a_weight_that_is_no_number_is_left_alone(budget: Budget, header: str) -> None:
    """What we have spent ourselves still counts."""
    budget.spend(3000, START)
    budget.apply(Response(1, 200, {"x-mbx-used-weight-1m": header}, b""), START)
    assert not budget.allows(1, START)


def test_a_refusal_is_reported(budget: Budget, caplog: pytest.LogCaptureFixture) -> None:
    """The log needs a reason for books that are missing for minutes."""
    budget.apply(Response(1, 418, {"retry-after": "120"}, b""), START)
    assert "status 418, no requests for 120 s" in caplog.text
