"""Which roles the supervisor restarts when a segment is lost."""

from collections.abc import Callable

import pytest

from engine.config import Config
from engine.supervisor import segments

TABLES = """
[[venues]]
name = "binance"
kind = "binance"
[[venues]]
name = "kraken"
kind = "kraken"
[[instruments]]
id = 7
venue = "binance"
symbol = "BTCUSDT"
[[instruments]]
id = 8
venue = "kraken"
symbol = "BTC/USD"
[[feeds]]
name = "east"
venues = ["binance"]
[[feeds]]
name = "west"
venues = ["kraken"]
[[accounts]]
name = "main"
number = 1
venue = "binance"
[[accounts]]
name = "side"
number = 2
venue = "kraken"
[[strategies]]
name = "maker"
id = 1
class = "module:Maker"
instruments = [7]
[[strategies]]
name = "taker"
id = 2
class = "module:Taker"
instruments = [7, 8]
[aggregation]
taker_fee_bps = { binance = "10", kraken = "26" }
"""
UNKNOWN = {"alpha", "beta"}  # roles that are not in the map may use anything
STRATEGIES, EXECUTIONS = {"maker", "taker"}, {"main", "side"}


@pytest.mark.parametrize(
    ("lane", "of", "roles"),
    [
        ("ticks", "east", {"east", "aggregation"} | STRATEGIES),
        ("books", "west", {"west", "aggregation"} | STRATEGIES | EXECUTIONS),
        ("frames", "west", {"west"}),
        ("orders", "side", {"side"} | STRATEGIES),
        ("journal", "main", {"main"}),
        ("intents", "maker.side", {"maker", "side"}),
        ("steps", "taker", {"taker"}),
    ],
)
def test_a_lost_segment_concerns_its_owner_and_its_readers(
    write: Callable[..., Config], lane: str, of: str, roles: set[str]
) -> None:
    """One too few keeps a mapping of a file that is gone; one too many stops a venue that has no trouble."""
    config = write(TABLES)
    found = segments.users_of(config, {config.lane(lane, of)})
    assert found - UNKNOWN == roles
    assert found >= UNKNOWN
