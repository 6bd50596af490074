"""The times of scheduled methods, and what cannot be one."""

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.strategy.api.schedule import at, every, rules_of, session
from engine.strategy.api.strategy import Strategy


def ns(text: str) -> int:
    """A time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def after(mark: Any, text: str) -> datetime:
    """The first time after this one."""

    class Holder:
        """Has the method."""

        @mark
        def method(self, now_ns: int) -> None:
            """Nothing."""

    [(_, rule)] = rules_of(Holder)
    return datetime.fromtimestamp(rule.after(ns(text)) / 1e9, UTC).replace(tzinfo=None)


@pytest.mark.parametrize(("mark", "now", "then"), [
    (every("5m"), "2026-12-01 00:00:00", "2026-12-01 00:05:00"),
    (every("5m"), "2026-12-01 00:04:59", "2026-12-01 00:05:00"),
    (every("1d"), "2026-12-01 07:00:00", "2026-12-02 00:00:00"),
    (at("16:30"), "2026-12-01 16:29:59", "2026-12-01 16:30:00"),
    (at("16:30"), "2026-12-01 16:30:00", "2026-12-02 16:30:00"),
    (at("16:30:05", days="mon-fri"), "2026-12-04 17:00:00", "2026-12-07 16:30:05"),  # a Friday
    (at("08:00", days="sat,sun"), "2026-12-01 00:00:00", "2026-12-05 08:00:00"),
    (at("08:00", days="fri-mon"), "2026-12-01 00:00:00", "2026-12-04 08:00:00"),
])  # fmt: skip
def test_the_next_time_is_of_the_day_in_utc(mark: Any, now: str, then: str) -> None:
    """A position that is to be closed before the weekend is closed on Friday."""
    assert after(mark, now) == datetime.fromisoformat(then)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: every("7m"), "a part of a day"),
    (lambda: every(300), "a part of a day"),
    (lambda: every("0s"), "a part of a day"),
    (lambda: at("24:00"), "a time of the day in UTC"),
    (lambda: at("8:00"), "a time of the day in UTC"),
    (lambda: at("08:00", days="monday"), "expected days like"),
])  # fmt: skip
def test_a_wrong_time_is_refused_with_what_is_expected(make: Any, message: str) -> None:
    """When the class is defined, so `engine-ctl check` reports it."""
    with pytest.raises(ValueError, match=message):
        make()


def test_a_method_that_cannot_be_called_with_the_time_is_refused() -> None:
    """It would stop the strategy at its first time, hours later."""
    with pytest.raises(TypeError, match=r"every\(\"5m\"\): method.* cannot be called, expected \(self, now_ns\)"):

        @every("5m")
        def method(self: Any) -> None:
            """Nothing."""


@pytest.mark.parametrize(
    ("window", "time", "inside"),
    [
        (session("08:00", "16:00"), "2024-01-01T08:00:00", True),
        (session("08:00", "16:00"), "2024-01-01T07:59:59", False),
        (session("08:00", "16:00"), "2024-01-01T16:00:00", False),
        (session("22:00", "02:00", days="fri"), "2024-01-06T01:59:59", True),  # of Friday's window
        (session("22:00", "02:00", days="fri"), "2024-01-05T01:00:00", False),
        (session("08:00", "08:00"), "2024-01-01T07:00:00", True),
        (session("08:00", "16:00", days="mon-fri"), "2024-01-06T09:00:00", False),
    ],
)
def test_a_session_has_its_begin_and_not_its_end(window: session, time: str, inside: bool) -> None:
    """An order after the session's end is one that nobody watches."""
    assert window.covers(ns(time)) is inside


def test_a_session_is_read_as_an_attribute_of_the_strategy() -> None:
    """The strategy's own time decides, so a replay decides the same."""

    class Hours(Strategy):
        hours = session("08:00", "16:00")

    made = Hours((), None)
    assert made.hours is False
    with pytest.raises(AttributeError, match="Hours: a session cannot be set to True"):
        made.hours = True
    with pytest.raises(ValueError, match=r"session\('8:00'\): expected a time of the day in UTC"):
        session("8:00", "16:00")
