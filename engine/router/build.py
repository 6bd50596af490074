"""Makes the role of a configured system: routes from the table and the instruments' cells, lanes by the map."""

from typing import TYPE_CHECKING

from engine.config.accounts import accounts_of
from engine.instruments import await_all
from engine.lanes import open_role
from engine.router.budgets import Budgets
from engine.router.journal import Journal
from engine.router.lanes import open_router_lanes
from engine.router.offers import Beats, Offers
from engine.router.options import RouterOptions, Tables, cap_of
from engine.router.role import Router
from engine.router.terms import PPM_OF_BPS, Route, make_route, routes_by_instrument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.config import Config
    from engine.model.instrument import Instrument

MS = 1_000_000


def build(config: "Config", name: str) -> Router:
    """The router: what the runtime calls. Waits until the feeds have shown the instruments."""
    assert config.router is not None, "load accepted a system with the role router without its table"
    opened = open_role(config, name)
    ids = [one for route in config.router.routes for one in route.instruments]
    routes = routes_of(config, await_all(opened, ids))
    accounts = sorted({member.account for route in routes for member in route.members})
    options = RouterOptions.of(config.router)
    strategies = {one.id: one.name for one in config.strategies}
    lanes = open_router_lanes(opened, strategies, accounts)
    journal = Journal(
        config.paths.router_journal(config.journal.directory), each=config.journal.sync == "each",
        sync_ns=config.journal.batch_ms * MS if config.journal.sync == "batch" else 0,
    )  # fmt: skip
    alive = {one: Beats(opened.cell_reader("heartbeat", one), options.silent_ns).alive for one in accounts}
    offers = Offers(lanes.books, alive, options.book_age_ns, options.latency_bps_per_ms, options.first_ack_ns)
    budgets = None
    if config.budgets is not None:
        numbers = {account.role: account.number for account in accounts_of(config)}
        back = {role: opened.cell_reader("budgeted", role) for role in numbers}
        budgets = Budgets(
            cap_of(config.budgets), numbers, opened.cell_writer("budgets"), opened.cell_reader("budgets"), back
        )
    names = {account.number: account.role for account in accounts_of(config)}
    number = config.role_number(name)
    return Router(
        number, routes_by_instrument(routes), options, lanes, journal, offers, lambda one: names.get(one, ""),
        Tables(config.router, config.budgets), budgets,
    )  # fmt: skip


def routes_of(config: "Config", instruments: "Sequence[Instrument]") -> list[Route]:
    """The routes of the table [router]; ValueError where one is wrong."""
    assert config.router is not None, "there are routes where there is the table"
    by_id = {one.id: one for one in instruments}
    accounts = {one.venue: config.execution_of(one.venue) for one in instruments}
    fees = {venue: round(bps * PPM_OF_BPS) for venue, bps in config.router.taker_fee_bps.items()}
    return [
        make_route(route.name, [by_id[one] for one in route.instruments], accounts, fees)
        for route in config.router.routes
    ]
