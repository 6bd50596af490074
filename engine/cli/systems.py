"""Every system of this user: what it is called, whether it runs, where its files are and how it was started."""

import argparse
from pathlib import Path
from typing import Any

import shm
from engine.cli.output import iso, lives, living_supervisor, local, say, say_json, say_table
from engine.cli.system import headline
from engine.config import Config, ConfigError, Paths, known_systems, load
from engine.config.paths import stopped_systems
from engine.control import Refused, Unreachable, ask
from engine.monitor.names import mode_of
from engine.supervisor.life import read as read_life

ANSWER_S = 2.0  # a supervisor that stands still must not keep the others from being listed


def ls(options: argparse.Namespace) -> int:
    """List the systems; 0 also when there is none, for that is an answer."""
    running = {*shm.systems(), *known_systems()}
    rows = [describe(name) for name in sorted(running | (stopped_systems() if options.all else set()))]
    if options.json:
        say_json(rows)
    elif not rows:
        say("no system is here: engine-ctl up CONFIG starts one, engine-ctl ls --all lists those that are down")
    else:
        columns = ("system", "mode", "state", "since", "run", "config")
        shown = [{**row, "since": row["since_ns"] and local(row["since_ns"])} for row in rows]
        say_table(columns, [[row[column] or "-" for column in columns] for row in shown])
    return 0


def describe(system: str) -> dict[str, Any]:
    """One system; what its supervisor does not answer is read from its files."""
    paths, life = Paths.known(system), read_life(Paths.known(system).system)
    config = life.config if life else ""
    tree = {
        "system": system, "mode": mode_of(system) or _mode(config), "state": _state(system), "since_ns": 0, "since": "",
        "pid": living_supervisor(system), "run": _there(paths.run), "state_directory": _there(paths.state),
        "config": config,
    }  # fmt: skip
    try:
        found = ask(paths.control, "status", ANSWER_S)
    except (Refused, Unreachable):
        return tree
    return {
        **tree, "mode": found["mode"], "state": headline(found), "since_ns": found["since_ns"],
        "since": iso(found["since_ns"]), "pid": found["pid"], "config": found["config"],
    }  # fmt: skip


def read_config(config: str) -> Config | None:
    """The system's configuration; None where its file is gone or has become wrong."""
    try:
        return load(config) if config else None
    except ConfigError:
        return None


def _there(directory: Path) -> str:
    """A directory that is there; a system that was started under other directories is known by its segments alone."""
    return str(directory) if directory.is_dir() else ""


def _mode(config: str) -> str:
    found = read_config(config)
    return found.system.mode if found is not None else ""


def _state(system: str) -> str:
    """What can be said of a system whose supervisor does not answer."""
    if living_supervisor(system):
        return "its supervisor does not answer"
    if lives(system):
        return "runs without a supervisor"
    return "dead, its segments are left" if shm.names(system) else "down"
