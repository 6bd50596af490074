"""Every execution of a few small threads under C11's weak memory, with crashes and a clock.

The semantics is the view-based one of promise-free RC11:

1. A location is its modification order: a list of messages, each a value and the view its writer attached.
2. A thread has three views (a view is one index a location): `cur` what it must have seen, `acq` what an
   acquire fence would add, `rel` what its next relaxed store hands on (`cur` at its last release fence).
3. A load may take any message not older than `cur`; an acquire load joins the message's view into `cur`,
   a relaxed one only into `acq`. A store goes anywhere in the order after `cur`; a release store attaches `cur`.
4. A seq_cst fence also exchanges views with one global view. A futex call holds two of the kernel's full fences.
5. A thread may crash between any two accesses; its successor starts again with what the dead one had seen,
   because the kernel's lock was released by a dead process and acquired by the living one (`handover=False` drops
   that edge: the dead one's stores then may land anywhere).
6. Time is a tick that may come between any two accesses. What a thread knows of time is the age of a clock it read,
   so that time has no end and the states still have: beyond a clock's limit all ages are one. `staleness` bounds,
   in ticks, how long a store may hide in a store buffer.

Load buffering (a store overtaking an earlier load) is outside RC11. A test that cares writes the overtaking
out in program order: the mutation "acknowledge before reading" is exactly that.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

View = tuple[int, ...]
Registers = Any  # a namedtuple of ints, one class a program


class Message(NamedTuple):
    """A store that happened: its value, what it hands on to an acquirer, and its age."""

    value: int
    view: View
    age: int = 0


class Thread(NamedTuple):
    """A point of a program: which, where, with what registers and views."""

    program: "Program"
    at: int
    registers: Registers
    cur: View
    acq: View
    rel: View
    asleep: bool = False


class State(NamedTuple):
    """The whole world."""

    memory: tuple[tuple[Message, ...], ...]
    threads: tuple[Thread, ...]
    exchanged: View
    crashes: int = 0


class Violation(Exception):  # noqa: N818 - it is a finding, not a fault
    """An execution that breaks a promise, and the shortest way to it."""

    def __init__(self, why: str, trace: Sequence[str] = ()) -> None:
        """Carry the reason and the steps."""
        super().__init__("\n".join([why, *trace]))
        self.why = why


@dataclass(frozen=True, eq=False)
class Load:
    """Read a location into a register."""

    into: str
    where: Callable[[Registers], int]
    order: str


@dataclass(frozen=True, eq=False)
class Store:
    """Write a value to a location."""

    where: Callable[[Registers], int]
    value: Callable[[Registers], int]
    order: str


@dataclass(frozen=True, eq=False)
class Sleep:
    """FUTEX_WAIT: sleep if the location still holds the value (`compares=False`: whatever it holds)."""

    where: int
    value: Callable[[Registers], int]
    compares: bool = True


@dataclass(frozen=True, eq=False)
class Wake:
    """FUTEX_WAKE of all sleepers."""


@dataclass(frozen=True, eq=False)
class Clock:
    """Read the clock: the register holds its age from here on."""

    into: str


@dataclass(frozen=True, eq=False)
class Fence:
    """A C11 fence: release, acquire or seq_cst."""

    order: str


@dataclass(frozen=True, eq=False)
class Set:
    """Compute on registers only."""

    change: Callable[[Registers], Registers]


@dataclass(frozen=True, eq=False)
class Jump:
    """Go to a label when a condition holds."""

    to: str
    when: Callable[[Registers], bool] = lambda _: True


@dataclass(frozen=True, eq=False)
class Check:
    """A promise: of the thread's registers and of the true history of memory."""

    holds: Callable[[Registers, tuple[tuple[Message, ...], ...]], bool]
    why: str


class Program:
    """A list of instructions with labels (strings) among them, and how its life begins."""

    def __init__(
        self,
        name: str,
        code: Sequence[Any],
        registers: Registers,
        inherit: Callable[[Registers], Registers] | None = None,
        clocks: dict[str, int] | None = None,
    ) -> None:
        """Resolve the labels; `inherit` makes a successor's registers (absent: never killed), `clocks` limits ages."""
        self.name = name
        self.code = [step for step in code if not isinstance(step, str)]
        marks = [index for index, step in enumerate(code) if isinstance(step, str)]
        self.labels = {code[mark]: mark - number for number, mark in enumerate(marks)}
        self.registers = registers
        self.inherit = inherit
        self.clocks = clocks or {}


@dataclass(frozen=True)
class Limits:
    """How far the world goes: crashes, whether time passes, how long a store hides, whether death synchronises."""

    crashes: int = 0
    timed: bool = False
    staleness: int = 0
    handover: bool = True


def join(left: View, right: View) -> View:
    """Return the later of two views, location by location."""
    return left if left is right else tuple(map(max, left, right))


def settle(state: State, index: int) -> State:
    """Run a thread's private instructions up to its next access: no other thread can run between them."""
    thread = state.threads[index]
    code, labels = thread.program.code, thread.program.labels
    at, registers, cur, rel = thread.at, thread.registers, thread.cur, thread.rel
    while at < len(code):
        step = code[at]
        at += 1
        if isinstance(step, Set):
            registers = step.change(registers)
        elif isinstance(step, Jump):
            at = labels[step.to] if step.when(registers) else at
        elif isinstance(step, Check):
            if not step.holds(registers, state.memory):
                raise Violation(f"{thread.program.name}: {step.why}: {registers}")
        elif isinstance(step, Fence) and step.order == "acquire":
            cur = thread.acq
        elif isinstance(step, Fence) and step.order == "release":
            rel = cur
        else:
            at -= 1
            break
    settled = thread._replace(at=at, registers=registers, cur=cur, rel=rel)
    return put(state, index, settled)


def put(state: State, index: int, thread: Thread, **others: Any) -> State:
    """Return the state with one thread replaced."""
    threads = (*state.threads[:index], thread, *state.threads[index + 1 :])
    return state._replace(threads=threads, **others)


def fenced(state: State, index: int) -> State:
    """Pass a seq_cst fence: the thread and the global view learn from each other."""
    thread = state.threads[index]
    view = join(thread.acq, state.exchanged)
    return put(state, index, thread._replace(cur=view, acq=view, rel=view), exchanged=view)


def readable(state: State, location: int, seen: int, limits: Limits) -> Iterator[tuple[int, Message]]:
    """Yield the messages a load may take: none older than seen, none hidden longer than a store can be."""
    history = state.memory[location]
    for index in range(len(history) - 1, seen - 1, -1):
        yield index, history[index]
        if history[index].age > limits.staleness:
            return


def load(state: State, index: int, step: Load, limits: Limits) -> Iterator[State]:
    """Yield one state for each message the load may take."""
    thread = state.threads[index]
    location = step.where(thread.registers)
    for stamp, message in readable(state, location, thread.cur[location], limits):
        cur = (*thread.cur[:location], stamp, *thread.cur[location + 1 :])
        acq = join(join(thread.acq, message.view), cur)
        cur = join(cur, message.view) if step.order == "acquire" else cur
        registers = thread.registers._replace(**{step.into: message.value})
        yield put(state, index, thread._replace(at=thread.at + 1, registers=registers, cur=cur, acq=acq))


def store(state: State, index: int, step: Store) -> Iterator[State]:
    """Yield one state for each place in the modification order the store may take."""
    location = step.where(state.threads[index].registers)
    for place in range(state.threads[index].cur[location] + 1, len(state.memory[location]) + 1):
        moved = renumbered(state, location, place)
        thread = moved.threads[index]
        mark = tuple(place if at == location else 0 for at in range(len(moved.memory)))
        cur, acq = join(thread.cur, mark), join(thread.acq, mark)
        view = cur if step.order == "release" else join(thread.rel, mark)
        history = moved.memory[location]
        message = Message(step.value(thread.registers), view)
        history = (*history[:place], message, *history[place:])
        memory = (*moved.memory[:location], history, *moved.memory[location + 1 :])
        yield put(moved, index, thread._replace(at=thread.at + 1, cur=cur, acq=acq), memory=memory)


def renumbered(state: State, location: int, place: int) -> State:
    """Make room in a modification order: every index at or after the place grows by one."""
    if place == len(state.memory[location]):
        return state

    def moved(view: View) -> View:
        return tuple(at + (where == location and at >= place) for where, at in enumerate(view))

    memory = tuple(tuple(m._replace(view=moved(m.view)) for m in history) for history in state.memory)
    threads = tuple(t._replace(cur=moved(t.cur), acq=moved(t.acq), rel=moved(t.rel)) for t in state.threads)
    return state._replace(memory=memory, threads=threads, exchanged=moved(state.exchanged))


def sleep(state: State, index: int, step: Sleep, limits: Limits) -> Iterator[State]:
    """FUTEX_WAIT in one step, as the kernel's bucket lock makes it: fence, compare, queue."""
    after = fenced(state, index)
    thread = after.threads[index]
    for stamp, message in readable(after, step.where, thread.cur[step.where], limits):
        if not step.compares or message.value == step.value(thread.registers):
            yield put(after, index, thread._replace(asleep=True))
        else:
            cur = (*thread.cur[: step.where], stamp, *thread.cur[step.where + 1 :])
            acq = join(join(thread.acq, message.view), cur)
            yield put(after, index, thread._replace(at=thread.at + 1, cur=cur, acq=acq))


def wake(state: State, index: int) -> State:
    """FUTEX_WAKE in one step: fence, then everyone who sleeps goes on."""
    after = fenced(state, index)
    woken = [t._replace(asleep=False, at=t.at + 1) if t.asleep else t for t in after.threads]
    woken[index] = woken[index]._replace(at=woken[index].at + 1)
    return after._replace(threads=tuple(woken))


def advance(state: State, index: int, limits: Limits) -> Iterator[State]:
    """Yield every outcome of a thread's next access."""
    thread = state.threads[index]
    step = thread.program.code[thread.at]
    if isinstance(step, Load):
        yield from load(state, index, step, limits)
    elif isinstance(step, Store):
        yield from store(state, index, step)
    elif isinstance(step, Sleep):
        yield from sleep(state, index, step, limits)
    elif isinstance(step, Wake):
        yield wake(state, index)
    elif isinstance(step, Clock):
        registers = thread.registers._replace(**{step.into: 0})
        yield put(state, index, thread._replace(at=thread.at + 1, registers=registers))
    else:
        after = fenced(state, index)
        yield put(after, index, after.threads[index]._replace(at=thread.at + 1))


def crash(state: State, index: int, limits: Limits) -> State:
    """Kill a thread here and start its successor, who knows what the dead one had done."""
    thread = state.threads[index]
    assert thread.program.inherit
    born = thread.program.inherit(thread.registers)
    view = thread.cur if limits.handover else tuple(0 for _ in thread.cur)
    successor = Thread(thread.program, 0, born, view, view, view)
    return put(state, index, successor, crashes=state.crashes + 1)


def following(state: State, limits: Limits) -> Iterator[tuple[str, State]]:
    """Yield everything that can happen next, with a word for the trace."""
    for index, thread in enumerate(state.threads):
        if thread.at == len(thread.program.code):
            continue
        if thread.program.inherit and state.crashes < limits.crashes:
            yield f"{thread.program.name} killed", settle(crash(state, index, limits), index)
        if not thread.asleep:
            for after in advance(state, index, limits):
                yield describe(thread, after.threads[index]), settled(after)
    if limits.timed:
        yield "tick", tick(state, limits.staleness + 1)


def tick(state: State, oldest: int) -> State:
    """Let time pass: every age grows by one up to its limit, an age below zero is a clock not read."""

    def older(registers: Registers, clocks: dict[str, int]) -> Registers:
        ages = {name: (getattr(registers, name), limit) for name, limit in clocks.items()}
        return registers._replace(**{name: min(age + (age >= 0), limit) for name, (age, limit) in ages.items()})

    memory = tuple(tuple(m._replace(age=min(m.age + 1, oldest)) for m in history) for history in state.memory)
    threads = tuple(t._replace(registers=older(t.registers, t.program.clocks)) for t in state.threads)
    return state._replace(memory=memory, threads=threads)


def settled(state: State) -> State:
    """Settle every thread (a wake moves more than one)."""
    for index in range(len(state.threads)):
        state = settle(state, index)
    return state


def describe(before: Thread, after: Thread) -> str:
    """Describe a step: the instruction and the registers it left."""
    step = before.program.code[before.at]
    return f"{before.program.name}[{before.at}] {type(step).__name__} -> {after.registers}"


def beginning(programs: Sequence[Program], memory: Sequence[int]) -> State:
    """Return the first state: one message a location, every view at it."""
    view = tuple(0 for _ in memory)
    threads = tuple(Thread(program, 0, program.registers, view, view, view) for program in programs)
    return settled(State(tuple((Message(value, view),) for value in memory), threads, view))


@dataclass(frozen=True)
class Found:
    """What a complete exploration saw: how many states, and the registers of all threads at every end."""

    states: int
    ends: frozenset[tuple[Registers, ...]]


def explore(
    programs: Sequence[Program],
    memory: Sequence[int],
    limits: Limits | None = None,
    always: Callable[[State], str | None] = lambda _: None,
) -> Found:
    """Visit every reachable state once, breadth first; a broken promise raises with the shortest trace."""
    limits = limits or Limits()
    first = beginning(programs, memory)
    came: dict[State, tuple[State, str] | None] = {first: None}
    waiting = deque([first])
    ends = set()
    while waiting:
        state = waiting.popleft()
        try:
            if why := always(state):
                raise Violation(why)  # noqa: TRY301 - the trace is added below
            for word, after in following(state, limits):
                if after not in came:
                    came[after] = (state, word)
                    waiting.append(after)
        except Violation as violation:
            raise Violation(violation.why, trace_of(came, state)) from None
        if all(thread.at == len(thread.program.code) for thread in state.threads):
            ends.add(tuple(thread.registers for thread in state.threads))
    return Found(len(came), frozenset(ends))


def trace_of(came: dict[State, tuple[State, str] | None], state: State) -> list[str]:
    """Walk back from a state to the beginning."""
    words = []
    step = came[state]
    while step:
        words.append(step[1])
        step = came[step[0]]
    return words[::-1]
