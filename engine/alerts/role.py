"""The role alerts: health cells and lanes in, messages to people out.

A step, in this order:
1. Apply the outcomes of deliveries: a message that was sent leaves its queue, another one waits for its next attempt.
2. Every `check_ms`, and at once when a process ends: read the scene, let each cause find, apply the findings to the
   episodes, add the messages that are due to the queues.
3. Hand each idle target its oldest message that is due; make the outside heartbeat when it is due.
4. Write the state to the disk if it has changed; its time of the last check every `SEEN_NS`.

The role reads as a looker: nothing waits for it, and it writes no lane but its heartbeat. It decides by itself whether
a process is dead, because the supervisor can be dead too.
"""

import logging
from collections.abc import Sequence

from engine.alerts import heartbeat
from engine.alerts.causes import Cause
from engine.alerts.delivery import Delivery
from engine.alerts.episodes import Change, Episode, Episodes, Finding, Limits
from engine.alerts.message import Message, Severity, State
from engine.alerts.outbox import Failed, Outcome
from engine.alerts.scene import MS, Gap, Scene
from engine.alerts.store import Store, Stored
from engine.config.tables import ALERTS
from engine.model.text import word
from engine.model.words import Mode

SEEN_NS = 5_000_000_000
GAP_NS = 3_000_000_000  # a longer time between two checks is reported
DRAIN_NS = 2_000_000_000  # how long the end of the role waits for its messages

logger = logging.getLogger("engine.alerts")


class AlertsRole:
    """Turns what it reads into messages, and sends them through a port."""

    name = ALERTS

    def __init__(
        self, scene: Scene, causes: Sequence[Cause], limits: Limits, delivery: Delivery, store: Store, stored: Stored
    ) -> None:
        """Continue the stored state."""
        self.scene, self.outbox = scene, scene.outbox
        self.episodes = Episodes(limits, stored.episodes)
        self._causes, self._delivery, self._store = causes, delivery, store
        self._table = scene.limits
        self._seen_ns = 0 if stored.closed else stored.seen_ns  # the last check; 0: none was missed
        self._begin_ns = self._check_ns = self._written_ns = self._ping_ns = self._drain_ns = 0
        self._made = self._failures = 0
        self._pinging = self._ping_failed = False
        self._dirty = True

    def step(self, now_ns: int) -> int:
        """Check, send, store."""
        self._begin_ns = self._begin_ns or now_ns
        work = self._collect(now_ns)
        if now_ns >= self._check_ns:
            work += self._check(now_ns)
        work += self._send(now_ns)
        if self._dirty or now_ns - self._written_ns >= SEEN_NS:
            self._write(now_ns, closed=False)
        return work

    def lag(self) -> int:
        """The number of messages that wait for the target on which most wait."""
        return max((len(queue.waiting) for queue in self.outbox.queues.values()), default=0)

    def error_count(self) -> int:
        """How many attempts to send have failed."""
        return self._failures

    def wait(self, timeout_ns: int) -> bool:
        """Sleep until a process ends or a delivery is done; a process that has ended is checked at once."""
        woken = self.scene.machine.wait(timeout_ns, self._delivery.fileno)
        if woken:
            self._check_ns = 0
        return woken

    def drain(self, now_ns: int) -> bool:
        """Send what waits; True when all is sent, or after `DRAIN_NS`: the rest is sent in the next life."""
        self._drain_ns = self._drain_ns or now_ns
        self._collect(now_ns)
        self._send(now_ns)
        return self.outbox.empty or now_ns - self._drain_ns > DRAIN_NS

    def close(self) -> None:
        """Store the queues; the episodes end, because the system does."""
        self.episodes.open.clear()
        self._write(self._seen_ns, closed=True)
        self._delivery.close()

    def _collect(self, now_ns: int) -> int:
        """Apply the outcomes of deliveries; how many there were."""
        found = self._delivery.finished(now_ns)
        for target, outcome in found:
            if target == heartbeat.NAME:
                self._apply_ping(outcome)
            else:
                self._apply(target, outcome, now_ns)
        return len(found)

    def _apply(self, target: str, outcome: Outcome, now_ns: int) -> None:
        """One message was sent, or was not; the first failure in turn is logged."""
        queue = self.outbox.queues[target]
        queue.apply(outcome, now_ns)
        self._dirty = True
        if isinstance(outcome, Failed):
            self._failures += 1
            if queue.failures == 1:
                extra = {"target": target, "error": outcome.error, "waiting": len(queue.waiting)}
                logger.warning("a message was not accepted: it is sent again", extra=extra)

    def _apply_ping(self, outcome: Outcome) -> None:
        """The outside heartbeat was made, or was not; the first failure in turn is logged."""
        failed = isinstance(outcome, Failed)
        if isinstance(outcome, Failed) and not self._ping_failed:
            logger.warning("the outside heartbeat failed", extra={"error": outcome.error})
        self._pinging, self._ping_failed = False, failed

    def _check(self, now_ns: int) -> int:
        """Read the scene and queue the messages that are due; how many."""
        gap_ns = now_ns - self._seen_ns
        first = not self._written_ns
        missed = self._seen_ns and (first or gap_ns > GAP_NS)
        self.scene.update(now_ns, Gap(self._seen_ns, now_ns) if missed else None)
        self._seen_ns, self._check_ns = now_ns, now_ns + self._table.check_ms * MS
        changes = self.episodes.apply(self._findings(), now_ns)
        for change in changes:
            message = self._message(change)
            self.outbox.add(message)
            logger.warning(message.what, extra={"cause": message.cause, "state": message.state, "count": message.count})
        self._dirty = self._dirty or bool(changes or self.scene.deaths)
        return len(changes)

    def _findings(self) -> list[Finding]:
        return [finding for cause in self._causes for finding in cause.find(self.scene)]

    def _message(self, change: Change) -> Message:
        """The message of a change."""
        episode, self._made = change.episode, self._made + 1
        scene = self.scene
        return Message(
            id=f"{scene.config.system.name}-{self._begin_ns:x}-{self._made}", system=scene.config.system.name,
            mode=self._mode(), host=scene.machine.host, cause=episode.cause, subject=episode.subject,
            severity=episode.severity, state=change.state, count=episode.count, own=episode.count,
            first_ns=episode.first_ns, last_ns=episode.last_ns, what=_what(change.state, episode), to_do=episode.to_do,
        )  # fmt: skip

    def _mode(self) -> str:
        row = self.scene.lanes.mode.read(0)
        return word(Mode, row.mode).lower() if row is not None else self.scene.config.system.mode

    def _send(self, now_ns: int) -> int:
        """Hand messages to the idle targets; how many."""
        begun = 0
        for name, queue in self.outbox.queues.items():
            if (message := queue.next_due(now_ns)) is not None:
                self._delivery.begin(name, message, now_ns)
                begun += 1
        return begun + self._ping(now_ns)

    def _ping(self, now_ns: int) -> int:
        """Make the outside heartbeat if it is due and the system is healthy."""
        if not self._table.heartbeat_url or self._pinging or now_ns < self._ping_ns or not self.episodes.healthy:
            return 0
        self._ping_ns, self._pinging = now_ns + self._table.heartbeat_every_ms * MS, True
        self._delivery.begin(heartbeat.NAME, _ping_message(self.scene.config.system.name), now_ns)
        return 1

    def _write(self, now_ns: int, *, closed: bool) -> None:
        """Store the state."""
        deaths = self.scene.deaths_file
        self._store.write(Stored(
            config=self.scene.config.path, seen_ns=self._seen_ns, closed=closed, deaths_file=deaths.inode,
            deaths_offset=deaths.offset, episodes=tuple(self.episodes.open.values()), queues=self.outbox.contents(),
        ))  # fmt: skip
        self._dirty, self._written_ns = False, now_ns


def _what(state: State, episode: Episode) -> str:
    """The first line of a message."""
    if state is not State.OVER:
        return episode.what
    return f"{'It has not occurred again' if episode.is_event else 'Over'}: {episode.what}"


def _ping_message(system: str) -> Message:
    """What the outside heartbeat is handed; it sends none of it."""
    return Message(
        id="", system=system, mode="", host="", cause="", subject="", severity=Severity.INFO, state=State.BEGIN,
        count=1, own=1, first_ns=0, last_ns=0, what="", to_do="",
    )  # fmt: skip
