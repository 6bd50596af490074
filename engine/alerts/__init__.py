"""Alerts: a role that reads the health of the system and sends messages to people. docs/alerts.md lists the causes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.alerts import heartbeat
from engine.alerts.causes import REGISTRY
from engine.alerts.deaths import DeathsFile
from engine.alerts.delivery import ThreadDelivery
from engine.alerts.episodes import Limits
from engine.alerts.heartbeat import Heartbeat
from engine.alerts.machine import RealMachine
from engine.alerts.outbox import Outbox
from engine.alerts.role import AlertsRole
from engine.alerts.scene import MS, Scene
from engine.alerts.store import FILE, FileStore
from engine.alerts.targets import Target, filled, targets_of
from engine.lanes import open_role

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.tables import Alerts

__all__ = ["AlertsRole", "build", "limits_of", "senders_of"]


def build(config: "Config", name: str) -> AlertsRole:
    """The role of a configured system."""
    assert config.alerts is not None, "load accepted the role alerts without its table"
    store = FileStore(config.paths.state / FILE)
    stored, targets = store.read(), targets_of(config)
    outbox = Outbox({one: target.options.least for one, target in targets.items()}, stored.queues)
    deaths = DeathsFile(config.paths.deaths, stored.deaths_file, stored.deaths_offset)
    scene = Scene.of(config, open_role(config, name), RealMachine(), deaths, outbox)
    causes = [kind() for kind in REGISTRY.values()]
    delivery = ThreadDelivery(senders_of(config, targets))
    return AlertsRole(scene, causes, limits_of(config.alerts), delivery, store, stored)


def senders_of(config: "Config", targets: Mapping[str, Target]) -> dict[str, Target]:
    """The targets, and the outside heartbeat where the table has one."""
    assert config.alerts is not None, "alerts without their table"
    url = filled(config, config.alerts.heartbeat_url)
    return {**targets, **({heartbeat.NAME: Heartbeat(url)} if url else {})}


def limits_of(table: "Alerts") -> Limits:
    """The times between messages."""
    return Limits(table.repeat_ms * MS, table.repeat_cap_ms * MS, table.over_ms * MS)
