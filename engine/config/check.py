"""What spans the tables of a configuration: names that must exist, be unique, and be placed once.

Each problem is a key, its value and what was expected. `load` refuses the file with the first.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from engine.config.tables import (
    AGGREGATION,
    CANCELLER,
    EXECUTION,
    FACTORIES,
    FEED,
    RECORDER,
    SUPERVISOR,
    Aggregation,
    Config,
    Router,
)

HISTORIES = (("risk", "var_history"), ("execution", "volume_profile"))  # keys: a file, or the recorder's history
GROUP_NAME_BYTES = 47  # the size of the name in the group's record

Problem = tuple[str, object, str]


def check(config: Config) -> Iterator[Problem]:
    """Check what spans tables: each problem is a key, its value and what was expected."""
    yield from _check_unique("venues", "name", [venue.name for venue in config.venues])
    yield from _check_unique("instruments", "id", [instrument.id for instrument in config.instruments])
    yield from _check_unique("strategies", "id", [strategy.id for strategy in config.strategies])
    yield from _check_unique("processes", "name", [process.name for process in config.processes])
    yield from _check_unique("operators", "user", [one.user for one in config.operators])
    yield from _check_names(config)
    yield from _check_feeds(config)
    yield from _check_accounts(config)
    yield from _check_references(config)
    for table, key in HISTORIES:
        if getattr(config, table).get(key) == RECORDER and config.recorder is None:
            yield f"{table}.{key}", RECORDER, "expected the table [recorder] too: it records the bars"
    if config.budgets is not None and (config.router is None or not config.accounts):
        yield "budgets", None, "expected the tables [router] and [[accounts]] too: the router gives the budgets out"
    if config.router is not None:
        yield from _check_router(config, config.router)
    yield from _check_placement(config)
    yield from _check_aggregation(config)
    yield from _check_watch(config)


def _check_unique(table: str, key: str, values: Iterable[object]) -> Iterator[Problem]:
    for value, count in Counter(values).items():
        if count > 1:
            yield f"{table}.{key}", value, f"expected a unique value, found it {count} times"


def _check_names(config: Config) -> Iterator[Problem]:
    """The name of a feed, an account or a strategy is also the name of its role, so no other role may have it."""
    names = {
        "feeds": [feed.name for feed in config.feeds],
        "accounts": [account.name for account in config.accounts],
        "strategies": [strategy.name for strategy in config.strategies],
    }
    own = {"feeds": {FEED}, "accounts": {EXECUTION}}  # the only one may be called like its kind
    for table, of_table in names.items():
        yield from _check_unique(table, "name", of_table)
        others = {name for other in names if other != table for name in names[other]}
        used = ({*FACTORIES, SUPERVISOR, *config.roles} - own.get(table, set())) | others
        for number, name in enumerate(of_table):
            if name in used:
                yield f"{table}[{number}].name", name, "expected a name that no other role has"
    if SUPERVISOR in config.roles:
        yield "roles.supervisor", config.roles[SUPERVISOR], "expected another name: the supervisor has this one"


def _check_feeds(config: Config) -> Iterator[Problem]:
    """Every venue that has instruments is in exactly one feed."""
    venues = {venue.name for venue in config.venues}
    named = [venue for feed in config.feeds for venue in feed.venues]
    yield from _check_unique("feeds", "venues", named)
    for number, feed in enumerate(config.feeds):
        for venue in feed.venues:
            if venue not in venues:
                yield f"feeds[{number}].venues", venue, f"expected one of the venues: {_list(venues)}"
    if config.feeds:
        for venue in sorted({one.venue for one in config.instruments} - set(named)):
            yield "feeds.venues", None, f"missing: the venue {venue!r} has instruments, add it to one of [[feeds]]"


def _check_accounts(config: Config) -> Iterator[Problem]:
    """Each account trades at a venue of its own; what a strategy trades is at the venue of an account."""
    venues = {venue.name for venue in config.venues}
    traded = [account.venue for account in config.accounts]
    yield from _check_unique("accounts", "number", [account.number for account in config.accounts])
    for number, account in enumerate(config.accounts):
        if account.venue not in venues:
            yield f"accounts[{number}].venue", account.venue, f"expected one of the venues: {_list(venues)}"
    for venue, count in Counter(traded).items():
        if count > 1:
            yield "accounts.venue", venue, f"expected one account at each venue, found {count}"
    if config.accounts and config.system.mode != "replay":
        yield from _check_traded(config, set(traded))


def _check_traded(config: Config, traded: set[str]) -> Iterator[Problem]:
    venue_of = {instrument.id: instrument.venue for instrument in config.instruments}
    for number, strategy in enumerate(config.strategies):
        for one in strategy.instruments:
            if venue_of.get(one, "") not in traded and one in venue_of:
                text = f"expected an instrument at a venue with an account: {_list(traded)}; found {venue_of[one]}"
                yield f"strategies[{number}].instruments", one, text


def _check_references(config: Config) -> Iterator[Problem]:
    """Every venue and instrument that is named must be in its table."""
    venues = {venue.name for venue in config.venues}
    instruments = {instrument.id for instrument in config.instruments}
    yield from _check_unique("instruments", "symbol", [f"{one.venue}:{one.symbol}" for one in config.instruments])
    for number, instrument in enumerate(config.instruments):
        if instrument.venue not in venues:
            yield f"instruments[{number}].venue", instrument.venue, f"expected one of the venues: {_list(venues)}"
    for number, strategy in enumerate(config.strategies):
        for instrument_id in strategy.instruments:
            if instrument_id not in instruments:
                yield (
                    f"strategies[{number}].instruments",
                    instrument_id,
                    f"expected an instrument's id: {_list(instruments)}",
                )


def _check_aggregation(config: Config) -> Iterator[Problem]:
    """The role needs its table; each instrument is in one group at most; fees name venues of the file."""
    table = config.aggregation
    if table is None:
        if AGGREGATION in config.role_names:
            yield "aggregation", None, "missing: a process has the role aggregation, add the table [aggregation]"
        return
    instruments = {instrument.id for instrument in config.instruments}
    grouped = [instrument for group in table.groups for instrument in group.instruments]
    yield from _check_unique("aggregation.groups", "instruments", grouped)
    yield from _check_unique("aggregation.groups", "name", [group.name for group in table.groups])
    for instrument in set(grouped) - instruments:
        yield "aggregation.groups.instruments", instrument, f"expected an instrument's id: {_list(instruments)}"
    for group in table.groups:
        if len(group.name.encode()) > GROUP_NAME_BYTES:
            yield "aggregation.groups.name", group.name, f"expected {GROUP_NAME_BYTES} bytes at most"
    venues = {venue.name for venue in config.venues}
    for venue in set(table.taker_fee_bps) - venues:
        yield f"aggregation.taker_fee_bps.{venue}", None, f"expected one of the venues: {_list(venues)}"
    for venue in sorted(_venues_that_need_a_fee(config, table) - set(table.taker_fee_bps)):
        text = "missing: the same asset pair may trade at this venue and at another, add the venue's taker fee"
        yield f"aggregation.taker_fee_bps.{venue}", None, text


def _check_router(config: Config, router: Router) -> Iterator[Problem]:
    """Each instrument is in one route at most, each of a route at a venue of its own that an account trades."""
    venue_of = {one.id: one.venue for one in config.instruments}
    traded = {account.venue for account in config.accounts}
    named = [one for route in router.routes for one in route.instruments]
    yield from _check_unique("router.routes", "name", [route.name for route in router.routes])
    yield from _check_unique("router.routes", "instruments", named)
    for one in sorted(set(named) - set(venue_of)):
        yield "router.routes.instruments", one, f"expected an instrument's id: {_list(venue_of)}"
    for one in named:
        if venue_of.get(one, "") not in traded and one in venue_of:
            text = f"expected an instrument at a venue with an account: {_list(traded)}; found {venue_of[one]}"
            yield "router.routes.instruments", one, text
    for route in router.routes:
        venues = [venue_of[one] for one in route.instruments if one in venue_of]
        yield from _check_unique(f"router.routes.{route.name}", "venues", venues)
    needed = {venue_of[one] for one in named if one in venue_of}
    for venue in sorted(set(router.taker_fee_bps) - {venue.name for venue in config.venues}):
        yield f"router.taker_fee_bps.{venue}", None, f"expected one of the venues: {_list(needed)}"
    for venue in sorted(needed - set(router.taker_fee_bps)):
        yield f"router.taker_fee_bps.{venue}", None, "missing: a route uses this venue, add its taker fee"


def _venues_that_need_a_fee(config: Config, table: Aggregation) -> set[str]:
    """The venues of groups of several instruments, and of instruments without a group if these are at several venues.

    Base and quote come from the venues only, so this function cannot know which instruments will be grouped.
    """
    venue_of = {instrument.id: instrument.venue for instrument in config.instruments}
    named = [[one for one in group.instruments if one in venue_of] for group in table.groups]
    free = {venue for one, venue in venue_of.items() if not any(one in group for group in named)}
    together = {venue_of[one] for group in named if len(group) > 1 for one in group}
    return together | (free if len(free) > 1 else set())


def _check_watch(config: Config) -> Iterator[Problem]:
    """No role may count as late, or be killed as frozen, before its next heartbeat is due."""
    watch = config.watch
    if watch.late_ms <= watch.beat_ms:
        yield "watch.late_ms", watch.late_ms, f"expected more than watch.beat_ms, which is {watch.beat_ms}"
    if watch.frozen_ms < watch.late_ms:
        yield "watch.frozen_ms", watch.frozen_ms, f"expected at least watch.late_ms, which is {watch.late_ms}"


def _check_processes(config: Config) -> Iterator[Problem]:
    """Each process has roles or a command, and the keys that fit these."""
    for number, process in enumerate(config.processes):
        if bool(process.roles) == bool(process.command):
            yield f"processes[{number}]", None, f"expected exactly one of roles and command in process {process.name!r}"
        if process.ready_line and not process.command:
            yield f"processes[{number}].ready_line", True, "allowed only with a command: roles are ready when they beat"
        if process.command and process.places_itself:
            keys = "schedule, nice, lock_memory, numa_node and limits"
            yield f"processes[{number}]", None, f"a command places itself: delete {keys} of {process.name!r}"
        if process.wait == "spin" and ":" in process.schedule and not process.cores:
            text = "expected cores too: a real-time process that spins keeps all others from its core"
            yield f"processes[{number}].schedule", process.schedule, text
        if process.started_by != "supervisor" and process.command:
            yield f"processes[{number}].started_by", process.started_by, "expected supervisor for a command"


def _check_cadences(config: Config) -> Iterator[Problem]:
    """A slow strategy has a process of its own: its hooks may last as long as its cadence."""
    for number, one in enumerate(config.strategies):
        for process in config.processes:
            if one.cadence_ms and one.name in process.roles and len(process.roles) > 1:
                text = f"expected a process of its own for {one.name!r}: in {process.name!r} its slow hooks delay all"
                yield f"strategies[{number}].cadence_ms", one.cadence_ms, text


def _check_placement(config: Config) -> Iterator[Problem]:
    """Each role is in exactly one process."""
    yield from _check_cadences(config)
    yield from _check_processes(config)
    yield from _check_unique("processes", "roles", config.role_names)
    yield from _check_cancellers(config)
    expected = (*config.expected_roles, *config.attendants)
    for role in config.role_names:
        if role not in {*expected, *config.feed_names, *config.execution_names, AGGREGATION}:
            yield "processes.roles", role, f"expected one of the roles: {_list(config.expected_roles)}"
        if config.system.mode == "replay" and config.kind_of(role) == EXECUTION:
            yield "processes.roles", role, "not allowed with system.mode = replay: no order may leave a replay"
    for role in set(config.expected_roles) - set(config.role_names):
        yield "processes.roles", None, f"missing: no process has the role {role!r}, add it to one"


def _check_cancellers(config: Config) -> Iterator[Problem]:
    """A canceller shares its process with cancellers only, and its name with none; its key is complete."""
    names = {process.name for process in config.processes}
    for process in config.placement[len(config.processes) :]:
        if process.name in names and process.name in config.attendants:
            yield "processes.name", process.name, "expected another name: the process of an attendant has this one"
    for number, process in enumerate(config.processes):
        kinds = {config.kind_of(role) for role in process.roles}
        if CANCELLER in kinds and len(kinds) > 1:
            text = f"expected cancellers only in process {process.name!r}: another role that hangs would stop them too"
            yield f"processes[{number}].roles", None, text
    for number, venue in enumerate(config.venues):
        if (venue.cancel_api_key is None) != (venue.cancel_private_key is None):
            missing = "cancel_private_key" if venue.cancel_private_key is None else "cancel_api_key"
            yield f"venues[{number}].{missing}", None, "missing: the canceller's key has two parts, add it"


def _list(values: Iterable[object]) -> str:
    return ", ".join(map(str, sorted(values, key=str))) or "the file has none"
