"""From findings to messages: the first at once, then counts at growing intervals, then the end."""

from hypothesis import given
from hypothesis import strategies as st

from engine.alerts.episodes import Episodes, Limits
from engine.alerts.message import State
from tests.engine.alerts.made import BEGIN_NS, SECOND_NS, finding

LIMITS = Limits(repeat_ns=60 * SECOND_NS, repeat_cap_ns=600 * SECOND_NS, over_ns=5 * SECOND_NS)
CHECK_NS = SECOND_NS // 4


def run(script: list[bool], *, is_event: bool = False) -> list[tuple[int, State, int]]:
    """The messages of a cause that each check finds or not: at which check, which state, which count."""
    episodes, said = Episodes(LIMITS), []
    for number, found in enumerate(script):
        changes = episodes.apply([finding(is_event=is_event)] * found, BEGIN_NS + number * CHECK_NS)
        said += [(number, one.state, one.episode.count) for one in changes]
    return said


def test_the_first_finding_is_a_message_at_once() -> None:
    """A person must be woken by the first one, not by a summary later."""
    assert run([False, True, True]) == [(1, State.BEGIN, 1)]


def test_a_cause_that_lasts_is_repeated_at_growing_intervals() -> None:
    """People stop reading a message that comes every second."""
    said = run([True] * (4 * 2000))
    seconds = [number // 4 for number, _, _ in said]
    assert seconds == [0, 60, 240, 780, 1380, 1980]
    assert [state for _, state, _ in said] == [State.BEGIN] + [State.AGAIN] * 5


def test_a_cause_that_ends_is_one_message_after_the_settling_time() -> None:
    """Without it a person cannot know whether it still lasts."""
    assert run([True, *[False] * 30]) == [(0, State.BEGIN, 1), (20, State.OVER, 1)]


def test_a_cause_that_flaps_is_a_count_and_no_flood() -> None:
    """A process that dies each second wakes a person once, with a number."""
    said = run([True, False] * (4 * 61), is_event=True)
    assert [(state, count) for _, state, count in said] == [(State.BEGIN, 1), (State.AGAIN, 121)]


def test_two_subjects_are_two_episodes() -> None:
    """The death of one process must not hide that of another."""
    episodes = Episodes(LIMITS)
    assert len(episodes.apply([finding(subject="feed"), finding(subject="maker")], BEGIN_NS)) == 2


def test_a_later_life_continues_the_episodes() -> None:
    """A restart of alerts during a halt must not report the halt anew."""
    first = Episodes(LIMITS)
    first.apply([finding()], BEGIN_NS)
    second = Episodes(LIMITS, list(first.open.values()))
    assert second.apply([finding()], BEGIN_NS + SECOND_NS) == []
    ended = [second.apply([], BEGIN_NS + number * SECOND_NS) for number in range(2, 8)]
    assert [one.state for changes in ended for one in changes] == [State.OVER]


@given(st.lists(st.integers(0, 3), max_size=400))
def test_no_event_is_lost_or_counted_twice(script: list[int]) -> None:
    """The counts of the last messages of all episodes are the number of events, once everything is over."""
    episodes, totals = Episodes(LIMITS), []
    for number, events in enumerate([*script, *[0] * 30]):
        changes = episodes.apply([finding(is_event=True)] * events, BEGIN_NS + number * CHECK_NS)
        totals += [one.episode.count for one in changes if one.state is State.OVER]
    assert sum(totals) == sum(script)
    assert episodes.open == {}
