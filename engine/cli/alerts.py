"""`engine-ctl alert test`: a test message through each target, whether the system runs or not.

It needs only the configuration file: that of the running system, of the last run with alerts, or `--config`.
"""

import argparse
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from engine.alerts import heartbeat, senders_of
from engine.alerts.machine import RealMachine
from engine.alerts.message import Message, Severity, State
from engine.alerts.outbox import Failed, Outcome
from engine.alerts.store import FILE, FileStore
from engine.alerts.targets import Target, targets_of
from engine.cli import FAILED, NOT_FOUND, WRONG_USE, CommandError
from engine.cli.output import choose_system, print_json, print_line
from engine.config import Config, ConfigError, Paths, load
from engine.config.tables import ALERTS
from engine.supervisor import life


def test(options: argparse.Namespace) -> int:
    """Send a test message through each target and print each result; 1 when one has failed."""
    config = _config(options)
    results = _send(config, _senders(config, options.target))
    trees = [_tree(name, outcome, took_ns) for name, (outcome, took_ns) in results.items()]
    if options.json:
        print_json(options, {"system": config.system.name, "targets": trees})
    else:
        for tree in trees:
            text = "sent" if tree["sent"] else f"FAILED: {tree['error']}"
            print_line(f"{tree['target']}: {text} ({tree['took_ms']} ms)")
    return 0 if all(tree["sent"] for tree in trees) else FAILED


def _tree(name: str, outcome: Outcome, took_ns: int) -> dict[str, Any]:
    """One result."""
    error = outcome.error if isinstance(outcome, Failed) else ""
    return {"target": name.strip("()"), "sent": not error, "error": error, "took_ms": took_ns // 1_000_000}


def _config(options: argparse.Namespace) -> Config:
    """The configuration, with the variables that the process of alerts gets."""
    path = options.config or _last_config(choose_system(options.system, stopped=True))
    try:
        config = load(path)
    except ConfigError as error:
        raise CommandError(str(error), WRONG_USE) from error
    if config.alerts is None:
        raise CommandError(f"{config.path}: no table [alerts]: add it with one or more [[alerts.targets]]", WRONG_USE)
    os.environ.update(config.process(_process_of(config)).environment)
    return config


def _process_of(config: Config) -> str:
    return next(process.name for process in config.placement if ALERTS in process.roles)


def _last_config(system: str) -> str:
    """The configuration file of the running system, or of its last run with alerts."""
    paths = Paths.known(system)
    running = life.read(paths.system)
    found = running.config if running is not None else FileStore(paths.state / FILE).read().config
    if not found or not Path(found).exists():
        text = f"{system} does not run, and no run with alerts left its file's name: name the file with --config FILE"
        raise CommandError(text, NOT_FOUND)
    return found


def _senders(config: Config, target: str) -> Mapping[str, Target]:
    """The targets to test: all with the outside heartbeat, or one."""
    try:
        senders = senders_of(config, targets_of(config))
    except ValueError as error:
        raise CommandError(f"{config.path}: alerts.{error}", WRONG_USE) from error
    known = {name.strip("()"): name for name in senders}
    if target and target not in known:
        raise CommandError(f"no target {target!r}, expected one of {', '.join(known) or 'none yet'}", NOT_FOUND)
    if not senders:
        raise CommandError(f"{config.path}: [alerts] has no target: add one or more [[alerts.targets]]", WRONG_USE)
    return {known[target]: senders[known[target]]} if target else senders


def _send(config: Config, senders: Mapping[str, Target]) -> dict[str, tuple[Outcome, int]]:
    """Send through all targets at the same time, so that one that hangs delays no other."""
    with ThreadPoolExecutor(len(senders)) as pool:
        running = {name: pool.submit(_timed, one, _message(config, name)) for name, one in senders.items()}
        return {name: one.result() for name, one in running.items()}


def _timed(target: Target, message: Message) -> tuple[Outcome, int]:
    began_ns = time.monotonic_ns()
    return target.send(message), time.monotonic_ns() - began_ns


def _message(config: Config, target: str) -> Message:
    """The test message; the outside heartbeat sends none of it."""
    now_ns, user = time.time_ns(), os.getuid()
    what = f"This is a test of the target {target}, requested by user {user}. Nothing has happened."
    return Message(
        id=f"{config.system.name}-test-{now_ns:x}-{target.strip('()')}", system=config.system.name,
        mode=config.system.mode, host=RealMachine().host, cause="test", subject=target, severity=Severity.INFO,
        state=State.BEGIN, count=1, own=1, first_ns=now_ns, last_ns=now_ns, what=what,
        to_do="nothing, if you read this" if target != heartbeat.NAME else "",
    )  # fmt: skip
