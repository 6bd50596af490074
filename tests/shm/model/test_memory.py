"""The explorer against the litmus tests of the literature: neither stronger nor weaker than RC11 allows.

An explorer that is too strong would pass a broken protocol; these outcomes, all of them and no others, are
what the papers on RC11 and on the promising semantics list for the same programs.
"""

from collections import namedtuple

import pytest

from tests.shm.model.memory import (
    Check,
    Fence,
    Jump,
    Limits,
    Load,
    Program,
    Set,
    Sleep,
    Store,
    Violation,
    Wake,
    explore,
)

Pair = namedtuple("Pair", "a b", defaults=(0, 0))  # noqa: PYI024 - registers are set by name
X, Y = 0, 1


def load(into: str, location: int, order: str = "relaxed") -> Load:
    """Load a fixed location."""
    return Load(into, lambda _: location, order)


def store(location: int, value: int, order: str = "relaxed") -> Store:
    """Store a constant."""
    return Store(lambda _: location, lambda _: value, order)


def outcomes(*threads: list[object]) -> set[tuple[int, ...]]:
    """Return the registers at every end, flattened; both locations begin at zero."""
    programs = [Program(f"t{number}", code, Pair()) for number, code in enumerate(threads)]
    return {sum((tuple(regs) for regs in end), ()) for end in explore(programs, [0, 0]).ends}


def test_message_passing_without_order_shows_a_stale_payload() -> None:
    """The weakness that makes a relaxed publish wrong must be there, or nothing is tested."""
    seen = outcomes([store(X, 1), store(Y, 1)], [load("a", Y), load("b", X)])
    assert {end[2:] for end in seen} == {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize(
    ("writer", "reader"),
    [
        ([store(X, 1), store(Y, 1, "release")], [load("a", Y, "acquire"), load("b", X)]),
        ([store(X, 1), Fence("release"), store(Y, 1)], [load("a", Y, "acquire"), load("b", X)]),
        ([store(X, 1), store(Y, 1, "release")], [load("a", Y), Fence("acquire"), load("b", X)]),
        ([store(X, 1), Fence("release"), store(Y, 1)], [load("a", Y), Fence("acquire"), load("b", X)]),
    ],
)
def test_message_passing_with_order_never_shows_a_stale_payload(writer: list[object], reader: list[object]) -> None:
    """Every pairing of release and acquire, by access or by fence, must forbid exactly the stale outcome."""
    assert {end[2:] for end in outcomes(writer, reader)} == {(0, 0), (0, 1), (1, 1)}


@pytest.mark.parametrize(
    ("writer", "reader"),
    [
        ([store(X, 1), store(Y, 1)], [load("a", Y, "acquire"), load("b", X)]),
        ([store(X, 1), store(Y, 1, "release")], [load("a", Y), load("b", X)]),
        ([Fence("release"), store(X, 1), store(Y, 1)], [load("a", Y, "acquire"), load("b", X)]),
        ([store(X, 1), store(Y, 1, "release")], [Fence("acquire"), load("a", Y), load("b", X)]),
    ],
)
def test_half_an_order_is_none(writer: list[object], reader: list[object]) -> None:
    """An order on one side only, or a fence on the wrong side of its access, orders nothing."""
    assert (1, 0) in {end[2:] for end in outcomes(writer, reader)}


@pytest.mark.parametrize("order", ["relaxed", "release"])
def test_store_buffering_needs_a_full_fence(order: str) -> None:
    """Both may read zero under release and acquire: the reason why a futex must hold full fences."""
    seen = outcomes([store(X, 1, order), load("a", Y, "acquire")], [store(Y, 1, order), load("a", X, "acquire")])
    assert (0, 0, 0, 0) in seen


def test_store_buffering_ends_with_a_full_fence() -> None:
    """With seq_cst fences one of the two sees the other."""
    seen = outcomes(
        [store(X, 1), Fence("seq_cst"), load("a", Y)],
        [store(Y, 1), Fence("seq_cst"), load("a", X)],
    )
    assert seen == {(0, 0, 1, 0), (1, 0, 0, 0), (1, 0, 1, 0)}


def test_reads_of_one_location_never_go_back() -> None:
    """Coherence: even relaxed loads of one location see its values in one order."""
    seen = outcomes([store(X, 1), store(X, 2)], [load("a", X), load("b", X)])
    assert {end[2:] for end in seen} == {(a, b) for a in range(3) for b in range(a, 3)}


def test_two_writers_land_in_either_order() -> None:
    """2+2W: a store may take a place before another's, so that both locations end with the first value."""
    seen = outcomes(
        [store(X, 1), store(Y, 2), load("a", X), load("b", Y)],
        [store(Y, 1), store(X, 2), load("a", X), load("b", Y)],
    )
    assert (1, 1, 1, 1) in seen
    assert (2, 1, 1, 1) not in seen


def test_load_buffering_is_outside_the_model() -> None:
    """RC11 forbids it: a protocol leaning on that must be tested with the store written first."""
    seen = outcomes([load("a", X), store(Y, 1)], [load("a", Y), store(X, 1)])
    assert (1, 0, 1, 0) not in seen


@pytest.mark.parametrize(("handover", "lost"), [(True, False), (False, True)])
def test_a_successor_stores_after_the_dead_only_through_the_lock(handover: bool, lost: bool) -> None:
    """Without the edge from death to the lock, a dead writer's store may land on top of its successor's."""
    code = [Store(lambda _: X, lambda r: r.a, "relaxed"), store(Y, 1, "release")]
    life = Program("w", code, Pair(a=1), lambda r: r._replace(a=2))
    reader = Program("r", [load("b", Y, "acquire"), load("a", X)], Pair())
    ends = explore([life, reader], [0, 0], Limits(crashes=1, handover=handover)).ends
    assert ((Pair(2, 0), Pair(1, 1)) in ends) is lost


def test_a_wake_before_the_sleep_is_not_lost() -> None:
    """The kernel's compare and the two fences: a sleeper missed by the wake sees the store instead."""
    waker = Program("w", [store(X, 1), Wake()], Pair())
    sleeper = Program("s", [Sleep(X, lambda _: 0)], Pair())

    def stranded(state: object) -> str | None:
        w, s = state.threads  # type: ignore[attr-defined]
        return "stranded" if w.at == len(w.program.code) and s.asleep else None

    assert explore([waker, sleeper], [0], always=stranded).ends
    with pytest.raises(Violation, match="stranded"):
        explore([Program("w", [Wake(), store(X, 1)], Pair()), sleeper], [0], always=stranded)


def test_a_broken_promise_shows_the_shortest_way_to_it() -> None:
    """A counterexample that a reader cannot follow proves nothing."""
    code = [
        "again",
        load("a", X),
        Jump("again", lambda r: r.a == 0),
        Check(lambda _r, _m: False, "saw it"),
        Set(lambda r: r),
    ]
    with pytest.raises(Violation) as caught:
        explore([Program("w", [store(X, 1)], Pair()), Program("r", code, Pair())], [0])
    assert str(caught.value).splitlines() == ["r: saw it: Pair(a=1, b=0)", "w[0] Store -> Pair(a=0, b=0)"]
