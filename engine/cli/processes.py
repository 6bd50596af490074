"""`engine-ctl restart`: drains processes and starts them again, one after the other."""

import argparse
import time
from collections.abc import Mapping
from typing import Any

from engine.cli import WRONG_USE, CommandError
from engine.cli.output import choose_system, print_json, print_line
from engine.cli.system import PARKED, POLL_S, SETTLED, call_supervisor, failure_of
from engine.config import Paths


def restart(options: argparse.Namespace) -> int:
    """Restart the named processes, or all; the first that does not run again ends the command."""
    system = choose_system(options.system)
    if bool(options.process) == options.all:
        raise CommandError("restart: expected the names of processes, or --all", WRONG_USE)
    names = [one["name"] for one in call_supervisor(system, "status")["processes"]] if options.all else options.process
    found = []
    for name in names:
        found.append(_restart(system, name, options.timeout))
        if not options.json:
            print_line(f"{name} runs again, as pid {found[-1]['after']}, was {found[-1]['before']}")
    if options.json:
        print_json(options, {"restarted": found})
    return 0


def _restart(system: str, name: str, timeout_s: float) -> dict[str, Any]:
    """Drain one process, start it again, and wait until it runs or fails."""
    deadline = time.monotonic() + timeout_s
    before = _process_of(call_supervisor(system, "status"), name)
    call_supervisor(system, "restart", process=name)
    while time.monotonic() < deadline:
        one = _process_of(call_supervisor(system, "status"), name)
        if one["deaths"] > before["deaths"] or one["phase"] == PARKED:
            raise CommandError(f"{name} does not run: {failure_of(one)} (see {Paths.known(system).log(name)})")
        if one["phase"] in SETTLED and one["pid"] != before["pid"]:
            return {"process": name, "before": before["pid"], "after": one["pid"]}
        time.sleep(POLL_S)
    raise CommandError(f"after {timeout_s:g} s {name} does not run yet: engine-ctl status shows its phase")


def _process_of(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A process's part of the status; a default for an unknown name, which the supervisor refuses."""
    return next((one for one in state["processes"] if one["name"] == name), {"pid": 0, "deaths": 0})
