"""What `status` makes of the books it finds."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from engine.cli import main as engine_ctl
from engine.cli.books import PATIENCE_NS, are_followed, books
from engine.cli.health import unreadable_lanes
from engine.lanes import FEED, open_lanes
from engine.model.words import BookState
from engine.supervisor import segments
from shm.segment import path_of
from tests.engine.floor import Floor
from tests.engine.typed import Write, zeros

FEEDS = """
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
[[feeds]]
name = "east"
venues = ["binance"]
[[feeds]]
name = "west"
venues = ["kraken"]
"""


def book(**changed: Any) -> dict[str, Any]:
    """One that is followed."""
    return {"known": True, "state": "GOOD", "missing": [], "publish_ns": 1_000} | changed


@pytest.mark.parametrize(
    ("changed", "later_ns", "followed"),
    [
        ({}, 10 * PATIENCE_NS, True),
        ({"state": "REFUSED"}, 0, False),
        ({"missing": ["prints"]}, 0, False),
        ({"known": False, "state": "EMPTY"}, 0, False),
        ({"state": "EMPTY"}, PATIENCE_NS, True),
        ({"state": "EMPTY"}, PATIENCE_NS + 1, False),
        ({"state": "DISCONNECTED"}, PATIENCE_NS, True),
        ({"state": "DISCONNECTED"}, PATIENCE_NS + 1, False),
        ({"state": "STALE"}, 10 * PATIENCE_NS, True),
        ({"state": "UNKNOWN"}, 0, False),
    ],
)
def test_what_the_venue_does_not_bring_is_unhealthy(changed: dict[str, Any], later_ns: int, followed: bool) -> None:
    """A feed without its venue has no book for minutes: exit 0 would report a healthy system."""
    assert are_followed([book(), book(**changed)], 1_000 + later_ns) is followed


def test_a_recording_that_has_ended_is_not_ill() -> None:
    """A replay's connections close with the file, and stay closed."""
    ended = [book(state="DISCONNECTED")]
    assert are_followed(ended, 10 * PATIENCE_NS, replayed=True)
    assert not are_followed([book(state="MISFIT")], 0, replayed=True)


def test_the_books_of_a_feed_are_shown_although_another_feed_cannot_be_read(write: Write) -> None:
    """One damaged lane hid every book, and a system without a book counted as followed."""
    config = write(FEEDS)
    segments.create(config)
    for feed in ("east", "west"):
        tops = open_lanes(config.system.name, FEED, feed).cell_writer("book_tops")
        tops.write(int(feed == "west"), *zeros("book_tops", instrument=7, state=BookState.GOOD))
        tops.close()
    os.truncate(path_of(f"{config.system.name}.book_tops.east"), 0)
    assert [one["feed"] for one in books(config.system.name, {})] == ["west"]
    assert list(unreadable_lanes(config.system.name, [])) == [f"{config.system.name}.book_tops.east"]


def test_up_names_a_symbol_that_the_venue_does_not_list(
    floor: Callable[..., Floor], capsys: pytest.CaptureFixture[str]
) -> None:
    """Execution waits for its instruments for ever: "is starting" sent the operator to the logs for a typo."""
    one = floor(**{'symbol = "ETHUSDT"': 'symbol = "ETHUSDX"'})
    assert engine_ctl(["up", str(one.file), "--timeout", "60"]) == 1
    output = capsys.readouterr().err
    assert f"{one.file}: instruments[1].symbol = 'ETHUSDX'" in output
    assert "venue binance does not know this symbol (instrument 2)" in output
    assert str(one.paths.log("feed")) in output
    assert one.type("down") == 0
