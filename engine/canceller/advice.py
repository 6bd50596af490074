"""What an operator should know before a start: where no process cancels, with which key, and what delays cancels."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.config.accounts import accounts_of

if TYPE_CHECKING:
    from engine.config import Config


def advice(config: "Config") -> Iterator[str]:
    """One line for each point; none for a system that sends no orders. `engine-ctl check` and `preflight` show them."""
    if not config.strategies or not config.venues or config.system.mode == "replay":
        return
    if not config.canceller.enabled:
        yield (
            "[canceller] enabled = false: no process cancels the orders of an execution that is dead or frozen; delete"
            " this key"
        )
    else:
        yield from _keys(config)
    if config.system.mode == "live":
        yield from _shared(config)


def _keys(config: "Config") -> Iterator[str]:
    """Accounts whose canceller uses the key that execution trades with."""
    names = {account.venue.name for account in accounts_of(config) if account.venue.cancel_api_key is None}
    for name in sorted(names):
        yield (
            f"venue {name}: the canceller uses the key that execution trades with, so it cannot cancel when this key is"
            " revoked or banned: add cancel_api_key and cancel_private_key to the venue's table"
        )


def _shared(config: "Config") -> Iterator[str]:
    """Processes in which a hook of a strategy can freeze an execution."""
    strategies = {one.name for one in config.strategies}
    for process in config.placement:
        hooks = [role for role in process.roles if role in strategies]
        if hooks and (executions := [role for role in process.roles if role in config.execution_names]):
            yield (
                f"process {process.name}: a hook of {', '.join(hooks)} that does not return also stops"
                f" {', '.join(executions)}; then only the canceller cancels, after watch.late_ms ="
                f" {config.watch.late_ms}: give each a process of its own"
            )
