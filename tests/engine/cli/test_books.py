"""What `status` makes of the books it finds."""

from typing import Any

import pytest

from engine.cli.books import PATIENCE_NS, are_followed


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
    """A feed without its venue has no book for minutes: exit 0 would tell a watcher that all is well."""
    assert are_followed([book(), book(**changed)], 1_000 + later_ns) is followed


def test_a_recording_that_has_ended_is_not_ill() -> None:
    """A replay's connections close with the file, and stay closed."""
    ended = [book(state="DISCONNECTED")]
    assert are_followed(ended, 10 * PATIENCE_NS, replayed=True)
    assert not are_followed([book(state="MISFIT")], 0, replayed=True)
