"""`engine-ctl profile`: where a running process spends its processor time, and which memory it has.

    CPU      py-spy reads the stacks of the process from outside, `--rate` times a second, and writes a file
    memory   /proc/PID/smaps_rollup, before and after

The process is not changed and loads nothing. py-spy pauses it only with --pause or --native. py-spy itself runs with a
low priority, on a core that no process of the system is pinned to, where there is one.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.cli import WRONG_USE, CommandError
from engine.cli.output import choose_system, print_json, print_line, print_table
from engine.cli.system import call_supervisor

NICE = 10
SUFFIXES = {"flamegraph": ".svg", "speedscope": ".speedscope.json", "raw": ".txt"}
MEMORY = ("Rss", "Pss", "Pss_Anon", "Pss_File", "Pss_Shmem", "Private_Dirty", "Swap", "Locked")
INSTALL = "pip install 'steelyard[profile]' in the environment of engine-ctl installs it"
PERMIT = (
    "run engine-ctl profile as root, or as the user of the system with sysctl kernel.yama.ptrace_scope=0"
    " (in a container, with the capability SYS_PTRACE)"
)


IDLE = "No stack counts found"  # py-spy's error for a process that never ran at a sample


def profile(options: argparse.Namespace) -> int:
    """Profile one process for some seconds."""
    system, program = choose_system(options.system), _program()
    name = _process_of(call_supervisor(system, "status"), options.role)
    output = _output(options, name)
    answer = call_supervisor(system, "profile", process=name)
    _keep_away(answer["pinned"])
    before, begin_s = _memory(answer["pid"]), time.monotonic()
    _record(_words(program, options, answer["pid"], output))
    tree = {
        "system": system, "process": name, "pid": answer["pid"], "output": str(output), "format": options.format,
        "seconds": round(time.monotonic() - begin_s, 3), "rate": options.rate, "pauses": _pauses(options),
        "profiler_cpu_s": _children_cpu_s(), "memory_before": before, "memory_after": _memory(answer["pid"]),
    }  # fmt: skip
    print_json(options, tree) if options.json else _print(tree)
    return 0


def _program() -> str:
    """The path of py-spy: beside this Python, else on PATH."""
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise CommandError(f"py-spy is not installed: {INSTALL}")
    return found


def _process_of(state: Mapping[str, Any], role: str) -> str:
    """The process of this name, or the one that has this role."""
    names = [one["name"] for one in state["processes"] if role == one["name"]]
    names = names or [one["name"] for one in state["processes"] if role in one["roles"]]
    if not names:
        known = ", ".join(one["name"] for one in state["processes"])
        raise CommandError(f"no process or role {role!r}, expected one of {known}", WRONG_USE)
    return str(names[0])


def _output(options: argparse.Namespace, name: str) -> Path:
    """The file to write; an existing one is refused."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = Path(options.output or f"{name}-{stamp}{SUFFIXES[options.format]}")
    if path.exists():
        raise CommandError(f"{path} exists, expected a new file: choose another one by --output", WRONG_USE)
    if not os.access(path.parent, os.W_OK):
        raise CommandError(f"{path.parent}: expected a directory that you can write: choose one by --output", WRONG_USE)
    return path.absolute()


def _pauses(options: argparse.Namespace) -> bool:
    """Whether py-spy stops the process for each sample: it cannot read native stacks otherwise."""
    return bool(options.pause or options.native)


def _words(program: str, options: argparse.Namespace, pid: int, output: Path) -> list[str]:
    """The command line of py-spy."""
    words = [program, "record", "--pid", str(pid), "--duration", str(options.seconds), "--rate", str(options.rate)]
    words += ["--format", options.format, "--output", str(output)]
    return [*words, *(["--native"] * options.native), *(["--nonblocking"] * (not _pauses(options)))]


def _keep_away(pinned: Iterable[int]) -> None:
    """Give this process, and py-spy after it, a low priority, and no core of the system where there is another."""
    os.nice(NICE)
    if free := os.sched_getaffinity(0) - set(pinned):
        os.sched_setaffinity(0, free)


def _record(words: list[str]) -> None:
    """Run py-spy to its end; its error is one line. A process that was idle at each sample is shown where it waits."""
    ended = _run(words)
    if IDLE in ended.stderr:
        ended = _run([*words, "--idle"])
    if ended.returncode == 0:
        return
    lines = [line for line in (ended.stderr or ended.stdout).splitlines() if line.strip()]
    text = lines[0].removeprefix("Error: ") if lines else f"exit code {ended.returncode}"
    if "ermission" in ended.stderr:
        raise CommandError(f"py-spy may not read the process ({text}): {PERMIT}")
    raise CommandError(f"py-spy failed: {text}; nothing was changed in the process")


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def _children_cpu_s() -> float:
    """The processor time of py-spy."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(used.ru_utime + used.ru_stime, 3)


def _memory(pid: int) -> dict[str, int] | None:
    """The process's memory in bytes; None when the process has ended or belongs to another user."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return None
    sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return {name.lower(): sizes[name] for name in MEMORY}


def _print(tree: Mapping[str, Any]) -> None:
    """Print where the profile is, what it cost, and the memory."""
    print_line(f"{tree['process']} (pid {tree['pid']}): {tree['seconds']:.1f} s, {tree['rate']} samples a second"
               f" wanted, in {tree['output']}")  # fmt: skip
    paused = "the process was paused for each sample" if tree["pauses"] else "the process was not paused"
    print_line(f"cost: {paused}; py-spy used {tree['profiler_cpu_s']:.2f} s of processor time")
    before, after = tree["memory_before"], tree["memory_after"]
    if before is None or after is None:
        print_line("memory: unknown, the process has ended or /proc does not show it to this user")
        return
    rows = [(name, f"{before[name] / 1e6:.1f}", f"{after[name] / 1e6:.1f}") for name in after]
    print_table(("memory", "MB before", "MB after"), rows)
