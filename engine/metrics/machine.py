"""The metrics of the machine and of each process, from psutil: nothing of it is asked of the roles."""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
from prometheus_client.core import Metric

from engine.config import Config
from engine.metrics.families import Sample, counter, gauge
from engine.metrics.scene import Scene
from shm.segment import DIRECTORY

NS = 1e9


class Machine:
    """Reads the machine."""

    def __init__(self, config: Config) -> None:
        """The processes are those of this system."""
        self._processes: dict[int, psutil.Process] = {}
        self._state = config.paths.state

    def metrics_of(self, scene: Scene) -> Iterator[Metric]:
        """The section."""
        yield from self._of_processes(scene)
        yield counter("cpu_seconds", "Processor time of the machine, by core and mode.", [
            ({"core": str(core), "mode": mode}, getattr(times, mode))
            for core, times in enumerate(psutil.cpu_times(percpu=True))
            for mode in ("user", "system", "idle", "iowait", "irq", "softirq", "steal")
        ])  # fmt: skip
        memory = psutil.virtual_memory()
        yield gauge("memory_total_bytes", "The machine's memory.", memory.total)
        yield gauge("memory_available_bytes", "Memory that processes can still get.", memory.available)
        traffic = psutil.net_io_counters(pernic=True)
        yield counter("network_bytes", "Bytes of each interface of the machine.", [
            ({"interface": name, "direction": direction}, getattr(found, f"bytes_{word}"))
            for name, found in traffic.items() for direction, word in (("in", "recv"), ("out", "sent"))
        ])  # fmt: skip
        yield counter("network_drops", "Packets that an interface of the machine dropped.", [
            ({"interface": name, "direction": direction}, getattr(found, f"drop{direction}"))
            for name, found in traffic.items() for direction in ("in", "out")
        ])  # fmt: skip
        yield gauge("clock_offset_seconds", "The wall clock minus the engine's clock, which does not step.",
                    (time.time_ns() - scene.now_ns) / NS)  # fmt: skip
        yield gauge("disk_free_bytes", "Free space for the state, and for the lanes.", list(self._free()))

    def _of_processes(self, scene: Scene) -> Iterator[Metric]:
        """The processes of the roles. A process that ends meanwhile is left out."""
        pids = {one.pid: scene.figures.names.processes.get(one.name, one.name) for one in scene.figures.roles.values()}
        self._processes = {pid: self._processes.get(pid) or found for pid in pids if (found := _process(pid))}
        threads: list[Sample] = []
        files: list[Sample] = []
        for pid, process in self._processes.items():
            with suppress(psutil.Error):
                labels = {"process": pids[pid]}
                threads.append((labels, process.num_threads()))
                files.append((labels, process.num_fds()))
        yield gauge("process_threads", "Threads of the process.", threads)
        yield gauge("process_open_files", "Open descriptors of the process.", files)

    def _free(self) -> Iterator[Sample]:
        for name, place in (("state", str(self._state)), ("shm", DIRECTORY)):
            with suppress(OSError):
                yield {"place": name}, shutil.disk_usage(place).free


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None
