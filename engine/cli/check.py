"""Checks before `up` what the roles check at their start.

The same functions that the roles use convert the tables of [risk], [feed], [execution] and the strategies. So a
misspelt limit is one line for the operator instead of a process that dies again and again.
"""

import functools
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from engine import placement
from engine.cli import WRONG_USE, CommandError
from engine.config import Config, Process, Secret, Strategy, Venue, settings
from engine.config.nearest import read_table
from engine.config.tables import ALERTS, DASHBOARD, FACTORIES, METRICS, RECORDER
from engine.supervisor import operators

EXECUTION, FEED, AGGREGATION = "execution", "feed", "aggregation"
LOOPBACK = "engine.loopback"  # the embedded venue, in a process's command


def check(config: Config, *, settings_may_differ: bool = False) -> None:
    """Refuse a configuration that has no process, or with which a role would not start."""
    if not config.placement:
        raise CommandError(f"{config.path}: no venue, role or process: add one, there is nothing to start", WRONG_USE)
    for process in config.placement:
        _try(config, f"processes.{process.name}", functools.partial(_check_process, process))
    for strategy in config.strategies:
        if _is_ours(config, strategy.name, "strategy") and "PYTHONPATH" not in _process(config, strategy).environment:
            _try(config, f"strategies.{strategy.name}", functools.partial(_check_strategy, config, strategy))
    if config.strategies:
        _try(config, "feeds", lambda: _check_places(config))
    if any(_is_ours(config, feed, FEED) for feed in config.feed_names):
        _try(config, "feed", lambda: _check_feed(config))
    executions = [role for role in config.execution_names if _is_ours(config, role, EXECUTION)]
    if executions:
        _check_accounts(config)
    for role in executions:
        _check_execution(config, role)
    _check_lookers(config)
    _try(config, "operators", functools.partial(operators.check, config))
    if not settings_may_differ:  # `reload` decides for the file
        _check_settings(config)


def _check_lookers(config: Config) -> None:
    """Check the tables of the roles that only read."""
    checks = (
        (AGGREGATION, _check_aggregation), (ALERTS, _check_alerts), (RECORDER, _check_recorder),
        (METRICS, _check_metrics), (DASHBOARD, _check_dashboard),
    )  # fmt: skip
    _try(config, "latency", functools.partial(_check_budgets, config))
    for role, of_role in checks:
        if _is_ours(config, role, role):
            _try(config, role, functools.partial(of_role, config))


def _is_ours(config: Config, role: str, kind: str) -> bool:
    """True when the system has the role and builds it by the engine's own factory."""
    return role in config.role_names and config.factory(role) == FACTORIES[kind]


def _process(config: Config, strategy: Strategy) -> Process:
    return next(process for process in config.placement if strategy.name in process.roles)


def _try(config: Config, place: str, convert: Callable[[], object]) -> None:
    """Run a role's own conversion; raise its error as one line with the place in the file."""
    try:
        convert()
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise CommandError(f"{config.path}: {place}: {text}", WRONG_USE) from error


def _check_places(config: Config) -> None:
    """Check that a strategy can record how far it read every feed and every execution."""
    from engine.strategy.role.lanes import check_places  # noqa: PLC0415 - only `up` needs it

    check_places(len(config.feed_names), len(config.execution_names), len(config.router_names))


def _check_process(process: Process) -> None:
    """Check that the process's command and its cores exist, and that the machine permits its placement."""
    if process.command and shutil.which(process.command[0], path=process.environment.get("PATH")) is None:
        msg = f"command {process.command[0]!r}: no such program, expected a path or a program on PATH"
        raise ValueError(msg)
    if " ".join(process.command).startswith(f"{sys.executable} -m {LOOPBACK}"):
        _expect_aiohttp(process)
    absent = sorted(set(process.cores) - os.sched_getaffinity(0))
    if absent:
        msg = f"cores {absent} do not exist, expected some of {sorted(os.sched_getaffinity(0))}"
        raise ValueError(msg)
    if process.places_itself:
        placement.check(process)


def _expect_aiohttp(process: Process) -> None:
    """Refuse an embedded venue without the package that its servers need: its process would die at each start."""
    if importlib.util.find_spec("aiohttp") is None:
        msg = (
            f"command {' '.join(process.command)}: needs aiohttp, which is not installed: pip install 'steelyard[sim]'"
        )
        raise ValueError(msg)


def _check_strategy(config: Config, strategy: Strategy) -> None:
    """Check class, hooks and parameters; the class is imported as in the role's process, from the working directory."""
    from engine.strategy.load import load_class  # noqa: PLC0415 - only `up` needs it

    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    try:
        load_class(config, strategy)
    finally:
        sys.path[:] = before


def _check_accounts(config: Config) -> None:
    """Check what all executions share: the options, the limits of risk, the accounts and their journals."""
    from engine.config.accounts import accounts_of, check_journals  # noqa: PLC0415 - only `up` needs it
    from engine.execution.config import ExecutionOptions  # noqa: PLC0415
    from engine.risk.history import read_history  # noqa: PLC0415

    place = f"risk (with {config.risk_limits})" if config.risk_limits else "risk"
    _try(config, place, lambda: _check_risk(config))
    if history := config.risk.get("var_history"):
        _try(config, "risk.var_history", lambda: read_history(history, config.instruments, "close"))
    _try(config, "execution", lambda: read_table(config.execution, ExecutionOptions))
    if profile := config.execution.get("volume_profile"):
        _try(config, "execution.volume_profile", lambda: read_history(str(profile), config.instruments, "volume"))
    place = "accounts" if config.accounts else "execution"
    _try(config, place, lambda: accounts_of(config))
    _try(config, place, lambda: check_journals(config))


def _check_kept(config: Config, window: int) -> None:
    """Refuse a recorder that removes the days of the value at risk: without them it refuses every entry."""
    if config.recorder is None or not str(config.risk.get("var_history", "")).startswith(f"{RECORDER}:"):
        return
    kept = {"": config.recorder.keep_days} | config.recorder.keep_days_of
    key, days = ("recorder.keep_days_of.bars", kept["bars"]) if "bars" in kept else ("recorder.keep_days", kept[""])
    if 0 < days <= window:
        msg = f"{key} is {days}, expected 0 or over {window}: var_history needs the days of var_window_days"
        raise ValueError(msg)


def _check_risk(config: Config) -> None:
    """Check the limits, and that each instrument which they name is configured."""
    from engine.risk.breakers import check_watched  # noqa: PLC0415 - only `up` needs it
    from engine.risk.table import read_risk  # noqa: PLC0415
    from engine.venues.catalogue import brackets_of  # noqa: PLC0415

    known = [one.id for one in config.instruments]
    limits, _ = read_risk(config.risk)
    limits.check_instruments(known)
    check_watched(config.risk, limits, known)
    limits.check_rise()
    _check_kept(config, limits.var_window_days)
    for venue in config.venues:
        brackets_of(venue, limits.margin_brackets)


def _check_settings(config: Config) -> None:
    """Refuse a file that was changed in a value that an operator has set since: which one is meant is not known."""
    try:
        found = next(settings.contradictions(config, settings.read(config.paths.settings)), "")
    except ValueError as error:
        raise CommandError(str(error), WRONG_USE) from error
    if found:
        raise CommandError(f"{config.path}: {found}", WRONG_USE)


def _check_execution(config: Config, role: str) -> None:
    """Check an account's venue and its keys, and whether its execution has room for the positions."""
    from engine.config.accounts import account_of  # noqa: PLC0415 - only `up` needs it
    from engine.destination import check_destination  # noqa: PLC0415
    from engine.execution.config import check_room  # noqa: PLC0415
    from engine.venues.catalogue import trading_of  # noqa: PLC0415

    account = account_of(config, role)
    place, venue = f"accounts.{role}" if config.accounts else "execution", account.venue
    _try(config, "strategies", lambda: check_room(len(config.strategies), len(account.instruments)))
    _try(config, place, lambda: trading_of(venue))
    urls = (*trading_of(venue).urls, *([venue.order_rest] if config.canceller.enabled else []))
    for name in urls:
        _try(config, place, functools.partial(_check_url, venue, name))
    _try(config, place, lambda: check_destination(config, venue, urls))
    _check_keys(config, role, venue)


def _check_keys(config: Config, role: str, venue: Venue) -> None:
    """Check the parts of the key that an execution signs with."""
    from engine.venues.catalogue import trading_of  # noqa: PLC0415 - only `up` needs it

    for name, check_text in trading_of(venue).check_key.items():
        place = f"venues.{venue.name}.{name}"
        _try(config, place, functools.partial(_check_text, config, role, getattr(venue, name), check_text))


def _check_text(config: Config, role: str, secret: Secret, check_text: Callable[[str], object]) -> None:
    """Check a secret of an execution; its error begins with the place of the secret."""
    text = secret_text(config, secret, role)
    try:
        if text is not None:
            check_text(text)
    except ValueError as error:
        place = secret.file or f"the environment variable {secret.env}"
        msg = f"{place}: {error}"
        raise ValueError(msg) from error


def secret_text(config: Config, secret: Secret, role: str) -> str | None:
    """A role's secret; None when a configured command creates the file at its start."""
    if secret.env:
        process = next(process for process in config.placement if role in process.roles)
        return process.environment.get(secret.env) or secret.reveal()
    made = any(secret.file in word for process in config.placement for word in process.command)
    return None if made and not os.path.exists(secret.file) else secret.reveal()


def _check_feed(config: Config) -> None:
    """Check the feed's source; for each venue with instruments also its options, keys and URLs."""
    from engine.feed.build import feed_config  # noqa: PLC0415 - only `up` needs it
    from engine.feed.replay.build import check_replay  # noqa: PLC0415
    from engine.feed.replay.options import is_replay  # noqa: PLC0415
    from engine.venues.catalogue import kind_of  # noqa: PLC0415
    from engine.venues.kind import stream_key_of  # noqa: PLC0415

    replaying = is_replay(config)
    for venue in config.venues:
        if any(instrument.venue == venue.name for instrument in config.instruments):
            feed_config(config, config.feed_of(venue.name), venue)
            for name in () if replaying else ("stream_url", "request_url"):
                _check_url(venue, name)
            for secret in () if replaying else stream_key_of(venue, kind_of(venue)):
                secret_text(config, secret, config.feed_of(venue.name))
    if replaying:
        check_replay(config, lambda venue: feed_config(config, FEED, config.venue(venue)))


def _check_url(venue: Venue, name: str) -> None:
    """Refuse a wrong URL: its process would die at each start."""
    from engine.venues.wire.dial import Place  # noqa: PLC0415 - only `up` needs it

    try:
        Place.of(getattr(venue, name))
    except ValueError as error:
        msg = f"venue {venue.name}: {name}: {error}"
        raise ValueError(msg) from error


def _check_alerts(config: Config) -> None:
    """Check the keys of each target and read its secrets, with the variables that its process gets."""
    from engine.alerts import senders_of  # noqa: PLC0415 - only `up` needs it
    from engine.alerts.targets import targets_of  # noqa: PLC0415

    process = next(process for process in config.placement if ALERTS in process.roles)
    kept = dict(os.environ)
    os.environ.update(process.environment)
    try:
        for name, target in senders_of(config, targets_of(config)).items():
            _check_target(name, target.check)
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _check_recorder(config: Config) -> None:
    """Check the lanes, and that the package that seals is there."""
    from engine.recorder import check_table  # noqa: PLC0415 - only `up` needs it

    assert config.recorder is not None, "load accepted the role recorder without its table"
    check_table(config.recorder)


def _check_budgets(config: Config) -> None:
    """Check that each budget names a hop."""
    from engine.monitor.budgets import check_budgets  # noqa: PLC0415 - only `up` needs it

    check_budgets(config.latency)


def _check_metrics(config: Config) -> None:
    """Check the address, and that one that other machines reach has a token."""
    from engine.metrics import check_table  # noqa: PLC0415 - only `up` needs it

    assert config.metrics is not None, "load accepted the role metrics without its table"
    check_table(config.metrics)


def _check_dashboard(config: Config) -> None:
    """Check the address, and that one that other machines reach has a token."""
    from engine.dashboard import check_table  # noqa: PLC0415 - only `up` needs it

    assert config.dashboard is not None, "load accepted the role dashboard without its table"
    check_table(config.dashboard)


def _check_target(name: str, check_target: Callable[[], None]) -> None:
    """Run a target's own check; its error begins with the target."""
    try:
        check_target()
    except (ValueError, OSError) as error:
        msg = f"target {name}: {error}" if not name.startswith("(") else f"heartbeat_url: {error}"
        raise ValueError(msg) from error


def _check_aggregation(config: Config) -> None:
    """Check edge, fees and bars; the groups are not checked, because base and quote come from the venues."""
    from engine.aggregation import check_series, check_table  # noqa: PLC0415 - only `up` needs it

    assert config.aggregation is not None, "load accepted the role aggregation without its table"
    check_table(config.aggregation)
    check_series(len(config.instruments), len(config.aggregation.bars))
