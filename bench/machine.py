"""The machine on which a figure was measured: figures of two machines cannot be compared."""

import os
import platform
import ssl
from pathlib import Path

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/shmem_enabled")


def describe() -> dict[str, str | int | float]:
    """What a reader must know to compare: processor, cores, kernel, Python, shared memory's huge pages."""
    return {
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": "yes" if _has_flag("hypervisor") else "no",
        "kernel": platform.release(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "openssl": ssl.OPENSSL_VERSION,
        "shmem_huge_pages": _chosen(HUGE_PAGES),
        "load": round(os.getloadavg()[0], 2),
    }


def processor() -> str:
    """The processor's name, or its architecture if the kernel does not report a name."""
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def pair() -> tuple[int, int]:
    """Two cores: the writer's and the reader's. The same one twice where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[1 % len(cores)]


def cores() -> tuple[int, ...]:
    """Every core that may be used, two entries at least, the first of `pair` first."""
    found = tuple(sorted(os.sched_getaffinity(0)))
    return found if len(found) > 1 else found * 2


def _cpuinfo() -> list[str]:
    source = Path("/proc/cpuinfo")
    return source.read_text().splitlines() if source.exists() else []


def _has_flag(flag: str) -> bool:
    return any(flag in line.split() for line in _cpuinfo() if line.startswith(("flags", "Features")))


def _chosen(setting: Path) -> str:
    text = setting.read_text() if setting.exists() else "absent"
    return text.partition("[")[2].partition("]")[0] or text.strip()
