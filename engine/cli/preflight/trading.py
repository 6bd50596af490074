"""The file itself: does every role start, are there limits, alerts, monitoring, and a placement that can halt."""

from collections.abc import Iterator

from engine.cli import CommandError
from engine.cli.check import check as check_file
from engine.cli.preflight.registry import Finding, Subject, check, fail, ok, warn
from engine.config import Config
from engine.config.tables import EXECUTION, STRATEGY
from engine.risk.limits import RiskLimits
from engine.risk.table import read_risk

BOUNDS = ("max_position_usd", "max_order_size_usd", "max_order_rate_per_min")  # those that each system should choose


@check("file")
def file(subject: Subject) -> Iterator[Finding]:
    """Every role starts from the file: what `engine-ctl check` checks."""
    try:
        check_file(subject.config)
    except CommandError as error:
        yield fail(str(error), "correct the file; engine-ctl check shows the same")
    else:
        yield ok(f"every table is valid, mode {subject.config.system.mode}")


@check("limits")
def limits(subject: Subject) -> Iterator[Finding]:
    """The most important limits are chosen, and fit each other."""
    table = subject.config.risk
    if not any(role in subject.config.role_names for role in subject.config.execution_names):
        yield ok("no order can be sent")
        return
    found, _ = read_risk(table)
    absent = [name for name in BOUNDS if name not in table]
    if absent:
        text = ", ".join(f"{name} is not set, it is {getattr(found, name)}" for name in absent)
        yield Finding(subject.grave, text, "set them in [risk] (docs/risk.md)")
    yield from _sane(found)
    if not absent:
        text = f"an order of {found.max_order_size_usd} USD, a position of {found.max_position_usd} USD at most"
        yield ok(f"{text}, {found.max_order_rate_per_min} orders a minute")


def _sane(found: RiskLimits) -> Iterator[Finding]:
    if found.max_order_size_usd > found.max_position_usd:
        text = f"max_order_size_usd = {found.max_order_size_usd} is above max_position_usd = {found.max_position_usd}"
        yield warn(text, "lower max_order_size_usd: one order can never be as large")


@check("alerts")
def alerts(subject: Subject) -> Iterator[Finding]:
    """Somebody is woken when the system does not help itself."""
    table = subject.config.alerts
    if table is None or not table.targets:
        yield Finding(subject.grave, "no message is sent to anybody", "add [[alerts.targets]] (docs/alerts.md)")
    elif not table.heartbeat_url:
        yield warn("no outside heartbeat: the loss of the machine goes unnoticed", "set heartbeat_url in [alerts]")
    else:
        yield ok(f"{len(table.targets)} targets and an outside heartbeat")


@check("monitoring")
def monitoring(subject: Subject) -> Iterator[Finding]:
    """Prometheus, Grafana and a page show what the system does."""
    config = subject.config
    if config.metrics is None:
        yield warn("no table [metrics]: Prometheus, its rules and Grafana see nothing", "add it (docs/metrics.md)")
    else:
        where = f"{config.metrics.address}:{config.metrics.port or '(any free port)'}"
        yield ok(f"metrics and health at {where}; rules and dashboards are in configs/monitoring")
    if config.dashboard is None:
        yield warn("no table [dashboard]: no page shows orders, positions and halts", "add it (docs/dashboard.md)")
    else:
        yield ok(f"a page at {config.dashboard.address}:{config.dashboard.port or '(any free port)'}")


@check("placement")
def placement(subject: Subject) -> Iterator[Finding]:
    """A strategy that hangs does not hang execution."""
    shared = list(_shared(subject.config))
    for process, names in shared:
        text = f"process {process} has execution and {', '.join(names)}: a frozen hook freezes execution"
        if subject.config.system.mode == "live":
            yield warn(text, "give the strategies a process of their own; until then only the canceller can cancel")
        else:
            yield ok(f"{text}; allowed in mode {subject.config.system.mode}")
    if not shared:
        yield ok("no strategy shares a process with execution")


def _shared(config: Config) -> Iterator[tuple[str, list[str]]]:
    """Each process with an execution and strategies, and the names of these."""
    for process in config.placement:
        kinds = {role: config.kind_of(role) for role in process.roles}
        if EXECUTION in kinds.values() and STRATEGY in kinds.values():
            yield process.name, [role for role, kind in kinds.items() if kind == STRATEGY]
