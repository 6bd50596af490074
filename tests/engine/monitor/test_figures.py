"""The figures of a system: what is known of a role whose heartbeat is gone."""

import time

from engine.model.words import RoleState
from engine.monitor.figures import Figures
from engine.runtime import Pulse
from engine.supervisor import segments
from tests.engine.conftest import Write


def test_a_role_without_its_heartbeat_is_not_known(write: Write) -> None:
    """Its last heartbeat would be called fresh for ever, and a health check would stay green."""
    config = write()
    segments.create(config)
    name = config.role_names[0]
    pulse = Pulse(config, name)
    pulse.beat(time.time_ns(), 1, RoleState.RUNNING)
    figures = Figures(config.system.name)
    figures.poll()
    assert figures.roles[name].state == RoleState.RUNNING
    pulse.close()
    segments.remove(config)
    figures.poll()
    assert name not in figures.roles
