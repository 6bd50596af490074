"""Commands to the supervisor: up, down, status, halt, resume, cancel-all, restart."""

import argparse
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.cli import NO, NOBODY, WRONG_USE, Complaint, books, sessions, silent
from engine.cli.check import EXECUTION, FEED, check
from engine.cli.health import entries_stopped
from engine.cli.output import (
    ago,
    choose_instrument,
    choose_system,
    iso,
    lives,
    living_supervisor,
    say,
    say_json,
    say_table,
)  # fmt: skip
from engine.config import Config, ConfigError, Paths, Strategy, load
from engine.config.paths import RUN_VARIABLE
from engine.config.private import open_private
from engine.control import Refused, Unreachable, ask
from engine.log import make_room
from engine.monitor import profit
from engine.monitor.figures import Figures
from engine.monitor.names import Names
from engine.supervisor import leftovers
from engine.supervisor.last_words import last_failure
from engine.supervisor.life import guard_pid
from engine.supervisor.life import read as read_life

NAP_S = 0.02
ANSWER_S = 2.0  # a supervisor that does not answer within this stands still
EXIT_OTHER_LIVES = 75
EXITS_BEFORE_START = (69, 78)  # of a role's process: the world or the configuration is wrong
SETTLED, PARKED = ("running", "late"), "parked"


def give(system: str, command: str, **arguments: Any) -> dict[str, Any]:
    """Give the supervisor of a system a command; a no and a silence are one line each."""
    try:
        return ask(Paths.known(system).control, command, **arguments)
    except Refused as refused:
        raise Complaint(f"{command} was refused: {refused}") from refused
    except Unreachable as nobody:
        raise Complaint(f"{nobody} ({advice(system)})", NOBODY) from nobody


def advice(system: str) -> str:
    """What to do where no supervisor answers."""
    living = living_supervisor(system)
    if living:
        return f"its supervisor lives as pid {living} and does not answer: try again; engine-ctl halt works without it"
    if read_life(Paths.known(system).system) is None and lives(system):
        return f"{system} lives, but not from here: set {RUN_VARIABLE} as it was set at its start"
    return "engine-ctl up CONFIG starts a supervisor, living roles are kept"


def up(options: argparse.Namespace) -> int:
    """Start a supervisor and wait until what it keeps stands."""
    config = read(options.config)
    check(config)
    words = [sys.executable, "-m", "engine.supervisor.guard", "--config", str(Path(options.config).resolve())]
    if options.foreground:
        sys.stdout.flush()
        os.execv(sys.executable, [*words, "--foreground"])  # noqa: S606 - becomes the supervisor, ^C reaches it
    try:
        config.paths.make()
    except (OSError, ValueError) as error:
        raise Complaint(str(error)) from error
    guard = _spawn(words, config.paths.log("supervisor"))
    state = _await_standing(config, guard, options.timeout)
    if options.json:
        say_json(state)
    else:
        say(f"{config.system.name} is up: {len(state['processes'])} processes, supervisor {state['pid']}"
            + (", HALTED: engine-ctl resume lets it trade" if state["halted"] else ""))  # fmt: skip
        _say_parked(state, config.paths)
    return NO if _parked(state) else 0


def _parked(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The processes that are not tried again."""
    return [one for one in state["processes"] if one["phase"] == PARKED]


def _say_parked(state: Mapping[str, Any], paths: Paths) -> None:
    """A line for each parked process: its error, where all of it is, and what to do."""
    for one in _parked(state):
        say(f"{one['name']} is PARKED, the others trade on: {_failure(one)} (the whole of it is in "
            f"{paths.log(one['name'])}; engine-ctl restart {one['name']} tries it again)")  # fmt: skip


def _failure(one: Mapping[str, Any]) -> str:
    """Why a process ended last."""
    return one["error"] or f"exit {one['exit_code']}"


def check_file(options: argparse.Namespace) -> int:
    """Say whether a system could be started from a file, without starting anything."""
    config = read(options.config)
    check(config)
    counts = {"venues": len(config.venues), "instruments": len(config.instruments), "processes": len(config.placement)}
    if options.json:
        say_json({"system": config.system.name, "mode": config.system.mode, **counts})
    else:
        say(f"{options.config}: sound, " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    return 0


def read(path: str) -> Config:
    """The configuration, or one line on what is wrong with it."""
    try:
        return load(path)
    except ConfigError as error:
        raise Complaint(str(error), WRONG_USE) from error


def _spawn(words: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """A guard or supervisor in a session of its own, its lines in the supervisor's log."""
    make_room(log)
    with open(open_private(log, os.O_WRONLY | os.O_APPEND), "ab") as output:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)


def _await_standing(config: Config, guard: "subprocess.Popen[bytes]", timeout_s: float) -> dict[str, Any]:
    """Wait until every process stands; its status then."""
    deadline = time.monotonic() + timeout_s
    log = config.paths.log("supervisor")
    while time.monotonic() < deadline:
        code = guard.poll()
        if code == EXIT_OTHER_LIVES:
            raise Complaint(_who_lives(config))
        if code is not None:
            raise Complaint(f"the supervisor ended with {code}: {last_failure(log) or 'it wrote nothing'}")
        state = _status_of(config, guard.pid)
        if state and all(process["phase"] in (*SETTLED, PARKED) for process in state["processes"]):
            return _await_session(config, guard.pid, state, deadline)
        _refuse_stillborn(config, state)
        _refuse_unknown_symbols(config, state)
        if state and state["halt_reason"] == "deaths" and _stragglers(state):
            raise Complaint(
                f"it does not stand: {_stragglers(state)}; the logs are in {log.parent}, engine-ctl down ends it"
            )
        time.sleep(NAP_S)
    straggling = _stragglers(_status_of(config, guard.pid)) or "the supervisor does not answer"
    raise Complaint(
        f"after {timeout_s:g} s not every process stands: {straggling}; the logs are in {log.parent}; "
        f"{config.system.name} RUNS ON and goes on trying: engine-ctl status shows it, engine-ctl down ends it"
    )


def _who_lives(config: Config) -> str:
    """What stands in the way of a second guard; one that stands still would stand there for ever."""
    system = config.system.name
    try:
        ask(config.paths.control, "status", ANSWER_S)
    except (Unreachable, Refused):
        if found := silent.state(system):
            return f"{system} has a guard, and its supervisor does not answer: {silent.advice(found)}"
    return f"{system} is up already"


def _await_session(config: Config, pid: int, state: dict[str, Any], deadline: float) -> dict[str, Any]:
    """Wait until orders can leave; a venue that refuses the session twice, or a deadline, ends the waiting."""
    if not _trades(state):
        return state
    while (found := sessions.session(config.system.name)) is None or not found["ready"]:
        _refuse_unknown_symbols(config, state)
        refused = found and (found["state"] == "DENIED" or (found["error"] and found["attempts"] > 1))
        if refused or time.monotonic() > deadline:
            now_ns = (_status_of(config, pid) or state)["now_ns"]
            raise Complaint(
                f"every process stands, but no order can leave: {sessions.says(found, now_ns)}; {config.system.name}"
                " RUNS ON and goes on trying: engine-ctl status shows it, engine-ctl down ends it"
            )
        time.sleep(NAP_S)
    return _status_of(config, pid) or state


def _trades(state: Mapping[str, Any]) -> bool:
    """Whether one of the processes is to send orders."""
    return any(EXECUTION in one["roles"] for one in state["processes"])


def _status_of(config: Config, pid: int) -> dict[str, Any] | None:
    """The status as the supervisor of this guard gives it; None while it does not answer yet."""
    try:
        state = ask(config.paths.control, "status")
    except (Unreachable, Refused):
        return None
    return state if state["guard"] == pid else None


def _refuse_stillborn(config: Config, state: Mapping[str, Any] | None) -> None:
    """A process that says itself that it cannot start is told of at once, with its own words."""
    for one in (state or {"processes": []})["processes"]:
        if one["phase"] not in SETTLED and one["exit_code"] in EXITS_BEFORE_START and one["roles"] and not one["parks"]:
            log = config.paths.log(one["name"])
            raise Complaint(
                f"{one['name']} will not start: {_failure(one)} (the whole of it is in {log}, it is tried again, "
                "engine-ctl down ends it)"
            )


def _refuse_unknown_symbols(config: Config, state: Mapping[str, Any] | None) -> None:
    """A symbol that its venue does not know is told of at once: whoever waits for it waits for ever."""
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
        raise Complaint(
            f"{config.path}: {where}; the venue's answer is in {logs}; {config.system.name} RUNS ON without it: mend"
            " the file, then engine-ctl down and up"
        )


def _stragglers(state: Mapping[str, Any] | None) -> str:
    """Who does not stand, and how it last ended."""
    return ", ".join(
        f"{one['name']} is {_phase(one) if one['phase'] == 'starting' else one['phase']}"
        + (f" (died {one['deaths']} times, exit {one['exit_code']})" if one["deaths"] else "")
        for one in (state or {"processes": []})["processes"]
        if one["phase"] not in SETTLED
    )


def down(options: argparse.Namespace) -> int:
    """Bring a system down, also one whose supervisor is gone."""
    system, deadline = choose_system(options.system), time.monotonic() + options.timeout
    pid = _ask_down(system, deadline)
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        descriptor = None
    if descriptor is not None and not _await_exit(descriptor, deadline - time.monotonic()):
        raise Complaint(f"after {options.timeout:g} s it is still stopping (pid {pid}): engine-ctl status")
    return _tell_end(system, options)


def _ask_down(system: str, deadline: float) -> int:
    """The pid that ends when all is down: the guard's, or that of a supervisor which has none.

    A supervisor that does not answer is asked again while a guard lives, which kills one that stands still.
    """
    paths = Paths.known(system)
    while True:
        try:
            answer = ask(paths.control, "down", min(ANSWER_S, max(deadline - time.monotonic(), NAP_S)))
            return int(answer["guard"] or answer["pid"])
        except Unreachable as nobody:
            if not guard_pid(paths.guard_lock):
                return _spawn_stopper(system)
            if time.monotonic() > deadline:
                found = silent.state(system)
                what = silent.advice(found) if found else "try again"
                raise Complaint(f"{nobody}; nothing was done and nothing will be; {what}", NOBODY) from nobody
        time.sleep(NAP_S)


def _tell_end(system: str, options: argparse.Namespace) -> int:
    """Whether it is down, and what was left at the venue."""
    paths = Paths.known(system)
    if paths.system.exists():
        raise Complaint(f"{system} is not down: {last_failure(paths.log('supervisor'))}")
    left = _read_left(paths.left)
    if options.json:
        say_json({"system": system, "down": True, "orders_left": left})
    else:
        say(
            f"{system} is down" + (f", but {len(left)} orders are left at the venue, open or in doubt:" if left else "")
        )
        if left:
            say_table(tuple(left[0]), [tuple(one.values()) for one in left])
    return NO if left else 0


def _read_left(path: Path) -> list[dict[str, str]]:
    """The orders that the supervisor said it left."""
    try:
        orders: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))["orders"]
    except FileNotFoundError:
        return []
    return orders


def _spawn_stopper(system: str) -> int:
    """A supervisor that takes over what an absent one left, only to stop it."""
    paths = Paths.known(system)
    life = read_life(paths.system)
    if life is None:
        raise Complaint(f"no supervisor of {system} answers and {paths.system} does not tell its configuration", NOBODY)
    if living := living_supervisor(system):
        raise Complaint(
            f"supervisor {living} stands still and no guard lives: engine-ctl up {life.config} starts a guard, which"
            " kills it, then engine-ctl down",
            NOBODY,
        )
    words = [sys.executable, "-m", "engine.supervisor", "--stop", "--config", life.config]
    return _spawn(words, paths.log("supervisor")).pid


def _await_exit(descriptor: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0, timeout_s) * 1000))


def status(options: argparse.Namespace) -> int:
    """Show every process and book; 1 when one is not running, not followed, or the system is halted."""
    system = choose_system(options.system)
    state = _state(system)
    configured = _configured(state["config"])
    found, halts = books.books(system, configured), sessions.halts(system, configured)
    session = sessions.session(system) if _trades(state) else None
    ready = not _trades(state) or (session is not None and session["ready"])
    replayed = state["mode"] == "replay"  # a recording's end is no loss
    followed = books.are_followed(found, state["now_ns"], replayed=replayed)
    sums, stopped, names = _profits(system), entries_stopped(system), Names.of(system)
    if options.json:
        earned = [{"strategy": one, "strategy_name": names.strategy(one), **profit.tree(sums[one])} for one in sums]
        states = {"entries_stopped": stopped, "session": session, "instrument_halts": halts}
        times = {"since": iso(state["since_ns"]), "now": iso(state["now_ns"])}
        say_json({**state, **times, **states, "books": [books.tree(one) for one in found], "profit": earned})
    else:
        _show_status(state, stopped if ready else sessions.says(session, state["now_ns"]))
        if state["silent"]:
            say(silent.alarm(state, stopped))
        if stopped:
            say(f"ENTRIES ARE STOPPED, only exits are sent: {stopped}")
        if left := _unwatched(system, state):
            say(_says_left(left, state["rescue"]))
        sessions.show_halts(halts, state["now_ns"])
        _say_parked(state, Paths.known(system))
        books.show(found, state["now_ns"])
        for text in profit.lines(sums, names.strategy):
            say(text)
        if not followed:
            say(f"a book is not followed: {', '.join(_logs(system, state))} says why")
    sound = all(process["phase"] == "running" for process in state["processes"])
    sound = sound and not state["halted"] and not state["silent"]
    return 0 if sound and followed and ready and not stopped and not halts else NO


def _state(system: str) -> dict[str, Any]:
    """The supervisor's answer, or where none comes what the lanes say without it."""
    try:
        answer = ask(Paths.known(system).control, "status", ANSWER_S)
    except Refused as refused:
        raise Complaint(f"status was refused: {refused}") from refused
    except Unreachable as nobody:
        if (found := silent.state(system)) is None:
            raise Complaint(f"{nobody} ({advice(system)})", NOBODY) from nobody
        return found
    return {**answer, "silent": False, "silent_ns": 0, "entries_stop_in_ns": None}


def _unwatched(system: str, state: Mapping[str, Any]) -> int:
    """How many orders stand at the venue while no execution runs that could cancel them."""
    settled = all(one["phase"] in SETTLED for one in state["processes"] if EXECUTION in one["roles"])
    return 0 if settled else leftovers.count(system)


def _says_left(left: int, rescue: Mapping[str, Any]) -> str:
    """What becomes of the orders that an execution which does not run has left."""
    if rescue["pid"]:
        return f"execution does not run; process {rescue['pid']} cancels the {left} orders that it left"
    if rescue["clean"]:
        return f"execution does not run; of the {left} orders that it left the venue lists none as open"
    why = f" ({rescue['error']})" if rescue["error"] else ""
    return f"{left} orders are open or in doubt and execution does not run, nobody cancels them{why}: engine-ctl orders"


def _profits(system: str) -> dict[int, profit.Profit]:
    """What each strategy and the account have earned; nothing where no execution has shown a position."""
    figures = Figures(system)
    rows = figures.cells("positions")
    return profit.profits(rows, figures.instruments()) if rows else {}


def _logs(system: str, state: Mapping[str, Any]) -> list[str]:
    """Where the processes with a feed write."""
    paths = Paths.known(system)
    return [str(paths.log(one["name"])) for one in state["processes"] if FEED in one["roles"]]


def _configured(path: str) -> dict[int, tuple[str, str]]:
    """Venue and symbol of each instrument's id, as the file has them; none where it cannot be read any more."""
    try:
        return {one.id: (one.venue, one.symbol) for one in load(path).instruments}
    except ConfigError:
        return {}


def _show_status(state: Mapping[str, Any], waits_for: str) -> None:
    who = f"supervisor {state['pid']} since {ago(state['now_ns'] - state['since_ns'])}"
    if state["silent"]:
        who = f"supervisor {state['pid']} does not answer" if state["pid"] else "no supervisor lives"
    say(f"{state['system']} ({state['mode']}): {headline(state, waits_for)}, {who}")
    say_table(
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


def headline(state: Mapping[str, Any], waits_for: str = "") -> str:
    """What the system does: it trades only while its execution stands and waits for nothing."""
    missing = [f"execution is {_phase(one)}" for one in state["processes"]
               if EXECUTION in one["roles"] and one["phase"] not in SETTLED]  # fmt: skip
    missing = missing or ([waits_for] if waits_for else [])
    if state["halted"]:
        return ", ".join([f"HALTED ({state['halt_reason']})", *missing])
    if state["stopping"]:
        return "stopping"
    roles = {role for one in state["processes"] for role in one["roles"]}
    if FEED in roles and EXECUTION not in roles:
        return "market data, no execution"
    without = [f"without {one['name']}, which is parked" for one in _parked(state)]
    return f"NOT trading, {missing[0]}" if missing else ", ".join(["trading", *without])


def _phase(one: Mapping[str, Any]) -> str:
    """A process's phase, with how long it has been starting or when it is tried again."""
    if one["phase"] == "starting":
        return f"starting for {one['starting_ms'] / 1000:.0f} s"
    if one["phase"] == "waiting" and one["exit_code"] is not None:
        return f"dead (exit {one['exit_code']}), again in {one['start_in_ms'] / 1000:.0f} s"
    return str(one["phase"])


def resume(options: argparse.Namespace) -> int:
    """Resume the system, or one instrument that execution has halted."""
    if not options.instrument:
        return _tell(options, "resume", "trading again")
    config = read(give(choose_system(options.system), "status")["config"])
    instrument = choose_instrument(options.instrument, config.instruments, WRONG_USE)
    return _tell(options, "resume", f"execution was told to trade {options.instrument} again", instrument=instrument)


def restart(options: argparse.Namespace) -> int:
    """Drain one process, start it anew, and wait until it runs or has failed."""
    system, deadline = choose_system(options.system), time.monotonic() + options.timeout
    name, before = options.process, _process_of(give(system, "status"), options.process)
    result = give(system, "restart", process=name)
    while time.monotonic() < deadline:
        one = _process_of(give(system, "status"), name)
        if one["deaths"] > before["deaths"] or one["phase"] == PARKED:
            log = Paths.known(system).log(name)
            raise Complaint(f"{name} does not run: {_failure(one)} ({log})")
        if one["phase"] in SETTLED and one["pid"] != before["pid"]:
            say_json({**result, "pid": one["pid"]}) if options.json else say(f"{name} runs again, as pid {one['pid']}")
            return 0
        time.sleep(NAP_S)
    raise Complaint(f"after {options.timeout:g} s {name} does not run yet: engine-ctl status")


def _process_of(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A process's part of the status; of an unknown one nothing, the supervisor refuses it by name."""
    return next((one for one in state["processes"] if one["name"] == name), {"pid": 0, "deaths": 0})


def cancel_all(options: argparse.Namespace) -> int:
    """Cancel open orders; a system without an execution has nobody who could."""
    system = choose_system(options.system)
    state = give(system, "status")
    executions = [one for one in state["processes"] if EXECUTION in one["roles"]]
    if not executions:
        raise Complaint(f"{system} ({state['mode']}) has no execution: it has no order, and nobody was told")
    config = read(state["config"])
    strategy = _id_of(options.strategy, config.strategies)
    named = options.instrument
    instrument = choose_instrument(named, config.instruments, WRONG_USE) if named else 0
    [one] = executions
    waits = "" if one["phase"] in SETTLED else f", which is {_phase(one)}: it follows when it stands"
    text = f"execution was told to cancel{waits}"
    return _tell(options, "cancel_all", text, strategy=strategy, instrument=instrument)


def _id_of(text: str, strategies: Iterable[Strategy]) -> int:
    """The id of a strategy's name or of an id's digits; 0 for nothing named."""
    ids = {one.name: one.id for one in strategies}
    if not text:
        return 0
    if text in ids:
        return ids[text]
    if text.isdigit() and int(text) in ids.values():
        return int(text)
    raise Complaint(f"no strategy {text!r}, known are {', '.join(ids) or 'none'}", WRONG_USE)


def _tell(options: argparse.Namespace, command: str, text: str, **arguments: object) -> int:
    """Give a command and say what came of it."""
    result = give(choose_system(options.system), command, **arguments)
    say_json(result) if options.json else say(text)
    return 0
