"""`engine-ctl reload`: reads the file again, applies what can change in a running system, names what needs a start.

1. the whole file is checked as `check` checks it; a mistake anywhere changes nothing
2. it is compared, key by key, with the configuration that the supervisor has
3. limits of risk, values of the router, and parameters of strategies that accept them, are set as `engine-ctl set`
   sets them
4. every other difference is printed with what has to be started again for it
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine.cli import FAILED
from engine.cli.check import check
from engine.cli.output import choose_system, print_json, print_line
from engine.cli.settings import await_roles, cells_of, class_of, running
from engine.cli.system import call_supervisor, read
from engine.config import Config, limits_file
from engine.config.settings import CAP, LIVE, RISK, ROUTER, owners_of
from engine.config.tables import AGGREGATION, ALERTS, DASHBOARD, EXECUTION, FEED, METRICS, RECORDER

NAMES = ("name", "user", "id")  # what an element of a list is called by, the first that it has
ALL = "engine-ctl down, then up"
OF_KINDS = {
    "feed": FEED, "execution": EXECUTION, "aggregation": AGGREGATION, "alerts": ALERTS, "recorder": RECORDER,
    "metrics": METRICS, "dashboard": DASHBOARD,
}  # fmt: skip


class Difference(NamedTuple):
    """A key that differs between the running configuration and the file."""

    key: str
    before: Any
    after: Any
    owner: str = ""  # whose value it is, if it can change while the system runs
    needs: str = ""  # what has to be started again, if it cannot

    @property
    def name(self) -> str:
        """The value's name among its owner's."""
        return self.key.rpartition(".")[2]


def reload(options: argparse.Namespace) -> int:
    """Check the file, compare, apply, wait for the roles, and print what needs a start."""
    system = choose_system(options.system)
    state = call_supervisor(system, "status")
    digest = limits_file.digest(Path(state["config"]))
    config, before = read(state["config"]), running(state)
    check(config, settings_may_differ=True)
    found = list(differences(before, config))
    owners: dict[str, list[str]] = {}
    for one in found:
        if one.owner:
            owners.setdefault(one.owner, []).append(one.name)
    answer = call_supervisor(system, "reload", owners=owners, digest=digest)
    roles = {
        role: text
        for owner, version in answer["versions"].items()
        for role, text in await_roles(system, cells_of(config, owner), version, options.timeout).items()
    }
    trees = [{"key": one.key, "before": one.before, "after": one.after, "needs": one.needs} for one in found]
    if options.json:
        print_json(options, {"differences": trees, "versions": answer["versions"], "roles": roles})
    else:
        _print(found, roles)
    return 0 if all(text == "applied" for text in roles.values()) else FAILED


def _print(found: list[Difference], roles: Mapping[str, str]) -> None:
    """A line for each difference, and one for each role that applied values."""
    for one in found:
        what = f"needs {one.needs}" if one.needs else "applied"
        print_line(f"{one.key}: {_text(one.before)} -> {_text(one.after)} ({what})")
    for role, text in roles.items():
        print_line(f"{role}: {text}")
    if not found:
        print_line("the file has not changed")


def _text(value: Any) -> str:
    return "-" if value is None else repr(value)


def differences(before: Config, after: Config) -> Iterator[Difference]:
    """Every key with another value, in the order of the file."""
    old, new = flat(msgspec.to_builtins(before)), flat(msgspec.to_builtins(after))
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key) and key != "path":
            yield _judged(before, after, Difference(key, old.get(key), new.get(key)))


def flat(tree: Any, at: str = "") -> dict[str, Any]:
    """The values of nested tables by their dotted keys; an element of a list of tables by its name."""
    if isinstance(tree, dict):
        pairs = [(str(key), value) for key, value in tree.items()]
    elif isinstance(tree, list | tuple) and tree and all(isinstance(one, dict) for one in tree):
        pairs = [(_name_of(one, number), one) for number, one in enumerate(tree)]
    else:
        return {at: tree}
    return {key: value for name, one in pairs for key, value in flat(one, f"{at}.{name}" if at else name).items()}


def _name_of(table: Mapping[str, Any], number: int) -> str:
    return next((str(table[key]) for key in NAMES if key in table), str(number))


def _judged(before: Config, after: Config, one: Difference) -> Difference:
    """The difference with its owner, if the running roles can apply it, else with what it needs."""
    table, _, rest = one.key.partition(".")
    if table == RISK and one.after is not None and _is_live_limit(one.name) and "." not in rest:
        return one._replace(owner=RISK)
    if table == RISK:
        return one._replace(needs=_restart(after, EXECUTION))
    if table in OF_KINDS and any(before.kind_of(role) == OF_KINDS[table] for role in before.role_names):
        return one._replace(needs=_restart(after, OF_KINDS[table]))
    if table in ("router", "budgets") and before.router is not None and after.router is not None:
        return _judged_router(before, after, one)
    name, _, key = rest.partition(".")
    if table == "strategies" and key.startswith("parameters.") and name in owners_of(before):
        return _judged_parameter(after, one, name, key.removeprefix("parameters."))
    return one._replace(needs=ALL)


def _judged_router(before: Config, after: Config, one: Difference) -> Difference:
    """What the router follows while it runs; a route and a fee need its start, `stale_ms` is the executions'."""
    if one.key.removeprefix("router.") in LIVE:
        return one._replace(owner=ROUTER)
    if one.key.startswith("router."):
        return one._replace(needs=_restart_of(after, list(after.router_names)))
    if before.budgets is None or after.budgets is None:
        return one._replace(needs=ALL)
    return one._replace(owner=ROUTER) if one.name == CAP else one._replace(needs=_restart(after, EXECUTION))


def _judged_parameter(after: Config, one: Difference, strategy: str, name: str) -> Difference:
    """A parameter is set where the class accepts it while it runs; a removed one returns to a default at a start."""
    from engine.strategy.api.strategy import defines  # noqa: PLC0415 - a slow import

    live = one.after is not None and "." not in name and defines(class_of(after, strategy), "on_parameters")
    return one._replace(owner=strategy) if live else one._replace(needs=_restart_of(after, [strategy]))


def _is_live_limit(name: str) -> bool:
    from engine.risk.table import is_live  # noqa: PLC0415 - a slow import

    return is_live(name)


def _restart(config: Config, kind: str) -> str:
    return _restart_of(config, [role for role in config.role_names if config.kind_of(role) == kind])


def _restart_of(config: Config, roles: list[str]) -> str:
    """The command that starts these roles again."""
    names = [process.name for process in config.placement if set(roles) & set(process.roles)]
    return f"engine-ctl restart {' '.join(names)}" if names else ALL
