"""The role alerts over lanes in memory, with a store that outlives it."""

from pathlib import Path

from engine.alerts import limits_of
from engine.alerts.causes import REGISTRY
from engine.alerts.delivery import DirectDelivery
from engine.alerts.heartbeat import NAME as HEARTBEAT
from engine.alerts.message import Severity, State
from engine.alerts.outbox import Outbox
from engine.alerts.role import AlertsRole
from engine.alerts.targets import Target
from engine.model.words import HaltReason
from tests.engine.alerts.made import SECOND_NS, KeptStore, MadeTarget, Stage


class House:
    """The role over lanes in memory; it can be killed, and lives again from its store."""

    def __init__(self, place: Path, more: str = "") -> None:
        """Start the first life."""
        self.stage = Stage(place, more)
        self.store, self.target, self.outside = KeptStore(), MadeTarget(), MadeTarget(HEARTBEAT)
        self.role = self.live()

    def live(self, target: Target | None = None) -> AlertsRole:
        """Begin a life with what the store has; its messages go to this target, or to the made one."""
        stored = self.store.read()
        self.stage.scene.outbox = Outbox({"hook": Severity.WARNING}, stored.queues)
        delivery = DirectDelivery({"hook": target or self.target, HEARTBEAT: self.outside})
        causes = [kind() for kind in REGISTRY.values()]
        assert self.stage.config.alerts is not None
        limits = limits_of(self.stage.config.alerts)
        return AlertsRole(self.stage.scene, causes, limits, delivery, self.store, stored)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(int(seconds * 4)):
            self.stage.now_ns += SECOND_NS // 4
            self.stage.machine.wall += SECOND_NS // 4
            self.stage.beat()
            self.role.step(self.stage.now_ns)

    def halt(self, *, halted: bool = True) -> None:
        """Write the halt word."""
        self.stage.write("halt", halted=int(halted), since_ns=self.stage.now_ns, reason=HaltReason.OPERATOR)

    @property
    def said(self) -> list[tuple[str, State, int]]:
        """What the target has accepted."""
        return [(one.cause, one.state, one.count) for one in self.target.accepted]
