"""The health checks: is every part of the system alive, and may it trade. What is not known is unhealthy.

    /healthz   the supervisor and each role of the configuration: running, in a living process, with a fresh heartbeat
    /readyz    the same, and: each book that is followed is good or shut by its venue, each order session is ready,
               entries are allowed, nothing is halted, the supervisor parks no process

Each check says what was found and what was expected.
"""

from collections.abc import Iterator

from engine.config.tables import SUPERVISOR
from engine.metrics.exposition import Check
from engine.metrics.scene import LATE_NS, Scene
from engine.model.refusals import refusal_text
from engine.model.text import shown, word
from engine.model.words import BookState, RoleState, SessionState

READY_BOOKS = (BookState.GOOD, BookState.SHUT)


def checks_of(scene: Scene) -> list[Check]:
    """Every check, in the order in which one makes the next possible."""
    return [*_roles(scene), *_books(scene), *_trading(scene)]


def _roles(scene: Scene) -> Iterator[Check]:
    """Each role that the configuration has, and the supervisor."""
    late_ns = max(LATE_NS, scene.config.watch.late_ms * 1_000_000)
    expected = f"running, with a heartbeat younger than {late_ns / 1e9:.1f} s"
    for name in (SUPERVISOR, *scene.config.role_names):
        role = scene.figures.roles.get(name)
        if role is None:
            yield Check(f"role {name}", False, "unknown: it has no heartbeat", expected)
            continue
        found = f"{word(RoleState, role.state).lower()}, {role.life}, heartbeat {role.beat_age_ns / 1e9:.1f} s old"
        yield Check(f"role {name}", role.works(late_ns), found, expected)


def _books(scene: Scene) -> Iterator[Check]:
    for one in scene.config.instruments:
        row = scene.books.get(one.id)
        state = None if row is None else row.state
        found = "unknown: nothing was published" if row is None else word(BookState, row.state).lower()
        yield Check(f"book {one.venue} {one.symbol}", state in READY_BOOKS, found, "good, or shut by the venue", True)


def _trading(scene: Scene) -> Iterator[Check]:
    """What must hold before an order can leave, for each execution."""
    if not scene.trades:
        return
    for role in scene.config.execution_names:
        session, gate = scene.sessions.get(role), scene.gates.get(role)
        found = "unknown: none was made" if session is None else word(SessionState, session.state).lower()
        if session is not None and (text := shown(session.text)):
            found += f": {text}"
        ready = session is not None and session.state == SessionState.READY
        yield Check(f"order session of {role}", ready, found, "ready", True)
        if gate is None:
            yield Check(f"gate of {role}", False, "unknown: never published", "entries are allowed", True)
            continue
        found = "halted" if gate.halted else refusal_text(gate.exits_only, 0, 0) if gate.exits_only else "open"
        yield Check(f"gate of {role}", not gate.halted and not gate.exits_only, found, "entries are allowed", True)
    halted = scene.halt is None or bool(scene.halt.halted)
    yield Check("halt", not halted, "unknown" if scene.halt is None else "halted" if halted else "none", "none", True)
    yield Check("halted scopes", not scene.halts, str(len(scene.halts)), "0", True)
    parked = None if scene.supervision is None else scene.supervision.parked
    yield Check("parked processes", parked == 0, "unknown" if parked is None else str(parked), "0", True)
