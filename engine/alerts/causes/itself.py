"""Alerts itself: a time without checks, and a target that does not get its messages."""

from collections.abc import Iterator

from engine.alerts.causes.cause import Cause, cause, seconds
from engine.alerts.episodes import Finding
from engine.alerts.message import Severity, utc
from engine.alerts.scene import Scene

FAILING_NS = 120_000_000_000


@cause
class Unwatched(Cause):
    """Nothing was checked for a time: alerts was dead or frozen, or the machine was down."""

    name = "unwatched"
    severity = Severity.WARNING
    is_event = True
    to_do = "engine-ctl deaths, engine-ctl fills and engine-ctl log show what happened in this time"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """The gap before this check."""
        if (gap := scene.gap) is not None:
            length = seconds(gap.until_ns - gap.since_ns)
            what = (
                f"Nothing was checked from {utc(gap.since_ns)} to {utc(gap.until_ns)} ({length}): alerts did not run."
            )
            yield self.finding("alerts", what)


@cause
class TargetFailing(Cause):
    """A target has not accepted a message for two minutes; the other targets report it."""

    name = "target_failing"
    severity = Severity.WARNING
    unhealthy = True
    to_do = "engine-ctl alert test --target TARGET shows the error; the messages wait in the state directory"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each target that fails for the limit."""
        for name, queue in scene.outbox.queues.items():
            if queue.failing_since_ns and scene.now_ns - queue.failing_since_ns > FAILING_NS:
                count = len(queue.waiting)
                what = f"The target {name} accepts no messages ({queue.error}); {count} wait."
                yield self.finding(name, what, self.to_do.replace("TARGET", name))
