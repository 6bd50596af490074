"""Commands to the supervisor: up, down, status, halt, resume, cancel-all, restart."""

import argparse
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.cli import FAILED, NOT_FOUND, WRONG_USE, CommandError, books, sessions, silent
from engine.cli.check import EXECUTION, FEED, check
from engine.cli.health import entries_stopped, entries_unknown, print_unreadable, unreadable_lanes
from engine.cli.output import (
    ago,
    choose_instrument,
    choose_system,
    is_running,
    iso,
    print_json,
    print_line,
    print_table,
    supervisor_pid,
)  # fmt: skip
from engine.cli.prepared import PreparedGuard, words_of
from engine.cli.stopping import held
from engine.cli.trees import Naming, tree_of
from engine.config import Config, ConfigError, Paths, Strategy, load
from engine.config.paths import RUN_VARIABLE
from engine.control import Refused, Unreachable, call
from engine.model.instrument import Instrument
from engine.model.scope import Scope
from engine.monitor import profit
from engine.monitor.figures import Figures
from engine.monitor.names import Names
from engine.monitor.summary import summary
from engine.supervisor import leftovers
from engine.supervisor.entry import open_log
from engine.supervisor.life import guard_pid
from engine.supervisor.life import read as read_life
from engine.supervisor.processes.last_words import last_failure

POLL_S = 0.02
ANSWER_S = 2.0  # a supervisor that does not answer within this time is frozen
EXIT_OTHER_RUNS = 75
EXITS_BEFORE_START = (69, 78)  # exit codes of a role's process: the machine or the configuration is wrong
SETTLED, PARKED, RESTARTING = ("running", "late"), "parked", ("waiting", "starting")


def call_supervisor(system: str, command: str, **arguments: Any) -> dict[str, Any]:
    """Send a command to the system's supervisor and return its answer; a refusal and no answer are one line each."""
    try:
        return call(Paths.known(system).control, command, **arguments)
    except Refused as refused:
        raise CommandError(f"{command} was refused: {refused}") from refused
    except Unreachable as error:
        raise CommandError(f"{error} ({advice(system)})", NOT_FOUND) from error


def advice(system: str) -> str:
    """What to do when no supervisor answers."""
    pid = supervisor_pid(system)
    if pid:
        return f"its supervisor runs as pid {pid} and does not answer: try again; engine-ctl halt works without it"
    if read_life(Paths.known(system).system) is None and is_running(system):
        return f"{system} runs under another run directory: set {RUN_VARIABLE} to the value it had at the start"
    return "engine-ctl up CONFIG starts a supervisor; roles that run are kept"


def up(options: argparse.Namespace) -> int:
    """Start a supervisor and wait until every process runs."""
    config = read(options.config)
    words = words_of(options.config)
    if options.foreground:
        check(config)
        sys.stdout.flush()
        os.execv(sys.executable, [*words, "--foreground"])  # noqa: S606 - this process becomes the guard, so ^C reaches it
    with PreparedGuard(words) as prepared:
        check(config)
        try:
            config.paths.make()
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        guard = prepared.begin(config.paths.log("supervisor"))
    state = _await_running(config, guard, options.timeout)
    if options.json:
        print_json(options, state)
    else:
        print_line(f"{config.system.name} is up: {len(state['processes'])} processes, supervisor {state['pid']}"
            + (", HALTED: engine-ctl resume ends the halt" if state["halted"] else ""))  # fmt: skip
        _print_parked(state, config.paths)
    return FAILED if _parked(state) or _failed(state) else 0


def _failed(state: Mapping[str, Any]) -> list[str]:
    """The strategies that raised, and whose processes continue."""
    return [role for one in state["processes"] for role in one.get("failed", ())]


def _parked(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The processes that died too often and are not started again."""
    return [one for one in state["processes"] if one["phase"] == PARKED]


def _print_parked(state: Mapping[str, Any], paths: Paths) -> None:
    """A line for each parked process: its error, its log, and what to do."""
    for one in _parked(state):
        print_line(f"{one['name']} is PARKED, the other processes trade on: {failure_of(one)} (see "
                   f"{paths.log(one['name'])}; engine-ctl restart {one['name']} starts it again)")  # fmt: skip
    for one in state["processes"]:
        for role in one.get("failed", ()):
            print_line(f"{role} has FAILED, its process {one['name']} goes on without it (engine-ctl deaths shows the"
                       f" error, stack and record; engine-ctl restart {one['name']} starts it again)")  # fmt: skip


def _print_settings(settings: Mapping[str, Any]) -> None:
    """A line for each disabled strategy and for each value that is set in place of the file's."""
    for owner, one in settings.items():
        if one["disabled"]:
            who, since = one["disabled"]["who"]["user"], iso(one["disabled"]["now_ns"])
            print_line(f"{owner} is DISABLED by {who} since {since}: engine-ctl strategy enable {owner}")
        for name, value in one["values"].items():
            print_line(f"{owner}.{name} = {value['value']}: set by {value['who']['user']} at {iso(value['now_ns'])}")


def failure_of(one: Mapping[str, Any]) -> str:
    """Why a process ended the last time."""
    return one["error"] or f"exit {one['exit_code']}"


def check_file(options: argparse.Namespace) -> int:
    """Check whether a system can be started from a file; nothing is started."""
    from engine.cli.preflight.keys import own_keys  # noqa: PLC0415 - only this command needs it
    from engine.cli.preflight.registry import Grade  # noqa: PLC0415

    config = read(options.config)
    check(config)
    warnings = [f"{one.text}: {one.remedy}" for one in own_keys(config) if one.grade is Grade.WARN]
    counts = {"venues": len(config.venues), "instruments": len(config.instruments), "processes": len(config.placement)}
    if options.json:
        print_json(options, {"system": config.system.name, "mode": config.system.mode, **counts, "warnings": warnings})
    else:
        print_line(f"{options.config}: valid, " + ", ".join(f"{count} {name}" for name, count in counts.items()))
        for text in warnings:
            print_line(f"warn: {text}")
    return 0


def read(path: str) -> Config:
    """The configuration, or a CommandError with one line for what is wrong with the file."""
    try:
        return load(path)
    except ConfigError as error:
        raise CommandError(_without_model(path) or str(error), WRONG_USE) from error


def _without_model(path: str) -> str:
    """What is to be said of a strategy's file with a model; "" for any other file."""
    from engine.strategy import model_file  # noqa: PLC0415 - only a file that is no system's needs it

    try:
        if model_file.has_model(Path(path)):
            found = model_file.read(Path(path))
            model_file.expect_model(Path(path), found)
            name = f"{found.strategy.name} {found.strategy.version}"
            use = 'class = "engine.strategy.samples:ModelMomentum", parameters = { file = "{here}/…", capital = "…" }'
            return f"{name} and its model are whole; {path} is no system's file: name it in one: {use}"
    except ValueError as error:
        return str(error)
    return ""


def _spawn(words: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a supervisor in a session of its own, with its output in the supervisor's log."""
    with open(open_log(log), "ab") as output:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)


def _await_running(config: Config, guard: "subprocess.Popen[bytes]", timeout_s: float) -> dict[str, Any]:
    """Wait until every process runs or is parked; the status at that time."""
    deadline = time.monotonic() + timeout_s
    log = config.paths.log("supervisor")
    while time.monotonic() < deadline:
        code = guard.poll()
        if code == EXIT_OTHER_RUNS:
            raise CommandError(_why_not_started(config))
        if code is not None:
            raise CommandError(
                f"the supervisor ended with exit code {code}: {last_failure(log) or f'its log {log} is empty'}"
            )
        state = _status_of(config, guard.pid)
        if state and all(process["phase"] in (*SETTLED, PARKED) for process in state["processes"]):
            return _await_session(config, guard.pid, state, deadline)
        _fail_on_start_error(config, state)
        _fail_on_unknown_symbols(config, state)
        if state and state["halt_reason"] == "deaths" and _dies(config, state):
            raise CommandError(
                f"{config.system.name} does not come up: {_not_running(state)}; the logs are in {log.parent}, "
                "engine-ctl down stops it"
            )
        time.sleep(POLL_S)
    missing = _not_running(_status_of(config, guard.pid)) or "the supervisor does not answer"
    raise CommandError(
        f"after {timeout_s:g} s not every process runs: {missing}; the logs are in {log.parent}; "
        f"{config.system.name} STAYS UP and keeps trying: engine-ctl status shows it, engine-ctl down stops it"
    )


def _why_not_started(config: Config) -> str:
    """Why no second guard can start: the system is up, or its supervisor is frozen and needs the operator."""
    system = config.system.name
    try:
        call(config.paths.control, "status", ANSWER_S)
    except (Unreachable, Refused):
        if found := silent.state(system):
            return f"{system} has a guard, and its supervisor does not answer: {silent.advice(found)}"
    return f"{system} is up already"


def _await_session(config: Config, pid: int, state: dict[str, Any], deadline: float) -> dict[str, Any]:
    """Wait until execution can send orders; fail when the venue rejects the session twice or the deadline passes."""
    if not _trades(state):
        return state
    roles = [role for role, _ in _executions(state)]
    while (found := sessions.worst(sessions.sessions(config.system.name, roles))) is None or not found["ready"]:
        _fail_on_unknown_symbols(config, state)
        rejected = found and (found["state"] == "DENIED" or (found["error"] and found["attempts"] > 1))
        if rejected or time.monotonic() > deadline:
            now_ns = (_status_of(config, pid) or state)["now_ns"]
            raise CommandError(
                f"every process runs, but no order can be sent: {sessions.session_text(found, now_ns)}; "
                f"{config.system.name} STAYS UP and keeps trying: engine-ctl status shows it, engine-ctl down stops it"
            )
        time.sleep(POLL_S)
    return _status_of(config, pid) or state


def _executions(state: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The role of each execution, with the process that it is in."""
    return [
        (role, one)
        for one in state["processes"]
        for role, kind in zip(one["roles"], one["kinds"], strict=True)
        if kind == EXECUTION
    ]


def _trades(state: Mapping[str, Any]) -> bool:
    """Whether one of the processes runs an execution."""
    return bool(_executions(state))


def _status_of(config: Config, pid: int) -> dict[str, Any] | None:
    """The status from the supervisor of this guard; None until it answers."""
    try:
        state = call(config.paths.control, "status")
    except (Unreachable, Refused):
        return None
    return state if state["guard"] == pid else None


def _fail_on_start_error(config: Config, state: Mapping[str, Any] | None) -> None:
    """Fail at once, with the process's own error, when a process exits because it cannot start."""
    for one in (state or {"processes": []})["processes"]:
        if one["phase"] not in SETTLED and one["exit_code"] in EXITS_BEFORE_START and one["roles"] and not one["parks"]:
            log = config.paths.log(one["name"])
            raise CommandError(
                f"{one['name']} does not start: {failure_of(one)} (see {log}; the supervisor keeps trying, "
                "engine-ctl down stops it)"
            )


def _fail_on_unknown_symbols(config: Config, state: Mapping[str, Any] | None) -> None:
    """Fail at once when a venue does not list a symbol: waiting for its book would never end."""
    known = {one.id: (one.venue, one.symbol) for one in config.instruments}
    numbers = {one.id: number for number, one in enumerate(config.instruments)}
    refused = [one for one in books.books(config.system.name, known) if books.is_unknown(one)] if state else []
    if refused:
        where = "; ".join(
            f"instruments[{numbers[one['instrument']]}].symbol = {one['symbol']!r}: venue {one['venue']} does not know"
            f" this symbol (instrument {one['instrument']})"
            for one in refused
        )
        logs = ", ".join(_logs(config.system.name, state or {}))
        raise CommandError(
            f"{config.path}: {where}; the venue's answer is in {logs}; {config.system.name} STAYS UP without it:"
            " correct the file, then engine-ctl down and up"
        )


def _not_running(state: Mapping[str, Any] | None) -> str:
    """The processes that do not run, each with its phase and its last exit."""
    return ", ".join(
        f"{one['name']} is {_phase(one) if one['phase'] == 'starting' else one['phase']}"
        + (f" (died {one['deaths']} times, {_exit_of(one)})" if one["deaths"] else "")
        for one in (state or {"processes": []})["processes"]
        if one["phase"] not in SETTLED
    )


def _dies(config: Config, state: Mapping[str, Any]) -> bool:
    """Whether a process that does not run reached the death limit now: the halt of an earlier life proves nothing."""
    return any(
        one["deaths"] >= config.watch.death_limit or (one["deaths"] and one["exit_code"] in EXITS_BEFORE_START)
        for one in state["processes"]
        if one["phase"] not in SETTLED
    )


def _exit_of(one: Mapping[str, Any]) -> str:
    """A process's last exit with its own error: a command, as an embedded venue, writes there what it lacks."""
    return f"exit {one['exit_code']}" + (f": {one['error']}" if one["error"] else "")


def down(options: argparse.Namespace) -> int:
    """Stop a system; a system whose supervisor is gone is stopped too."""
    system, deadline = choose_system(options.system), time.monotonic() + options.timeout
    pid = _request_down(system, deadline)
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        descriptor = None
    if descriptor is not None and not _await_exit(descriptor, deadline - time.monotonic()):
        raise CommandError(
            f"after {options.timeout:g} s {system} is still stopping (pid {pid}): engine-ctl status shows what runs"
        )
    return _report_down(system, options)


def _request_down(system: str, deadline: float) -> int:
    """Send `down`; the pid that exits when everything is down: the guard's, or the supervisor's if it has no guard.

    While a guard runs, `down` is sent again until the supervisor answers: the guard kills a frozen supervisor.
    """
    paths = Paths.known(system)
    while True:
        try:
            answer = call(paths.control, "down", min(ANSWER_S, max(deadline - time.monotonic(), POLL_S)))
            return int(answer["guard"] or answer["pid"])
        except Unreachable as error:
            if not guard_pid(paths.guard_lock):
                return _spawn_stopper(system)
            if time.monotonic() > deadline:
                found = silent.state(system)
                what = silent.advice(found) if found else "try again"
                raise CommandError(
                    f"{error}; nothing was stopped, the request is dropped; {what}", NOT_FOUND
                ) from error
        time.sleep(POLL_S)


def _report_down(system: str, options: argparse.Namespace) -> int:
    """Print whether the system is down and which orders are left at the venue; the exit code."""
    paths = Paths.known(system)
    if paths.system.exists():
        raise CommandError(f"{system} is not down: {last_failure(paths.log('supervisor'))}")
    left = _read_left(paths.left)
    if options.json:
        print_json(options, {"system": system, "down": True, "before": "up", "after": "down", "orders_left": left})
    else:
        print_line(
            f"{system} is down" + (f", but {len(left)} orders are left at the venue, open or in doubt:" if left else "")
        )
        if left:
            print_table(tuple(left[0]), [tuple(one.values()) for one in left])
    return FAILED if left else 0


def _read_left(path: Path) -> list[dict[str, str]]:
    """The orders that the supervisor reported as left at the venue."""
    try:
        orders: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))["orders"]
    except FileNotFoundError:
        return []
    return orders


def _spawn_stopper(system: str) -> int:
    """Start a supervisor that adopts what a dead supervisor left and stops it; its pid."""
    paths = Paths.known(system)
    life = read_life(paths.system)
    if life is None:
        raise CommandError(
            f"no supervisor of {system} answers and {paths.system} cannot be read, so its configuration is not known: "
            "engine-ctl up CONFIG, then engine-ctl down",
            NOT_FOUND,
        )
    if pid := supervisor_pid(system):
        raise CommandError(
            f"supervisor {pid} is frozen and no guard runs: engine-ctl up {life.config} starts a guard, which"
            " kills it, then engine-ctl down",
            NOT_FOUND,
        )
    words = [sys.executable, "-m", "engine.supervisor", "--stop", "--config", life.config]
    return _spawn(words, paths.log("supervisor")).pid


def _await_exit(descriptor: int, timeout_s: float) -> bool:
    """Whether the process of this pidfd ends in time; the pidfd is closed."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    try:
        return bool(poll.poll(max(0, timeout_s) * 1000))
    finally:
        os.close(descriptor)


def status(options: argparse.Namespace) -> int:
    """Show every process and book; 1 when one is unhealthy or the system is halted."""
    system = choose_system(options.system)
    state = _state(system)
    configured = _configured(state["config"])
    found, halts = books.books(system, configured), sessions.halts(system, configured)
    scopes = held.trees(system, {number: symbol for number, (_, symbol) in configured.items()}, Names.of(system))
    logged_on = sessions.sessions(system, [role for role, _ in _executions(state)])
    ready = all(one is not None and one["ready"] for one in logged_on.values())
    replayed = state["mode"] == "replay"  # the end of a recording is not a lost connection
    followed = books.are_followed(found, state["now_ns"], replayed=replayed)
    figures, stopped, names = Figures(system), entries_stopped(system), Names.of(system)
    settled = [role for role, one in _executions(state) if one["phase"] in SETTLED]
    unknown, unread = entries_unknown(system, settled), unreadable_lanes(system, state["processes"])
    positions, known = figures.cells("positions"), figures.instruments()
    monitored = figures.cells("monitored_account")
    if options.json:
        states = {
            "entries_stopped": "; ".join([*_named(stopped, logged_on), *unknown.values()]),
            "sessions": logged_on,
            "instrument_halts": halts,
            "scope_halts": scopes,
            "unreadable_lanes": unread,
        }
        times = {"since": iso(state["since_ns"]), "now": iso(state["now_ns"])}
        earned = _profit_trees(positions, known, names)
        naming = Naming(known, names)
        earned["monitor"] = [tree_of(row, naming) for row in monitored]
        print_json(options, {**state, **times, **states, "books": [books.tree(one) for one in found], **earned})
    else:
        waits = {**unknown, **stopped, **sessions.texts(logged_on, state["now_ns"])}
        _print_status(state, dict(zip(waits, _named(waits, logged_on), strict=True)))
        if state["silent"]:
            print_line(silent.alarm(state, all_stopped=len(stopped) == len(logged_on) > 0))
        if stopped:
            print_line(f"ENTRIES ARE STOPPED, only exits are sent: {'; '.join(_named(stopped, logged_on))}")
        for text in unknown.values():
            print_line(f"{text}; engine-ctl autopsy shows what is in shared memory, engine-ctl halt halts")
        print_unreadable(unread)
        for role, left in _orders_left(system, state).items():
            print_line(_left_text(role, left, state["cancellers"][role], dict(_executions(state))[role]["phase"]))
        sessions.print_halts(halts, state["now_ns"])
        held.print_held(scopes, state["now_ns"])
        _print_parked(state, Paths.known(system))
        _print_settings(state.get("settings", {}))
        books.print_books(found, state["now_ns"])
        for text in profit.lines(positions, known, names) if positions else ():
            print_line(text)
        for row in monitored:
            print_line(f"monitor of {names.account(row.account)}: {summary(row, state['now_ns'])}")
        if not followed:
            print_line(f"a book is not followed: see {', '.join(_logs(system, state))}")
    healthy = all(process["phase"] == "running" for process in state["processes"]) and not _failed(state)
    healthy = healthy and not state["halted"] and not state["silent"] and not unread
    return 0 if healthy and followed and ready and not {**stopped, **unknown} and not halts and not scopes else FAILED


def _profit_trees(positions: list[Any], known: Mapping[int, Instrument], names: Names) -> dict[str, Any]:
    """The profit of each strategy and of each account for JSON; empty until an execution publishes a position."""
    owners = profit.profits(positions, known) if positions else {}
    accounts = profit.by_account(positions, known)
    return {
        "profit": [
            {"strategy": one, "strategy_name": names.strategy(one), **profit.tree(sums)}
            for one, sums in owners.items()
        ],
        "profit_by_account": [
            {"account": one, "account_name": names.account(one), **profit.tree(sums)}
            for one, sums in accounts.items()
        ],
    }  # fmt: skip


def _named(texts: Mapping[str, str], executions: Collection[str]) -> list[str]:
    """A text of some executions, each with its execution where there are several."""
    return [f"{role}: {text}" if len(executions) > 1 else text for role, text in texts.items()]


def _state(system: str) -> dict[str, Any]:
    """The supervisor's answer; when it does not answer, the state as the lanes show it."""
    try:
        answer = call(Paths.known(system).control, "status", ANSWER_S)
    except Refused as refused:
        raise CommandError(f"status was refused: {refused}") from refused
    except Unreachable as error:
        if (found := silent.state(system)) is None:
            raise CommandError(f"{error} ({advice(system)})", NOT_FOUND) from error
        return found
    return {**answer, "silent": False, "silent_ns": 0, "entries_stop_in_ns": None}


def _orders_left(system: str, state: Mapping[str, Any]) -> dict[str, str]:
    """How many orders are open or in doubt at the venue of each execution that does not run."""
    dead = [role for role, one in _executions(state) if one["phase"] not in SETTLED]
    found = {role: leftovers.count(system, [role]) for role in dead}
    return {role: "an unknown number of" if left is None else str(left) for role, left in found.items() if left != 0}


def _left_text(role: str, left: str, canceller: Mapping[str, Any], phase: str) -> str:
    """What happens to the orders that an execution left when it ended."""
    if canceller["clean"]:
        return f"{role} does not run; it left {left} orders, and the venue does not list any of them as open"
    if canceller["state"] == "cancelling" and not canceller["error"]:
        return f"{role} does not run; its canceller cancels the {left} orders that it left"
    if phase in RESTARTING:
        return f"{role} starts again and then asks the venue about the {left} orders that are open or in doubt"
    if canceller["state"] == "watching" and not canceller["error"]:
        return f"{role} does not run and left {left} orders; its canceller cancels them after dead_ms of [canceller]"
    why = f" ({canceller['error']})" if canceller["error"] else ""
    return (
        f"{role} does not run and left {left} orders that are open or in doubt; no process cancels them{why}: "
        "engine-ctl orders lists them, cancel them at the venue"
    )


def _logs(system: str, state: Mapping[str, Any]) -> list[str]:
    """The log files of the processes that run a feed."""
    paths = Paths.known(system)
    return [str(paths.log(one["name"])) for one in state["processes"] if FEED in one["kinds"]]


def _configured(path: str) -> dict[int, tuple[str, str]]:
    """Venue and symbol of each instrument id in the file; empty when the file cannot be read."""
    try:
        return {one.id: (one.venue, one.symbol) for one in load(path).instruments}
    except ConfigError:
        return {}


def _print_status(state: Mapping[str, Any], waits: Mapping[str, str]) -> None:
    who = f"supervisor {state['pid']} since {ago(state['now_ns'] - state['since_ns'])}"
    if state["silent"]:
        who = f"supervisor {state['pid']} does not answer" if state["pid"] else "no supervisor runs"
    print_line(f"{state['system']} ({state['mode']}): {headline(state, waits)}, {who}")
    print_table(
        ("process", "phase", "pid", "beat ms", "deaths", "exit", "cores", "roles"),
        [
            (
                one["name"], _phase(one) + (" (adopted)" if one["adopted"] else ""), one["pid"] or "-",
                "-" if one["beat_age_ms"] is None else one["beat_age_ms"],
                "-" if one["deaths"] is None else one["deaths"],
                "-" if one["exit_code"] is None else one["exit_code"],
                ",".join(map(str, one["cores"])) or "any", ", ".join(one["roles"]) or "command",
            )
            for one in state["processes"]
        ],
    )  # fmt: skip


NO_WAITS: Mapping[str, str] = {}


def headline(state: Mapping[str, Any], waits: Mapping[str, str] = NO_WAITS) -> str:
    """The system's state in a few words: "trading" only while each execution runs and waits for nothing.

    `waits`: by execution, what it waits for.
    """
    executions = _executions(state)
    down = {role: f"{role} is {_phase(one)}" for role, one in executions if one["phase"] not in SETTLED}
    missing = {**waits, **down}
    if state["halted"]:
        return ", ".join([f"HALTED ({state['halt_reason']})", *missing.values()])
    if state["stopping"]:
        return "stopping"
    if not executions and any(FEED in one["kinds"] for one in state["processes"]):
        return "market data, no execution"
    without = [f"without {one['name']}, which is parked" for one in _parked(state)]
    without += [f"without {role}, which has failed" for role in _failed(state)]
    if not missing:
        return ", ".join(["trading", *without])
    trades = "trading in part" if len(missing) < len(executions) else "NOT trading"
    return ", ".join([trades, *missing.values()])


def _phase(one: Mapping[str, Any]) -> str:
    """A process's phase, with how long it has been starting or when it is started again."""
    if one["phase"] == "starting":
        return f"starting for {one['starting_ms'] / 1000:.0f} s"
    if one["phase"] == "waiting" and one["exit_code"] is not None:
        return f"dead (exit {one['exit_code']}), starts again in {one['start_in_ms'] / 1000:.0f} s"
    return str(one["phase"])


def cancel_all(options: argparse.Namespace) -> int:
    """Cancel open orders; fails for a system without execution."""
    system = choose_system(options.system)
    state = call_supervisor(system, "status")
    executions = _executions(state)
    if not executions:
        raise CommandError(f"{system} ({state['mode']}) has no execution, so it has no order; nothing was sent")
    config = read(state["config"])
    strategy = strategy_id(options.strategy, config.strategies)
    named = options.instrument
    instrument = choose_instrument(named, config.instruments, WRONG_USE) if named else 0
    down = [f"; {role} is {_phase(one)} and cancels as soon as it runs" for role, one in executions
            if one["phase"] not in SETTLED]  # fmt: skip
    scope = Scope(strategy=strategy, instrument=instrument)
    found = [leftovers.rows(system, role) for role, _ in executions]
    before = (
        None
        if None in found
        else sum(scope.covers(one.strategy, one.instrument) for rows in found for one in rows or ())
    )
    answer = call_supervisor(system, "cancel_all", strategy=strategy, instrument=instrument)
    if options.json:
        print_json(options, {**answer, "orders_before": before})
    else:
        known = "unknown" if before is None else before
        print_line(f"sent to execution: cancel open orders{''.join(down)}; open orders before: {known}")
    return 0


def strategy_id(text: str, strategies: Iterable[Strategy]) -> int:
    """The id of a strategy that is given by name or by id; 0 for an empty text."""
    ids = {one.name: one.id for one in strategies}
    if not text:
        return 0
    if text in ids:
        return ids[text]
    if text.isdigit() and int(text) in ids.values():
        return int(text)
    raise CommandError(f"no strategy {text!r}, known are {', '.join(ids) or 'none'}", WRONG_USE)
