"""The system's own metrics: its version and mode, its roles, its connections to the venues."""

import functools
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.core import Metric

from engine.config.tables import SUPERVISOR
from engine.metrics.families import counter, gauge
from engine.metrics.scene import Scene
from engine.model.text import shown, word
from engine.model.words import Mode

NS = 1e9


def metrics_of(scene: Scene) -> Iterator[Metric]:
    """The section."""
    mode = word(Mode, scene.mode.mode).lower() if scene.mode is not None else "unknown"
    yield gauge("info", "1; the labels name the system.", [
        ({"system": scene.config.system.name, "mode": mode, "version": _version()}, 1),
    ])  # fmt: skip
    if scene.mode is not None:
        yield gauge("armed", "1 where orders may leave this machine.", scene.mode.armed)
    if scene.supervision is not None:
        yield gauge("processes", "Processes that the supervisor looks after.", scene.supervision.processes)
        yield gauge("processes_running", "Of these, those that run.", scene.supervision.running)
        yield gauge("processes_parked", "Of these, those that are not started again.", scene.supervision.parked)
    yield from _roles(scene)
    yield gauge("connections", "Open connections to a venue.", _connections(scene))
    yield counter("reader_lost", "Records that this exporter did not read before they were overwritten.",
                  scene.figures.lost)  # fmt: skip


def _roles(scene: Scene) -> Iterator[Metric]:
    roles = scene.figures.roles.values()
    names = sorted({SUPERVISOR, *scene.config.role_names, *scene.figures.roles})
    yield gauge("role_up", "1 where the role runs, its process lives and its last heartbeat is no older than 2 s.", [
        ({"role": name}, scene.is_up(name)) for name in names
    ])  # fmt: skip
    yield gauge("role_heartbeat_age_seconds", "The age of the role's last heartbeat.",
                [({"role": one.name}, one.beat_age_ns / NS) for one in roles])  # fmt: skip
    yield counter("role_starts", "Lives of the role since its lanes were created.",
                  [({"role": one.name}, one.epoch) for one in roles])  # fmt: skip
    yield gauge("lane_records_per_second", "Records that a lane receives, all owners together.", [
        ({"lane": name}, rate.per_s) for name, rate in scene.figures.rates.items() if rate.per_s is not None
    ])  # fmt: skip


def _connections(scene: Scene) -> list[tuple[dict[str, str], float]]:
    found = {venue.name: 0 for venue in scene.config.venues}
    for feed, row in scene.figures.owned_cells("connections"):
        name = shown(row.venue)
        if name in found and scene.is_up(feed) and not row.end_ns and row.target.strip(b"\0"):
            found[name] += 1
    return [({"venue": venue}, count) for venue, count in found.items()]


@functools.cache
def _version() -> str:
    try:
        return version("steelyard")
    except PackageNotFoundError:  # run from a tree that is not installed
        return "unknown"
