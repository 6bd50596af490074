"""The state of the system and of each process: what `engine-ctl status` prints."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.monitor.names import mode_of
from engine.supervisor import cover
from engine.supervisor.commands.halts import describe
from engine.supervisor.processes.watch import Phase, Watch

if TYPE_CHECKING:
    from engine.supervisor.keeper import Keeper

MS = 1_000_000


def state_of(keeper: "Keeper") -> Mapping[str, Any]:
    """All of it."""
    return {
        "system": keeper.config.system.name,
        "mode": mode_of(keeper.config.system.name) or keeper.config.system.mode,
        "config": keeper.config.path,
        "pid": os.getpid(),
        "guard": keeper.guard_pid(),
        "since_ns": keeper.since_ns,
        "now_ns": keeper.now_ns,
        "halted": keeper.halt.halted,
        "halt_since_ns": keeper.halt.since_ns if keeper.halt.halted else 0,
        "halt_reason": keeper.halt.reason.name.lower(),
        "halted_scopes": [describe(keeper, scope) for scope in keeper.halt.scopes.held],
        "stopping": keeper.stopping,
        "settings": keeper.settings.status(),
        "cancellers": {role: cover.status(keeper.config, role) for role in keeper.covers},
        "processes": [_describe(keeper, watch) for watch in keeper.watches.values()],
    }


def _describe(keeper: "Keeper", watch: Watch) -> Mapping[str, Any]:
    """One process."""
    child = watch.child
    return {
        "name": watch.process.name,
        "roles": list(watch.process.roles),
        "kinds": [keeper.config.kind_of(role) for role in watch.process.roles],
        "phase": str(watch.phase),
        "pid": child.pid if child else 0,
        "adopted": child.adopted if child else False,
        "beat_age_ms": watch.age_ns(keeper.now_ns) // MS if watch.process.roles else None,
        "starting_ms": (keeper.now_ns - watch.began_ns) // MS if watch.phase is Phase.STARTING else 0,
        "failed": keeper.failed.of(watch.process, child),
        "deaths": watch.death_count,
        "exit_code": watch.exit_code,
        "parks": watch.parks(),
        "error": "" if watch.settled else watch.error,
        "start_in_ms": max(0, watch.start_ns - keeper.now_ns) // MS if watch.phase is Phase.WAITING else 0,
        "cores": list(watch.process.cores),
    }
