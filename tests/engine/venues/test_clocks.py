"""The time of each venue and the rights of a key, read from the answers that the venues' documents show."""

import pytest

from engine.venues.binance.rights import read as read_rights
from engine.venues.catalogue import KINDS
from engine.venues.rights import Rights

ANSWERS = [
    ("binance", "spot", b'{"serverTime": 1499827319559}', 1499827319559_000_000),
    ("binance", "usdm", b'{"serverTime": 1499827319559}', 1499827319559_000_000),
    ("kraken", "spot", b'{"error":[],"result":{"unixtime":1688669448,"rfc1123":"Thu, 06 Jul 23"}}', 1688669448 * 10**9),
    ("coinbase", "spot", b'{"iso":"2023-06-20T18:52:59Z","epochSeconds":"1687287179","epochMillis":"1687287179123"}',
     1687287179123_000_000),
    ("coinbase", "exchange", b'{"iso":"2015-01-07T23:47:25.201Z","epoch":1420674445.201}', 1420674445201_000_000),
]  # fmt: skip
RESTRICTIONS = (
    b'{"ipRestrict":false,"createTime":1698645219000,"enableReading":true,"enableWithdrawals":true,'
    b'"enableInternalTransfer":true,"enableMargin":false,"enableFutures":false,"permitsUniversalTransfer":true,'
    b'"enableVanillaOptions":false,"enableFixApiTrade":false,"enableFixReadOnly":true,'
    b'"enableSpotAndMarginTrading":false,"enablePortfolioMarginTrading":true}'
)


@pytest.mark.parametrize(("kind", "product", "body", "expected_ns"), ANSWERS)
def test_the_time_of_a_venue_is_read_to_the_nanosecond(kind: str, product: str, body: bytes, expected_ns: int) -> None:
    """A wrong unit would be an offset of years, or of nothing."""
    assert KINDS[kind].clocks[product].read(body) == expected_ns


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_product_has_a_clock_and_refuses_an_answer_without_a_time(kind: str) -> None:
    """`engine-ctl preflight` compares the clock of each venue that a file can name."""
    one = KINDS[kind]
    products = {"spot" if name == "sbe" else name for name in one.markets}  # an encoding of the product spot
    assert set(one.clocks) == products
    for clock in one.clocks.values():
        with pytest.raises(ValueError, match="no time in the answer"):
            clock.read(b"{}")


def test_the_rights_of_a_key_are_read_and_a_missing_one_is_no_denial() -> None:
    """An answer without the word about withdrawals must not pass for a key that cannot withdraw."""
    assert read_rights(RESTRICTIONS) == Rights(may_trade=False, may_withdraw=True, is_bound=False)
    with pytest.raises(ValueError, match="enableWithdrawals"):
        read_rights(RESTRICTIONS.replace(b"enableWithdrawals", b"withdrawals"))
