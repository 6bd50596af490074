"""Every system of this user: its name, its state, its directories and its configuration file."""

import argparse
from pathlib import Path
from typing import Any

import shm
from engine.cli.output import is_running, iso, local, print_json, print_line, print_table, supervisor_pid
from engine.cli.system import headline
from engine.config import Config, ConfigError, Paths, known_systems, load
from engine.config.paths import stopped_systems
from engine.control import Refused, Unreachable, call
from engine.monitor.names import mode_of
from engine.supervisor.life import read as read_life

ANSWER_S = 2.0  # a frozen supervisor must not block the list


def ls(options: argparse.Namespace) -> int:
    """List the systems; exit 0 also without a system."""
    running = {*shm.systems(), *known_systems()}
    rows = [describe(name) for name in sorted(running | (stopped_systems() if options.all else set()))]
    if options.json:
        print_json(options, *rows)
    elif not rows:
        print_line("no system runs: engine-ctl up CONFIG starts one, engine-ctl ls --all lists systems that are down")
    else:
        columns = ("system", "mode", "state", "since", "run", "config")
        shown = [{**row, "since": row["since_ns"] and local(row["since_ns"])} for row in rows]
        print_table(columns, [[row[column] or "-" for column in columns] for row in shown])
    return 0


def describe(system: str) -> dict[str, Any]:
    """One system, by its supervisor's answer; from its files when the supervisor does not answer."""
    paths, life = Paths.known(system), read_life(Paths.known(system).system)
    config = life.config if life else ""
    tree = {
        "system": system, "mode": mode_of(system) or _mode(config), "state": _state(system), "since_ns": 0, "since": "",
        "pid": supervisor_pid(system), "run": _existing(paths.run), "state_directory": _existing(paths.state),
        "config": config,
    }  # fmt: skip
    try:
        found = call(paths.control, "status", ANSWER_S)
    except (Refused, Unreachable):
        return tree
    return {
        **tree, "mode": found["mode"], "state": headline(found), "since_ns": found["since_ns"],
        "since": iso(found["since_ns"]), "pid": found["pid"], "config": found["config"],
    }  # fmt: skip


def read_config(config: str) -> Config | None:
    """The system's configuration; None when its file is missing or wrong."""
    try:
        return load(config) if config else None
    except ConfigError:
        return None


def _existing(directory: Path) -> str:
    """The directory if it exists, else ""; a system started under other directories is known by its segments only."""
    return str(directory) if directory.is_dir() else ""


def _mode(config: str) -> str:
    found = read_config(config)
    return found.system.mode if found is not None else ""


def _state(system: str) -> str:
    """The state of a system whose supervisor does not answer."""
    if supervisor_pid(system):
        return "its supervisor does not answer"
    if is_running(system):
        return "runs without a supervisor"
    return "dead, its segments remain" if shm.names(system) else "down"
