"""When the canceller cancels, what it cancels, and when it reports that nothing is open."""

import sys
from random import Random

import pytest

from engine.canceller.config import MS, CancellerConfig
from engine.canceller.sweep import LATE_NS
from engine.model.words import CancellerState, CancelReason, OrderState, RoleState
from tests.engine.canceller.bench import BEAT_NS, CONFIG, MARK, START_NS, STEP_NS, WINDOW_NS, Bench

DEAD_MS, LATE_MS, FROZEN_MS = (one // MS for one in (CONFIG.dead_ns, CONFIG.late_ns, CONFIG.frozen_ns))
SETTLE_MS = (WINDOW_NS + LATE_NS) // MS
OTHERS = b"web_1"


@pytest.fixture
def bench() -> Bench:
    """An execution that runs, with one order at the venue and one of a person."""
    made = Bench()
    made.start()
    made.step(100)
    made.venue.place(made.now_ns)
    made.venue.place(made.now_ns, OTHERS)
    return made


def ours(bench: Bench) -> int:
    """How many orders of ours are open."""
    return sum(one.client_id.startswith(MARK) for one in bench.venue.orders.values())


def test_an_execution_that_beats_is_left_alone_and_costs_no_request(bench: Bench) -> None:
    """A listing of all symbols costs a venue's weight, which execution needs."""
    bench.step(60_000)
    assert (bench.session.lists_ns, bench.session.sent, ours(bench)) == ([], 0, 1)
    assert bench.cell.state == CancellerState.WATCHING


def test_the_monitor_wakes_it_once_for_a_listing_and_changes_no_policy(bench: Bench) -> None:
    """Two watchers must agree before a living execution's orders are cancelled."""
    silent_ns = bench.now_ns
    bench.find_silent(silent_ns)
    bench.step(1_000)
    bench.find_silent(silent_ns)
    bench.step(1_000)
    assert (len(bench.session.lists_ns), bench.session.sent, ours(bench)) == (1, 0, 1)
    bench.find_silent(0)
    bench.step(100)
    bench.find_silent(bench.now_ns)
    bench.step(100)
    assert (len(bench.session.lists_ns), bench.session.sent) == (2, 0)


def test_orders_of_a_dead_execution_are_cancelled_and_those_of_others_are_not(bench: Bench) -> None:
    """A person trades the same account by hand."""
    bench.kill()
    bench.step(DEAD_MS - 100)
    assert ours(bench) == 1, "a successor is normally faster"
    bench.step(200)
    assert [one.client_id for one in bench.venue.orders.values()] == [OTHERS]
    assert (bench.cell.state, bench.cell.reason) == (CancellerState.CANCELLING, CancelReason.DEAD)


def test_nothing_is_confirmed_while_an_order_can_still_arrive(bench: Bench) -> None:
    """Bytes that execution sent just before its death reach the venue within the receive window."""
    bench.kill()
    killed_ns = bench.now_ns
    bench.step(DEAD_MS + 200)
    assert ours(bench) == 0
    bench.step(300)
    bench.venue.place(bench.now_ns)
    bench.step(1_500)
    assert ours(bench) == 0, "the late order is found by a further listing"
    assert bench.now_ns < killed_ns + SETTLE_MS * MS or bench.cell.state == CancellerState.CLEAN
    bench.step(SETTLE_MS)
    assert bench.cell.state == CancellerState.CLEAN
    assert bench.cell.listed_ns >= bench.cell.settled_ns > killed_ns + WINDOW_NS
    lists = len(bench.session.lists_ns)
    bench.step(60_000)
    assert len(bench.session.lists_ns) == lists < 16, "a venue that was asked is not asked for ever"


def test_a_successor_in_time_finds_its_orders_where_they_were(bench: Bench) -> None:
    """A restart takes milliseconds; its orders keep their place in the queue."""
    for _ in range(5):
        bench.kill()
        bench.step(20)
        bench.start()
        bench.step(1_000)
    assert (ours(bench), bench.session.sent) == (1, 0)


def test_a_successor_that_does_not_get_ready_does_not_keep_the_orders_open(bench: Bench) -> None:
    """A start that hangs is no death; the orders had no attendant all the same."""
    bench.kill()
    bench.step(50)
    bench.start(ready=False)
    bench.step(DEAD_MS + 200)
    assert ours(bench) == 0


def test_cancels_of_a_frozen_execution_leave_within_ten_milliseconds_of_the_limit(bench: Bench) -> None:
    """A hook in `while True` freezes the execution of the same process, and with it every cancel of its own."""
    bench.beats = False
    bench.step(LATE_MS + 100)
    late_ns = bench.session.cancels_ns[0] - bench.beat_ns
    sys.stdout.write(f"cancel sent {(late_ns - CONFIG.late_ns) / MS:.1f} ms after late_ms\n")
    assert CONFIG.late_ns < late_ns <= CONFIG.late_ns + 10 * MS
    assert (ours(bench), bench.cell.reason) == (0, CancelReason.FROZEN)


def test_a_frozen_execution_is_never_confirmed_until_it_is_dead(bench: Bench) -> None:
    """It may go on at any moment, and send."""
    bench.beats = False
    bench.step(20_000)
    assert (bench.cell.state, bench.cell.open, bench.cell.settled_ns) == (CancellerState.CANCELLING, 0, 0)
    bench.kill()
    bench.step(SETTLE_MS + 200)
    assert bench.cell.state == CancellerState.CLEAN


def test_an_execution_that_thaws_keeps_its_orders(bench: Bench) -> None:
    """What it places after that is its own again."""
    bench.beats = False
    bench.step(LATE_MS + 500)
    bench.beats = True
    bench.step(40)
    bench.venue.place(bench.now_ns)
    bench.step(10_000)
    assert (ours(bench), bench.cell.state) == (1, CancellerState.WATCHING)


@pytest.mark.parametrize("state", ["R", "S", "D"])
def test_an_execution_that_waits_for_a_core_or_the_disk_is_not_frozen(bench: Bench, state: str) -> None:
    """On a busy machine a beat is late although nothing hangs; after `frozen_ms` the orders come first."""
    bench.beats, bench.processes.state = False, state

    def starve() -> None:
        bench.processes.waited_ns = bench.now_ns - bench.beat_ns
        bench.live()

    bench.step(LATE_MS * 4, starve)
    assert ours(bench) == 1
    bench.step(FROZEN_MS - LATE_MS * 4 + 50, starve)
    assert ours(bench) == 0


def test_an_execution_that_runs_without_a_beat_on_half_a_core_is_frozen(bench: Bench) -> None:
    """A hook in `while True` on a busy machine must not pass for a wait."""
    bench.beats, bench.processes.state = False, "R"

    def loop() -> None:
        bench.processes.ran_ns += STEP_NS // 2
        bench.processes.waited_ns += STEP_NS // 2
        bench.live()

    bench.step(LATE_MS + 100, loop)
    assert ours(bench) == 0


def test_a_canceller_that_did_not_run_itself_does_not_call_execution_frozen(bench: Bench) -> None:
    """After a pause of the whole machine every beat looks old."""
    bench.now_ns += 3_000 * MS
    bench.live()
    bench.step(40)
    assert (ours(bench), bench.session.sent) == (1, 0)


def test_an_order_of_a_new_life_is_never_cancelled(bench: Bench) -> None:
    """The listing left before the new life began, and its answer came after its first order."""
    bench.kill()
    bench.step(DEAD_MS + 10)
    bench.venue.place(bench.now_ns)
    listed = len(bench.session.lists_ns)
    while len(bench.session.lists_ns) == listed:  # a listing is on its way
        bench.step(STEP_NS // MS)
    bench.start(ready=False)
    new = bench.venue.place(bench.now_ns + MS)
    bench.step(3_000)
    assert list(bench.venue.orders) == [b"2", new]
    bench.run()
    bench.step(10_000)
    assert list(bench.venue.orders) == [b"2", new]


def test_a_listing_that_arrives_when_execution_is_ready_cancels_nothing(bench: Bench) -> None:
    """From then on execution knows every order, and may already rely on one."""
    bench.kill()
    bench.step(DEAD_MS + 500)
    bench.venue.place(bench.now_ns)
    listed = len(bench.session.lists_ns)
    while len(bench.session.lists_ns) == listed:
        bench.step(STEP_NS // MS)
    sent = bench.session.sent
    bench.start()
    bench.step(10_000)
    assert (ours(bench), bench.session.sent) == (1, sent)


def test_every_order_of_the_account_is_cancelled_only_when_the_operator_configures_it() -> None:
    """Somebody may trade by hand."""
    bench = Bench(CancellerConfig(foreign=True))
    bench.start()
    for symbol in ("BTCUSDT", "BTCUSDT", "ETHUSDT"):
        bench.venue.place(bench.now_ns, OTHERS, symbol)
    bench.step(100)
    bench.kill()
    bench.step(DEAD_MS + 200)
    assert (bench.venue.orders, bench.session.sent) == ({}, 2), "one request for each symbol"


def test_without_a_uuid_no_order_is_ours() -> None:
    """Execution makes it at its first start; an order of another program may have an id of the same length."""
    bench = Bench(mark=bytes)
    bench.venue.place(bench.now_ns, b"0123456789abcdef")
    bench.step(DEAD_MS + SETTLE_MS + 2_000)
    assert (len(bench.venue.orders), bench.cell.state) == (1, CancellerState.CLEAN)


def test_flatten_cancels_beside_a_living_execution_but_not_what_it_places_to_close(bench: Bench) -> None:
    """Execution closes positions by orders of its own, after the word."""
    bench.step(10)
    bench.flatten()
    bench.step(20)
    closing = bench.venue.place(bench.now_ns)
    bench.step(1_000)
    assert list(bench.venue.orders) == [b"2", closing]
    bench.venue.cancel(closing)
    bench.step(6_000)
    assert (bench.cell.state, bench.cell.reason) == (CancellerState.CLEAN, CancelReason.FLATTEN)
    bench.venue.place(bench.now_ns - 60_000 * MS)
    bench.flatten()
    bench.step(1_000)
    assert ours(bench) == 0, "the word is given again: once more"


@pytest.mark.parametrize("seed", range(20))
def test_a_canceller_that_is_killed_at_any_moment_is_continued_by_the_next(bench: Bench, seed: int) -> None:
    """All that it must know is at the venue and in shared memory."""
    random = Random(seed)
    for _ in range(20):
        bench.venue.place(bench.now_ns)
    bench.kill()
    for _ in range(3):
        bench.step(random.randrange(10, DEAD_MS))
        bench.canceller = bench.make()
    bench.step(DEAD_MS + SETTLE_MS + 2_000)
    assert list(bench.venue.orders) == [b"2"]
    assert bench.cell.state == CancellerState.CLEAN


def test_two_cancellers_at_once_do_no_harm(bench: Bench) -> None:
    """A supervisor that believes one dead may start another."""
    other = bench.make()
    bench.kill()
    bench.step(DEAD_MS + 100, lambda: (bench.live(), other.step(bench.now_ns)))
    assert ours(bench) == 0
    bench.start()
    new = bench.venue.place(bench.now_ns + MS)
    bench.step(10_000, lambda: (bench.live(), other.step(bench.now_ns)))
    assert list(bench.venue.orders) == [b"2", new]


def test_an_ended_execution_is_confirmed_by_one_listing(bench: Bench) -> None:
    """It drained: nothing of it can be on its way, so `down` need not wait for a receive window."""
    bench.venue.cancel(b"1")
    bench.order(OrderState.CANCELLED)
    bench.end()
    assert bench.drain(100)
    assert (len(bench.session.lists_ns), bench.cell.state) == (1, CancellerState.CLEAN)


def test_an_ended_execution_with_an_order_in_doubt_is_waited_for(bench: Bench) -> None:
    """The order may still arrive."""
    bench.order(OrderState.SENT)
    bench.end()
    assert not bench.drain(SETTLE_MS - 500)
    assert bench.drain(3_000)
    assert (ours(bench), bench.cell.state) == (0, CancellerState.CLEAN)


def test_an_execution_that_was_killed_just_now_is_not_taken_for_a_living_one(bench: Bench) -> None:
    """Its last beat is young; `down` ends the canceller within the same millisecond."""
    bench.kill()
    assert bench.now_ns - bench.beat_ns < BEAT_NS
    assert not bench.drain(2_000)
    assert bench.drain(SETTLE_MS)
    assert ours(bench) == 0


def test_a_canceller_alone_that_is_stopped_cancels_nothing(bench: Bench) -> None:
    """An operator starts it again while execution trades."""
    assert bench.drain(10)
    bench.canceller.close()
    assert (ours(bench), bench.cell.state) == (1, CancellerState.WATCHING)


def test_a_venue_that_is_away_does_not_hold_up_the_end_of_a_drained_execution(bench: Bench) -> None:
    """Execution knows that nothing is open; the cell shows that the venue did not confirm it."""
    bench.order(OrderState.CANCELLED)
    bench.venue.answers = False
    bench.end()
    assert bench.drain(4_000)
    bench.canceller.close()
    assert bench.cell.state == CancellerState.GAVE_UP


def test_a_venue_that_is_away_is_waited_for_where_every_order_of_the_account_is_to_be_cancelled() -> None:
    """Execution knows nothing of a person's order: `down` ended with 0 while one was open."""
    bench = Bench(CancellerConfig(foreign=True))
    bench.start()
    bench.step(100)
    bench.venue.place(bench.now_ns, OTHERS)
    bench.order(OrderState.CANCELLED)
    bench.venue.answers = False
    bench.end()
    assert not bench.drain(4_000)
    bench.venue.answers = True
    assert bench.drain(3_000)
    assert (bench.venue.orders, bench.cell.state) == ({}, CancellerState.CLEAN)


def test_what_remains_is_listed_when_the_time_is_over(bench: Bench) -> None:
    """`down` prints it, and exits with 1."""
    bench.kill()
    bench.canceller.vitals.doubted = True
    bench.canceller.drain(bench.now_ns)
    bench.drain(4)
    bench.venue.answers = False
    bench.venue.orders[b"9"] = bench.venue.orders[b"2"]._replace(client_id=MARK + bytes(10), venue_order_id=b"9")
    bench.drain(1_000)
    bench.canceller.close()
    assert bench.cell.state == CancellerState.GAVE_UP
    assert [one.client_id[:6] for one in bench.listed] == [MARK]


def test_a_canceller_that_starts_after_the_death_of_execution_cancels_too() -> None:
    """Both may be killed at once, and an up after a power cut finds orders of before it."""
    bench = Bench()
    bench.venue.place(START_NS - 60_000 * MS)
    bench.start(ready=False)
    bench.beat(RoleState.STARTING)
    bench.kill()
    bench.step(DEAD_MS + SETTLE_MS + 1_000)
    assert (ours(bench), bench.cell.state) == (0, CancellerState.CLEAN)
