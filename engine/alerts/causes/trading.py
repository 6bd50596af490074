"""Trading: an order without an answer, a session that is not ready, a silent execution and its canceller, a limit."""

from collections.abc import Iterator

from engine.alerts.causes.cause import Cause, Since, cause, seconds
from engine.alerts.episodes import Finding
from engine.alerts.message import Severity
from engine.alerts.scene import MS, Scene
from engine.model.monitored import LIMITS, exceeded, limit_text
from engine.model.text import shown, word
from engine.model.words import CancellerState, CancelReason, SessionState

ACTING = (CancellerState.CANCELLING, CancellerState.GAVE_UP)


@cause
class OrderInDoubt(Cause):
    """The venue has not answered a request about an order for longer than the limit."""

    name = "order_in_doubt"
    severity = Severity.CRITICAL
    to_do = "compare engine-ctl orders with the venue's own list of open orders; execution keeps asking the venue"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """The orders of each execution, together."""
        for execution, orders in scene.waiting.items():
            found = orders.older_than(scene.now_ns - scene.limits.order_ms * MS)
            if found:
                first = found[0]
                what = (
                    f"{len(found)} of the orders of {execution} are in doubt; the oldest, {first.client_id.hex()} of"
                    f" {scene.instrument(first.instrument)}, has been {first.state.name.lower()} for"
                    f" {seconds(scene.now_ns - first.since_ns)}."
                )
                yield self.finding(execution, what)


@cause
class SessionDown(Cause):
    """No order can be sent, because the session at the venue is not ready."""

    name = "session_down"
    severity = Severity.CRITICAL
    to_do = "engine-ctl status shows the venue's answer; check the network, the venue's status page and the key"

    def __init__(self) -> None:
        """Begin with every session ready."""
        self._since = Since()

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each session that is not ready for the limit; one whose key lacks a right at once."""
        for execution, cell in scene.lanes.sessions.items():
            row = cell.read(0)
            found = row is not None and row.state != SessionState.READY
            age_ns = self._since.age_ns(execution, scene.now_ns, found=found)
            if found and (age_ns > scene.limits.session_ms * MS or row.state == SessionState.DENIED):
                state, why = word(SessionState, row.state).lower(), shown(row.text) or "the venue gave no reason"
                what = f"The order session of {execution} has not been ready for {seconds(age_ns)} ({state}): {why}."
                yield self.finding(execution, what)


@cause
class ExecutionSilent(Cause):
    """The monitor finds no heartbeat of an execution that ran."""

    name = "execution_silent"
    severity = Severity.CRITICAL
    to_do = "engine-ctl status shows whether it runs again and what the canceller does"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each execution that the monitor finds silent."""
        for execution, cell in scene.lanes.monitored.items():
            row = cell.read(0)
            if row is not None and row.execution_silent_ns:
                age = seconds(max(0, scene.now_ns - row.execution_silent_ns))
                yield self.finding(execution, f"The monitor has seen no heartbeat of {execution} for {age}.")


@cause
class LimitExceeded(Cause):
    """By the monitor's own figures an account exceeds a limit of risk."""

    name = "limit_exceeded"
    severity = Severity.CRITICAL
    to_do = (
        "engine-ctl monitor shows every figure; compare with engine-ctl positions and the venue's own account. If the"
        " limit is right: engine-ctl halt, then reduce the position"
    )

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each limit of each account."""
        for execution, cell in scene.lanes.monitored.items():
            row = cell.read(0)
            for name in exceeded(row) if row is not None else ():
                what = f"By the monitor's figures {execution} exceeds a limit: {limit_text(row, name)}."
                yield self.finding(f"{execution}: {LIMITS[name]}", what)


@cause
class CancellerActs(Cause):
    """The canceller cancels at the venue in place of an execution, or could not."""

    name = "canceller_acts"
    severity = Severity.CRITICAL
    to_do = "engine-ctl status shows how far it is; compare with the venue's own list of open orders"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each canceller at work, but for the stop of the system."""
        for execution, cell in scene.lanes.cancels.items():
            row = cell.read(0)
            if row is None or row.state not in ACTING or row.reason == CancelReason.STOPPING:
                continue
            reason, why = word(CancelReason, row.reason).lower(), shown(row.text) or "the venue answers"
            done = f"{row.sent} cancels sent, {row.open} orders open in the newest listing; {why}"
            state = "could not cancel every order" if row.state == CancellerState.GAVE_UP else "cancels every order"
            yield self.finding(execution, f"The canceller {state} of {execution} at the venue ({reason}): {done}.")
