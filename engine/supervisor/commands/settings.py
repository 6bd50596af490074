"""The commands that set a value while the system runs: parameters, limits, and whether a strategy may trade."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.control import Refused, Request
from engine.supervisor.commands.registry import Argument, command

if TYPE_CHECKING:
    from engine.supervisor.keeper import Keeper


@command(
    "set parameters of a strategy, limits of risk or values of the router; they hold across every restart",
    Argument(
        "owner",
        "text",
        "risk, router or a strategy's name, with the key as in maker.size; without it: list what is set",
    ),
    Argument("values", "table", "the value of that key, or several as key=value: all are set, or none"),
    Argument("drop", "names", "return this key to the file's value"),
    Argument("keep", "names", "keep the set value although the file's value was changed"),
    Argument("expected", "table", ""),  # by name, the text of the value that the operator saw and means to change
)
def set_(
    keeper: "Keeper",
    request: Request,
    owner: str,
    values: Mapping[str, Any],
    drop: list[str],
    keep: list[str],
    expected: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Set values of one owner; the roles confirm the version of the answer in their cells."""
    if not (values or drop or keep):
        raise Refused("set: nothing to set, expected values, drop or keep")
    keeper.settings.expect(owner, expected)
    return keeper.settings.change(owner, values, drop, keep, request.peer, keeper.now_ns)


@command(
    "list the strategies, or let one trade no more and cancel its orders until it is enabled",
    Argument("action", "text", "list (default), enable or disable"),
    Argument("strategy", "strategy", "the strategy's name"),
)
def strategy(keeper: "Keeper", request: Request, action: str, strategy: int) -> Mapping[str, Any]:
    """Enable or disable a strategy: its process runs on, execution refuses its orders and cancels the open ones."""
    if action not in ("enable", "disable") or not strategy:
        raise Refused(f"strategy: expected enable or disable and a strategy, was {action!r} and {strategy}")
    name = next(one.name for one in keeper.config.strategies if one.id == strategy)
    return keeper.settings.set_disabled(name, disabled=action == "disable", peer=request.peer, now_ns=keeper.now_ns)


@command(
    "read the file again, apply the limits, parameters and values of the router that changed, print what needs a start",
    Argument("owners", "table", ""),  # by owner, the names of the changed values that its roles can apply now
    Argument("digest", "text", ""),  # the SHA-256 of the file that was checked, with the file of its limits
)
def reload(keeper: "Keeper", request: Request, owners: Mapping[str, Any], digest: str) -> Mapping[str, Any]:
    """Follow the file that engine-ctl has checked; refused when it is another one by now."""
    from engine.config import ConfigError, limits_file, load  # noqa: PLC0415 - slow to import, and engine-ctl imports this module
    from engine.config.private import replace_private  # noqa: PLC0415

    path = Path(keeper.config.path)
    try:
        text = path.read_bytes()
        if limits_file.digest(path) != digest:
            raise Refused(f"reload: {path} was changed while it was checked: reload again")
        config = load(path)
        versions = keeper.settings.reload(config, owners, request.peer, keeper.now_ns)
        replace_private(keeper.config.paths.sound, text)
        limits_file.keep_copy(path, keeper.config.paths.sound)
    except (ConfigError, OSError) as error:
        raise Refused(f"reload: {error}") from error
    return {"versions": versions}
