"""Cores, their frequency, the kernel, and how long a core pauses."""

from collections.abc import Iterator

from engine.cli.preflight.machine import PAUSE_NS, cores_in
from engine.cli.preflight.registry import Finding, Subject, check, fail, ok, warn
from engine.config import Config

US, MS = 1_000, 1_000_000
CPU = "/sys/devices/system/cpu"
PAUSE_NS_MOST = MS
ON_BOOT = "add {} to the kernel's command line (docs/machine.md), and boot"


def pinned(config: Config) -> set[int]:
    """The cores that processes of the file are pinned to."""
    return {core for process in config.placement for core in process.cores}


def listed(cores: set[int]) -> str:
    """Cores as the kernel lists them, one by one."""
    return ",".join(map(str, sorted(cores)))


@check("cores")
def cores(subject: Subject) -> Iterator[Finding]:
    """The cores of pinned processes exist, and no other process runs on them."""
    chosen = pinned(subject.config)
    if not chosen:
        yield ok("no process is pinned to a core")
        return
    if absent := chosen - cores_in(subject.machine.text(f"{CPU}/online")):
        yield fail(f"cores {listed(absent)} are not online", "correct the key cores of [[processes]]")
        return
    lacking = {
        name: missing
        for name, file in (("isolcpus", "isolated"), ("nohz_full", "nohz_full"))
        if (missing := chosen - cores_in(subject.machine.text(f"{CPU}/{file}").replace("(null)", "")))
    }
    for name, missing in lacking.items():
        yield warn(f"{name} lacks the cores {listed(missing)}", ON_BOOT.format(f"{name}={listed(chosen)}"))
    if not lacking:
        yield ok(f"cores {listed(chosen)} are isolated and have no periodic tick")


@check("governor")
def governor(subject: Subject) -> Iterator[Finding]:
    """Cores run at their full frequency all the time."""
    chosen = pinned(subject.config) or cores_in(subject.machine.text(f"{CPU}/online"))
    found = {core: subject.machine.text(f"{CPU}/cpu{core}/cpufreq/scaling_governor") for core in chosen}
    slow = {core for core, name in found.items() if name not in ("", "performance")}
    if slow:
        names = ", ".join(sorted({found[core] for core in slow}))
        yield warn(f"cores {listed(slow)} have the governor {names}", "cpupower frequency-set --governor performance")
    elif any(found.values()):
        yield ok("performance")
    else:
        yield ok("the kernel does not control the frequency here")


@check("kernel")
def kernel(subject: Subject) -> Iterator[Finding]:
    """The kernel and the longest pause of a core, measured for a moment."""
    realtime = "PREEMPT_RT" if subject.machine.text("/sys/kernel/realtime") == "1" else "no PREEMPT_RT"
    core = min(pinned(subject.config), default=None)
    pause_ns = subject.machine.pause_ns(core)
    where = "" if core is None else f" on core {core}"
    pause = f"longest pause{where} in {PAUSE_NS // MS} ms: {pause_ns / US:.0f} µs"
    text = f"Linux {subject.machine.release}, {realtime}; {pause}"
    if pause_ns > PAUSE_NS_MOST:
        yield warn(f"{text}, expected {PAUSE_NS_MOST // US} at most", "isolate cores for the roles (docs/machine.md)")
    else:
        yield ok(text)
