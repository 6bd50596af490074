"""Who owns the lanes that exist once for each: the feeds, executions, strategies and roles of one system.

owners_of(config)      as the configuration orders them
found_owners(...)      as the segments show them, for users without a configuration: engine-ctl, views, research
"""

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import shm
from engine.lanes.map import EXECUTION, FEED, ROLE, ROUTER, STRATEGY, SUPERVISOR, Lane

if TYPE_CHECKING:
    from engine.config import Config


class Owners(NamedTuple):
    """The owners of each kind, in the configuration's order."""

    strategies: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    feeds: tuple[str, ...] = (FEED,)
    executions: tuple[str, ...] = (EXECUTION,)
    routers: tuple[str, ...] = ()  # one at most

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """The owners of a kind."""
        return {
            STRATEGY: self.strategies, ROLE: self.roles, FEED: self.feeds, EXECUTION: self.executions,
            ROUTER: self.routers,
        }[kind]  # fmt: skip

    def of_lane(self, lane: Lane) -> Iterator[str]:
        """The owner of each such lane there is, "" for a lane that exists once. The supervisor has a heartbeat too."""
        if lane.name == "heartbeat":
            return iter((*self.roles, SUPERVISOR))
        return map(".".join, product(*map(self.of_kind, lane.owner_kinds)))

    def lacks(self, lane: Lane, of: str) -> bool:
        """Whether a feed, an execution or a router that `of` names does not exist."""
        named = zip(lane.owner_kinds, of.split("."), strict=False)
        return any(kind in (FEED, EXECUTION, ROUTER) and name not in self.of_kind(kind) for kind, name in named)


def owners_of(config: "Config") -> Owners:
    """The owners that a configuration has. In a replay no execution runs, but its lanes exist."""
    strategies = tuple(strategy.name for strategy in config.strategies)
    return Owners(strategies, config.role_names, config.feed_names, config.execution_names, config.router_names)


def found_owners(system: str, lane: Lane) -> list[str]:
    """The owners of a lane whose segments exist."""
    start = f"{system}.{lane.name}."
    return [name.removeprefix(start) for name in shm.names(system) if name.startswith(start)]
