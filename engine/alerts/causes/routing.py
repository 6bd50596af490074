"""Orders over several accounts: the router does not run while they are open, or does not end them as it should."""

from collections.abc import Iterator

from engine.alerts.causes.cause import Cause, cause, seconds
from engine.alerts.episodes import Finding
from engine.alerts.message import Severity
from engine.alerts.scene import MS, Scene
from engine.model.rows import OrderRow


@cause
class RouterSilent(Cause):
    """The router does not step while parents are open."""

    name = "router_silent"
    severity = Severity.CRITICAL
    to_do = (
        "engine-ctl status shows whether the router runs again, engine-ctl orders what is open; engine-ctl halt cancels"
        " the children at every account without the router"
    )

    def find(self, scene: Scene) -> Iterator[Finding]:
        """The router, when its heartbeat is older than the limit."""
        for router, routes in scene.routes.items():
            row = scene.lanes.beats[router].read(0)
            age_ns = scene.now_ns - row.wall_ns if row is not None else 0
            if routes.open and age_ns > scene.limits.router_ms * MS:
                what = (
                    f"The role {router} has not stepped for {seconds(age_ns)} while routed orders are open"
                    f" ({len(routes.open)}): it makes no further child and keeps no deadline."
                )
                yield self.finding(router, what)


@cause
class ParentLate(Cause):
    """A parent of the router is open after its deadline."""

    name = "parent_late"
    severity = Severity.CRITICAL
    to_do = "engine-ctl orders shows the child that has not ended; compare that order with the venue of its account"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each parent that is late by more than the limit."""
        for router, routes in scene.routes.items():
            late = [one for one in routes.open.values() if _late_ns(one, scene) > scene.limits.parent_ms * MS]
            if late:
                first = max(late, key=lambda one: _late_ns(one, scene))
                what = (
                    f"Routed orders are open after their deadline ({len(late)}): {first.intent_id} of"
                    f" {scene.strategy(first.strategy)} for {seconds(_late_ns(first, scene))}."
                )
                yield self.finding(router, what)


@cause
class ParentOverfilled(Cause):
    """A parent of the router has traded more than its size."""

    name = "parent_overfilled"
    severity = Severity.CRITICAL
    is_event = True
    to_do = "engine-ctl log ROUTER names the child and the excess; reduce the position of the strategy by the excess"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each parent, at each time that it is shown with more."""
        for router, routes in scene.routes.items():
            for row in routes.overfilled:
                share = row.filled / row.size - 1
                what = (
                    f"The routed order {row.intent_id} of {scene.strategy(row.strategy)} on"
                    f" {scene.instrument(row.instrument)} has traded {share:.2%} more than its size."
                )
                yield self.finding(router, what, self.to_do.replace("ROUTER", router))


def _late_ns(row: OrderRow, scene: Scene) -> int:
    """How long a parent is open after its deadline."""
    return scene.now_ns - row.expires_ns if row.expires_ns else 0
