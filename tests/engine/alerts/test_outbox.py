"""The queue of a target: oldest first, merged by cause, kept until the target has accepted it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alerts.message import Severity, State
from engine.alerts.outbox import OVERFLOW, QUEUE_MOST, RETRY_CAP_NS, Failed, Queue, Sent, pause_ns
from tests.engine.alerts.made import BEGIN_NS, SECOND_NS, message


def test_the_oldest_message_is_sent_first_and_one_at_a_time() -> None:
    """The order of the messages is the order of what happened."""
    queue = Queue(Severity.INFO)
    queue.add(message(1, "a"))
    queue.add(message(2, "b"))
    assert queue.next_due(BEGIN_NS).id == "made-1"
    assert queue.next_due(BEGIN_NS) is None
    queue.apply(Sent(), BEGIN_NS)
    assert queue.next_due(BEGIN_NS).id == "made-2"


def test_a_target_gets_its_severity_and_above() -> None:
    """A phone must ring for what is critical only."""
    queue = Queue(Severity.CRITICAL)
    queue.add(message(severity=Severity.WARNING))
    assert queue.waiting == []


def test_a_message_that_waits_takes_in_the_later_ones_of_its_cause() -> None:
    """After a night without the endpoint a person gets one message for a cause, with the whole count."""
    queue = Queue(Severity.INFO)
    queue.add(message(1, "died", count=1, own=1))
    queue.add(message(2, "halted"))
    queue.add(message(3, "died", state=State.AGAIN, count=40, own=40))
    queue.add(message(4, "died", state=State.OVER, count=41, own=41))
    queue.add(message(5, "died", count=1, own=1))
    first, second = queue.waiting
    assert (first.id, first.state, first.count) == ("made-1", State.BEGIN, 42)
    assert second.id == "made-2"
    queue.add(message(6, "died", state=State.OVER, count=2, own=2))
    assert (queue.waiting[0].state, queue.waiting[0].count) == (State.OVER, 43)


@pytest.mark.parametrize("over", [False, True])
def test_a_message_that_was_tried_stays_as_it_is(over: bool) -> None:
    """It may have been accepted: its id with another content would be passed as a repetition."""
    queue = Queue(Severity.INFO)
    queue.add(message(1))
    tried = queue.next_due(BEGIN_NS)
    if over:
        queue.apply(Failed("timed out"), BEGIN_NS)
    queue.add(message(2, state=State.AGAIN, count=2, own=2))
    queue.add(message(3, state=State.OVER, count=3, own=3))
    assert [(one.id, one.count) for one in queue.waiting] == [("made-1", 1), ("made-2", 3)]
    assert queue.waiting[0] is tried
    assert queue.waiting[1].state is State.OVER


def test_a_message_of_an_earlier_life_stays_as_it_is() -> None:
    """The role was killed: whether the message was tried is not known."""
    queue = Queue(Severity.INFO, [message(1), message(2, "other")])
    queue.add(message(3))
    queue.add(message(4, "other", state=State.OVER))
    assert [(one.id, one.cause) for one in queue.waiting] == [
        ("made-1", "halted"), ("made-2", "other"), ("made-3", "halted"),
    ]  # fmt: skip


def test_a_failure_keeps_the_message_and_waits_longer_each_time() -> None:
    """An endpoint that is down for a day must not be called thousands of times, nor a message be dropped."""
    queue = Queue(Severity.INFO)
    queue.add(message())
    now_ns, pauses = BEGIN_NS, []
    for _ in range(10):
        assert queue.next_due(now_ns) is not None
        queue.apply(Failed("refused"), now_ns)
        pauses.append((queue.retry_ns - now_ns) // SECOND_NS)
        now_ns = queue.retry_ns
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert len(queue.waiting) == 1


def test_the_pause_is_as_long_as_the_endpoint_asks() -> None:
    """A bot that calls again too early after 429 is blocked for longer."""
    assert pause_ns(1, 17.0) == 17 * SECOND_NS
    assert pause_ns(1, 1e12) <= 3_600 * SECOND_NS
    assert pause_ns(400, 0.0) == RETRY_CAP_NS


def test_a_full_queue_counts_what_it_cannot_hold() -> None:
    """The file of the queue has a bound, and a person must know that there is more."""
    queue = Queue(Severity.INFO)
    for number in range(QUEUE_MOST + 25):
        queue.add(message(number, subject=str(number)))
    assert len(queue.waiting) == QUEUE_MOST + 1
    last = queue.waiting[-1]
    assert (last.cause, last.count) == (OVERFLOW, 25)


@given(st.lists(st.sampled_from(["a", "b", "c", "send", "fail"]), max_size=200))
def test_no_occurrence_is_lost_or_doubled_whatever_the_endpoint_does(script: list[str]) -> None:
    """The counts that the target has accepted are those that were added, for every cause."""
    queue, accepted, added = Queue(Severity.INFO), [], {"a": 0, "b": 0, "c": 0}
    now_ns = BEGIN_NS

    def advance(*, sent: bool) -> None:
        nonlocal now_ns
        now_ns = max(now_ns, queue.retry_ns)
        due = queue.next_due(now_ns)
        if due is not None:
            accepted.extend([due] if sent else [])
            queue.apply(Sent() if sent else Failed("no"), now_ns)

    for number, word in enumerate(script):
        if word in added:
            added[word] += 1
            queue.add(message(number, word))
        else:
            advance(sent=word == "send")
    while queue.waiting:
        advance(sent=True)
    assert {cause: sum(one.count for one in accepted if one.cause == cause) for cause in added} == added
    assert len({one.id for one in accepted}) == len(accepted)
