"""The tables of a configuration file, each key with its type, its bounds and its default."""

import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from engine.config.paths import Paths
from engine.config.secret import Secret

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,30}$", description="a-z, 0-9 and _, 31 at most")]
VenueName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,15}$", description="a-z, 0-9 and _, 16 at most")]
Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]  # the size of the symbol in the INSTRUMENT record
Target = Annotated[str, msgspec.Meta(pattern=r"^[\w.]+:\w+$", description='"module:name"')]
Id = Annotated[int, msgspec.Meta(ge=1, lt=1 << 24)]
StrategyId = Annotated[
    int, msgspec.Meta(ge=1, lt=1 << 23)
]  # it is part of the ids of intents: engine/model/intent_id.py
Interval = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,3}[smhd]$", description='like "1s", "5m", "1h", "1d"')]
Milliseconds = Annotated[int, msgspec.Meta(ge=1, le=3_600_000)]
MS = 1_000_000

FACTORIES = {
    "feed": "engine.feed:build",
    "strategy": "engine.strategy:build",
    "execution": "engine.execution:build",
    "aggregation": "engine.aggregation:build",
    "canceller": "engine.canceller:build",
    "monitor": "engine.monitor.recount:build",
    "alerts": "engine.alerts:build",
    "router": "engine.router:build",
    "recorder": "engine.recorder:build",
    "metrics": "engine.metrics:build",
    "dashboard": "engine.dashboard:build",
}
SUPERVISOR, AGGREGATION, CANCELLER, MONITOR, ALERTS = "supervisor", "aggregation", "canceller", "monitor", "alerts"
RECORDER, METRICS, DASHBOARD = "recorder", "metrics", "dashboard"
ACCOUNT_SHOWN = 21  # letters of an account in the name of its canceller, so that this name is a Name too
FEED, EXECUTION, STRATEGY, ROUTER = "feed", "execution", "strategy", "router"


class ConfigError(ValueError):
    """The file is wrong; the text names the place, the value and what was expected."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: immutable; an unknown key is an error."""


class System(Table, frozen=True, kw_only=True):
    """The system's name, its mode and the place of its files."""

    name: Name  # lanes are /dev/shm/steelyard.<name>.<lane>
    mode: Literal["live", "paper", "replay"] = "paper"
    run_directory: str = ""  # see engine/config/paths.py for the default
    state_directory: str = ""
    group: str = ""  # a group of this machine whose members may open the control socket and read the lanes
    halt_group: str = ""  # one whose members may write the halt word: a halt by them needs no supervisor
    env_file: str = ""  # NAME=value lines for secrets; a relative path starts at this file's directory


class Live(Table, frozen=True, kw_only=True):
    """The safety catch: orders are sent to another machine only in mode live and with `armed`."""

    armed: bool = False
    accepted_only: bool = False  # in mode live every strategy needs `accepted`, and that verdict


class Operator(Table, frozen=True, kw_only=True):
    """Another user of this machine who may send commands. The system's own user and root may do everything."""

    user: Annotated[str, msgspec.Meta(min_length=1)]
    may: Literal["look", "halt", "trade"]  # each includes the ones before it


class Venue(Table, frozen=True, kw_only=True):
    """A venue with its URLs and its keys."""

    name: VenueName
    kind: Name  # the folder under engine/venues
    stream_url: str = ""  # market data
    request_url: str = ""  # REST
    order_url: str = ""  # orders and user data
    order_request_url: str = ""  # REST of orders and user data; empty: request_url
    api_key: Secret | None = None
    private_key: Secret | None = None
    passphrase: Secret | None = None  # for a key that needs one
    cancel_api_key: Secret | None = None  # the canceller's own key; without it the canceller uses the key above
    cancel_private_key: Secret | None = None
    options: dict[str, Any] = {}  # options of this kind of venue

    @property
    def order_rest(self) -> str:
        """The key with the URL of REST of orders and user data, where a canceller sends its requests."""
        return "order_request_url" if self.order_request_url else "request_url"


SECRET_KEYS = tuple(one.name for one in msgspec.structs.fields(Venue) if Secret in get_args(one.type))


class Instrument(Table, frozen=True, kw_only=True):
    """Our id for a venue's symbol; decimals, steps and minima come from the venue."""

    id: Id
    venue: VenueName
    symbol: Symbol
    alarm_spread_bps: Annotated[float, msgspec.Meta(ge=0)] = 0.0  # a wider spread raises an alarm; 0: none


class Feed(Table, frozen=True, kw_only=True):
    """A feed process of its own for some venues, with its own lanes. Without any, the role feed has every venue.

    A replay has only the role feed: it reads the recordings of all venues in the order of their times.
    """

    name: Name  # also its role's name
    venues: Annotated[tuple[VenueName, ...], msgspec.Meta(min_length=1)]


class Account(Table, frozen=True, kw_only=True):
    """An account with an execution of its own. Without any, the role execution trades the only venue, as number 1."""

    name: Name  # also the name of its execution's role
    number: Annotated[int, msgspec.Meta(ge=1, le=65_535)]  # in records
    venue: VenueName  # where it trades; the keys are those of the venue's table


class Strategy(Table, frozen=True, kw_only=True, rename={"class_path": "class"}):
    """A strategy: a class, its parameters and its permitted instruments."""

    name: Name  # also its role's name
    id: StrategyId
    class_path: Target
    instruments: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1)]
    parameters: dict[str, Any] = {}
    cadence_ms: Annotated[int, msgspec.Meta(ge=0, le=3_600_000)] = 0  # reads market data this often; 0: at once
    on_death: Literal["keep", "cancel", "flatten"] = "keep"  # what happens to its orders, and positions, when it dies
    accepted: str = ""  # the file of python -m research.accept; a relative path starts at this file's directory


UNLIMITED = "unlimited"
SCHEDULE = r"^(other|batch|(fifo|rr):[1-9][0-9]?)?$"
Schedule = Annotated[str, msgspec.Meta(pattern=SCHEDULE, description='like "fifo:10", "rr:10", "batch" or "other"')]


Amount = Annotated[
    Annotated[int, msgspec.Meta(ge=0)] | Literal["unlimited"],
    msgspec.Meta(description=f'a whole number of at least 0, or "{UNLIMITED}"'),
]


class ResourceLimits(Table, frozen=True, kw_only=True):
    """The limits of a process that the kernel keeps; None: as it is started."""

    nofile: Amount | None = None
    memlock: Amount | None = None
    core: Amount | None = None

    @property
    def given(self) -> dict[str, int | str]:
        """The limits that the file has, by name."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


class Process(Table, frozen=True, kw_only=True):
    """A process: the roles in it, or a command that the supervisor runs beside the roles."""

    name: Name
    roles: tuple[Name, ...] = ()
    command: tuple[str, ...] = ()  # {python}, {config} (this file), {here} (its directory), {run}, {state} are replaced
    started_by: Literal["supervisor", "systemd"] = "supervisor"  # systemd: by the unit steelyard-role@SYSTEM-PROCESS
    ready_line: bool = False  # the command writes one line to stdout when the next processes may start
    cores: tuple[Annotated[int, msgspec.Meta(ge=0)], ...] = ()
    wait: Literal["spin", "block"] = "block"
    environment: dict[str, str] = {}
    schedule: Schedule = ""  # the scheduling class; "": as it is started
    nice: Annotated[int, msgspec.Meta(ge=-20, le=19)] = 0
    lock_memory: bool = False  # the memory is never paged out
    numa_node: Annotated[int, msgspec.Meta(ge=0, lt=1024)] | None = None  # of its memory and its segments
    limits: ResourceLimits = ResourceLimits()

    @property
    def places_itself(self) -> bool:
        """Whether a key is set that only a process of roles applies, at its own start."""
        return bool(self.schedule or self.nice or self.lock_memory or self.limits.given) or self.numa_node is not None


PAGE_MIB = 1 / 256  # a journal segment is a whole number of pages


class Journal(Table, frozen=True, kw_only=True):
    """When the journal is flushed to disk: by the kernel (none), every `batch_ms` (batch), before each send (each)."""

    sync: Literal["none", "batch", "each"] = "batch"
    batch_ms: Milliseconds = 5
    directory: str = ""  # default: the state directory
    segment_mib: Annotated[float, msgspec.Meta(ge=0.0625, le=4096, multiple_of=PAGE_MIB)] = 4


class Watch(Table, frozen=True, kw_only=True):
    """The time limits by which the supervisor judges processes."""

    beat_ms: Milliseconds = 20
    start_limit_ms: Milliseconds = 300_000  # from the start to RUNNING; execution replays its journal in this time
    start_still_ms: Milliseconds = 30_000  # a process that uses no CPU for this time while it starts is frozen
    late_ms: Milliseconds = 250  # a frozen process is found within twice this time (supervisor/processes/freeze.py)
    frozen_ms: Milliseconds = 2_000  # one that waits for a CPU or the disk is replaced after this time without a beat
    drain_limit_ms: Milliseconds = 5_000
    backoff_first_ms: Milliseconds = 50
    backoff_cap_ms: Milliseconds = 2_000
    death_limit: Annotated[int, msgspec.Meta(ge=1)] = 5  # after so many deaths in the window: halt, then start slowly
    death_window_ms: Milliseconds = 60_000
    slow_retry_ms: Milliseconds = 10_000
    restart_limit_ms: Milliseconds = 60_000  # a process that should run and does not for this time: no watchdog is fed
    supervisor_frozen_ms: Milliseconds = 3_000  # no beat of the supervisor for this time: its guard starts another
    supervisor_alarm_ms: Milliseconds = 5_000  # no beat of the supervisor for this time: execution logs an alarm
    supervisor_lost_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)] = 30_000  # then exits only; 0: never


class Canceller(Table, frozen=True, kw_only=True):
    """The process that cancels what an execution left open at its venue; one for each execution, without its journal.

    A frozen execution counts as such after `watch.late_ms`.
    """

    enabled: bool = True
    dead_ms: Milliseconds = 5_000  # an execution dead for so long is cancelled for; a successor is normally faster
    foreign: bool = False  # also cancel open orders of the account that are not of this system
    stop_limit_ms: Milliseconds = 30_000  # how long `down` waits until the venue lists no open order


class Monitor(Table, frozen=True, kw_only=True):
    """The process that recomputes positions and profit from the fills; a file with this table has the role monitor."""

    late_ms: Milliseconds = 1_000  # no heartbeat of the monitor for this time: only exits; of execution: an alarm
    differs_ms: Milliseconds = 1_000  # a difference that lasts for so long halts its instrument
    check_ms: Milliseconds = 100  # from comparison to comparison


class Group(Table, frozen=True, kw_only=True):
    """The same asset pair at several venues, when base, quote and kind differ."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=47)]
    instruments: Annotated[tuple[Id, ...], msgspec.Meta(min_length=1, max_length=16)]


class Aggregation(Table, frozen=True, kw_only=True):
    """Bars, global books and opportunities of all venues; a file with this table has the role aggregation."""

    bars: tuple[Interval, ...] = ("1s", "1m", "5m", "1h", "1d")
    bar_time: Literal["receive", "venue"] = "receive"  # which time of a print selects its bar
    bar_grace_ms: Milliseconds = 20  # how long a bar waits for late prints; less than the shortest bar
    bar_ahead_ms: Milliseconds = 5_000  # a venue's time further ahead of ours is replaced by the time of receipt
    stale_ms: Milliseconds = 5_000  # books and prints of a feed that is older than this are not used
    taker_fee_bps: dict[Name, Decimal] = {}  # by venue; required when an asset pair is at two venues
    min_edge_bps: Decimal = Decimal(0)  # opportunities with less after fees are not published
    change_bps: Decimal = Decimal("0.1")  # an open one is published again when a price, limit or edge moved so far,
    change_share: Decimal = Decimal("0.1")  # or its size by this share; 0 and 0: at every change
    groups: tuple[Group, ...] = ()  # other instruments are grouped by base, quote, kind and multiplier


class Route(Table, frozen=True, kw_only=True):
    """One asset pair that accounts trade at several venues: the router splits an order over these instruments."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=47)]
    instruments: Annotated[tuple[Id, ...], msgspec.Meta(min_length=2, max_length=16)]  # each at a venue of its own


class Router(Table, frozen=True, kw_only=True):
    """Orders that span accounts; a file with this table has the role router. docs/router.md explains each key."""

    routes: Annotated[tuple[Route, ...], msgspec.Meta(min_length=1)]
    taker_fee_bps: dict[Name, Decimal]  # by venue; every venue of a route
    latency_bps_per_ms: Annotated[float, msgspec.Meta(ge=0, le=1_000)] = (
        0.05  # how far a quote may move while an order is on its way
    )
    ack_first_ms: Milliseconds = 5  # the median acknowledgement of an account that has none yet
    child_ttl_ms: Milliseconds = 250  # execution refuses a child that it reads later than this
    book_age_ms: Milliseconds = 1_000  # an older book receives no share
    silent_ms: Milliseconds = 500  # an execution without a heartbeat for longer receives no share
    refused_ms: Milliseconds = 500  # an account that refused or rejected a share receives none for so long
    wave_ms: Milliseconds = 5  # between two waves of one parent at least
    deadline_ms: Milliseconds = 60_000  # when a parent without a time of its own ends


class Budgets(Table, frozen=True, kw_only=True):
    """Caps that span accounts: the router gives each account a share, and execution keeps to it."""

    max_gross_usd: Annotated[float, msgspec.Meta(gt=0, le=1e12)]  # of all accounts: the sum of their gross worst cases
    stale_ms: Milliseconds = 500  # an execution whose share was not confirmed for longer sends exits only


class Alerts(Table, frozen=True, kw_only=True):
    """Messages to people; a file with this table has the role alerts. docs/alerts.md lists the causes."""

    targets: tuple[dict[str, Any], ...] = ()  # each: name, kind, least, and the keys of its kind
    heartbeat_url: str | Secret = ""  # requested while the system is healthy; "": there is no outside heartbeat
    heartbeat_every_ms: Milliseconds = 60_000
    check_ms: Milliseconds = 250  # how often cells, files and disks are read; the end of a process is seen at once
    repeat_ms: Milliseconds = 60_000  # a cause that lasts or comes again: from message to message, three times longer
    repeat_cap_ms: Annotated[int, msgspec.Meta(ge=1, le=604_800_000)] = 3_600_000  # until so long
    over_ms: Milliseconds = 5_000  # a cause that is absent for so long is over
    frozen_ms: Milliseconds = 2_000  # a role or the supervisor without a beat for longer is frozen
    down_ms: Milliseconds = 3_000  # a process that is dead for longer is not started again by itself
    book_ms: Milliseconds = 30_000  # a book that is not good for longer
    order_ms: Milliseconds = 10_000  # an order without the venue's answer for longer
    router_ms: Milliseconds = 1_000  # no step of the router for longer while routed orders are open
    parent_ms: Milliseconds = 2_000  # a routed order that is open for longer after its deadline
    session_ms: Milliseconds = 10_000  # an order session that is not ready for longer
    clock_ms: Milliseconds = 500  # a step of the wall clock
    anomaly_z: Annotated[float, msgspec.Meta(ge=0)] = 6.0  # so many deviations from what is normal; 0: not checked
    anomaly_warm: Annotated[int, msgspec.Meta(ge=10, le=86_400)] = 300  # seconds in which what is normal is learned
    disk_free_mib: Annotated[int, msgspec.Meta(ge=0)] = 256  # less free space for the state or the journal
    shm_free_mib: Annotated[int, msgspec.Meta(ge=0)] = 8  # less free space in /dev/shm


class Recorder(Table, frozen=True, kw_only=True):
    """Every lane to disk; a file with this table has the role recorder. docs/history.md explains each key."""

    directory: str = ""  # default: `history` in the state directory
    lanes: tuple[str, ...] = ()  # only these lanes of the map; (): every lane
    flush_ms: Milliseconds = 100  # the longest time from a record on its ring to its part
    cell_ms: Milliseconds = 100  # from sample to sample of the cells
    part_mib: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 64  # a part ends at this size,
    part_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 600  # or at this age
    free_mib: Annotated[int, msgspec.Meta(ge=0)] = 1024  # with less free space on the disk nothing is recorded
    seal_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 600  # from sealing to sealing; 0: only by command
    hot: tuple[str, ...] = ("ticks",)  # the lanes whose sealed days are also kept as mapped arrays
    keep_days: Annotated[int, msgspec.Meta(ge=0)] = 0  # sealed days older than so many are removed; 0: none is
    keep_days_of: dict[str, Annotated[int, msgspec.Meta(ge=0)]] = {}  # the same of single lanes, in place of keep_days


BUDGETS_US = {"decode": 10.0, "book": 5.0, "strategy": 50.0, "gate": 10.0, "submit": 30.0}


class Latency(Table, frozen=True, kw_only=True):
    """How long each hop may take, in microseconds: `engine-ctl latency` shows what keeps to it."""

    budgets: dict[str, Annotated[float, msgspec.Meta(gt=0, le=1e9)]] = msgspec.field(default_factory=BUDGETS_US.copy)


class Otlp(Table, frozen=True, kw_only=True):
    """Where the metrics are pushed by OTLP/HTTP; docs/metrics.md."""

    url: Annotated[str, msgspec.Meta(min_length=1)]  # the collector's address, or the whole path
    headers: dict[str, str | Secret] = {}
    every_ms: Annotated[int, msgspec.Meta(ge=500, le=3_600_000)] = 10_000


class Metrics(Table, frozen=True, kw_only=True):
    """Prometheus and health over HTTP; a file with this table has the role metrics. docs/metrics.md explains them."""

    address: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 9464  # 0: any free one; the log names it
    token: str | Secret = ""  # what a request must carry; needed where other machines reach the address
    every_ms: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 500  # from reading to reading; one of 2 s is unhealthy
    otlp: Otlp | None = None  # also pushed to a collector


class Dashboard(Table, frozen=True, kw_only=True):
    """One web page; a file with this table has the role dashboard. docs/dashboard.md describes it."""

    address: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 9470  # 0: any free one; the log names it
    token: str | Secret = ""  # with which a page is opened; needed where other machines reach the address
    hosts: tuple[Annotated[str, msgspec.Meta(pattern=r"^[^\s/@]+:\d+$")], ...] = ()  # further NAME:PORT, of a proxy
    frames_per_s: Annotated[int, msgspec.Meta(ge=1, le=60)] = 20
    rights: Literal["look", "halt", "trade"] = "look"  # what a page may do: see, halt and cancel, everything


class Config(Table, frozen=True, kw_only=True):
    """One complete system."""

    system: System
    live: Live = Live()
    venues: tuple[Venue, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    feeds: tuple[Feed, ...] = ()
    accounts: tuple[Account, ...] = ()
    strategies: tuple[Strategy, ...] = ()
    processes: tuple[Process, ...] = ()
    operators: tuple[Operator, ...] = ()
    roles: dict[Name, Target] = {}  # additional roles, or another factory for a known role
    journal: Journal = Journal()
    watch: Watch = Watch()
    canceller: Canceller = Canceller()
    monitor: Monitor | None = None
    risk_limits: str = ""  # a file with keys of [risk]; a relative path starts at this file's directory
    feed: dict[str, Any] = {}
    risk: dict[str, Any] = {}
    execution: dict[str, Any] = {}
    aggregation: Aggregation | None = None
    alerts: Alerts | None = None
    router: Router | None = None
    budgets: Budgets | None = None
    recorder: Recorder | None = None
    metrics: Metrics | None = None
    dashboard: Dashboard | None = None
    latency: Latency = Latency()
    path: str = ""  # the file it was read from; set by load

    @property
    def paths(self) -> Paths:
        """The places of the system's files."""
        return Paths.of(self.system.name, self.system.run_directory, self.system.state_directory)

    @property
    def orders_may_leave(self) -> bool:
        """Whether orders may be sent to an address of another machine."""
        return self.system.mode == "live" and self.live.armed

    @property
    def role_names(self) -> tuple[str, ...]:
        """Every role, in the order of start; a role's number in records is its position here, from 1."""
        return tuple(role for process in self.placement for role in process.roles)

    @property
    def placement(self) -> tuple[Process, ...]:
        """The processes of the file, or one for each role when it has none with roles; then those of the attendants.

        The attendants come last, so the numbers of the other roles are as without them.
        """
        placed = self.processes
        if not any(process.roles for process in self.processes):
            placed += tuple(Process(name=role, roles=(role,)) for role in self.expected_roles)
        known = {role for process in placed for role in process.roles}
        return placed + tuple(self._alone(role, placed) for role in self.attendants if role not in known)

    def _alone(self, role: str, placed: tuple[Process, ...]) -> Process:
        """The process of an attendant; a canceller has the environment of its execution, which may hold its keys."""
        execution = self.execution_of_canceller(role)
        environment = next((one.environment for one in placed if execution in one.roles), {})
        return Process(name=role, roles=(role,), environment=environment)

    @property
    def attendants(self) -> tuple[str, ...]:
        """The roles that get a process of their own where the file places them in none."""
        monitor = (MONITOR,) if self.monitored_executions else ()
        alerts = (ALERTS,) if self.alerts is not None else ()
        tables = ((RECORDER, self.recorder), (METRICS, self.metrics), (DASHBOARD, self.dashboard))
        return (*self.cancellers, *monitor, *alerts, *(role for role, table in tables if table is not None))

    @property
    def monitored_executions(self) -> tuple[str, ...]:
        """The executions that the monitor watches; none without its table, without a strategy, and in a replay."""
        if self.monitor is None or not (self.strategies and self.venues) or self.system.mode == "replay":
            return ()
        return self.execution_names

    @property
    def cancellers(self) -> dict[str, str]:
        """The execution of each canceller's role; none in a replay, without a strategy, or when it is turned off."""
        if not (self.canceller.enabled and self.strategies and self.venues) or self.system.mode == "replay":
            return {}
        ours = [role for role in self.execution_names if self.factory(role) == FACTORIES[EXECUTION]]
        return {self.canceller_of(role): role for role in ours}

    def canceller_of(self, execution: str) -> str:
        """The role that cancels for this execution: `canceller`, or that of an account after its name."""
        return f"{execution[:ACCOUNT_SHOWN]}_{CANCELLER}" if self.accounts else CANCELLER

    def execution_of_canceller(self, role: str) -> str:
        """The execution whose orders a canceller's role cancels; empty for another role."""
        return self.cancellers.get(role, "")

    @property
    def running_feeds(self) -> tuple[Feed, ...]:
        """The feeds with venues of their own; none in a replay, where one role reads every recording in its order."""
        return self.feeds if self.system.mode != "replay" else ()

    @property
    def feed_names(self) -> tuple[str, ...]:
        """Every feed's role."""
        return tuple(feed.name for feed in self.running_feeds) or (FEED,)

    @property
    def execution_names(self) -> tuple[str, ...]:
        """The names of the execution roles: one for each account. A replay runs without them."""
        return tuple(account.name for account in self.accounts) or (EXECUTION,)

    @property
    def expected_roles(self) -> tuple[str, ...]:
        """The roles that the tables need; executions only with a strategy, and never in a replay."""
        trading = self.execution_names if self.strategies and self.system.mode != "replay" else ()
        market = (*self.feed_names, *trading) if self.venues else ()
        extra = tuple(role for role in self.roles if role not in FACTORIES)
        aggregation = (AGGREGATION,) if self.aggregation is not None else ()
        return market + aggregation + self.router_names + extra + tuple(strategy.name for strategy in self.strategies)

    @property
    def router_names(self) -> tuple[str, ...]:
        """The router's role, where it runs; none in a replay, where no order leaves."""
        runs = self.router is not None and self.strategies and self.system.mode != "replay"
        return (ROUTER,) if runs else ()

    def lane(self, lane: str, each: str = "") -> str:
        """The segment name of a lane; with `each`, of the lane of this owner."""
        return f"{self.system.name}.{lane}.{each}" if each else f"{self.system.name}.{lane}"

    def role_number(self, role: str) -> int:
        """A role's number in records."""
        return self.role_names.index(role) + 1

    def factory(self, role: str) -> str:
        """A role's factory as "module:function", which is called with the configuration and the role's name."""
        return {**FACTORIES, **self.roles}[self.kind_of(role)]

    def kind_of(self, role: str) -> str:
        """A role's name in the map of lanes and among the factories: "strategy" for every strategy."""
        if any(strategy.name == role for strategy in self.strategies):
            return STRATEGY
        if role in self.feed_names:
            return FEED
        if role in self.execution_names:
            return EXECUTION
        return CANCELLER if role in self.cancellers else role

    def feed_venues(self, role: str) -> tuple[Venue, ...]:
        """The venues of a feed's role."""
        named = {venue for feed in self.running_feeds if feed.name == role for venue in feed.venues}
        return tuple(venue for venue in self.venues if not self.running_feeds or venue.name in named)

    def feed_of(self, venue: str) -> str:
        """The role of the feed that has this venue."""
        return next((feed.name for feed in self.running_feeds if venue in feed.venues), self.feed_names[0])

    def execution_of(self, venue: str) -> str:
        """The role of the execution that trades at this venue."""
        return next((one.name for one in self.accounts if one.venue == venue), self.execution_names[0])

    def venue(self, name: str) -> Venue:
        """The venue of this name."""
        return next(venue for venue in self.venues if venue.name == name)

    def instrument(self, instrument_id: int) -> Instrument:
        """The instrument of this id."""
        return next(instrument for instrument in self.instruments if instrument.id == instrument_id)

    def strategy(self, name: str) -> Strategy:
        """The strategy of this name."""
        return next(strategy for strategy in self.strategies if strategy.name == name)

    def process(self, name: str) -> Process:
        """The process of this name."""
        return next(process for process in self.placement if process.name == name)

    def command(self, process: Process) -> list[str]:
        """What to execute for a process."""
        if process.command:
            return list(process.command)
        return [sys.executable, "-m", "engine.runtime", *self.runtime_arguments(process)]

    def runtime_arguments(self, process: Process) -> list[str]:
        """The arguments of `engine.runtime` for a process of roles; a canceller can start from the file's copy."""
        copy = ["--copy", str(self.paths.sound)] if self._cancels(process) else []
        return ["--config", str(Path(self.path).resolve()), "--process", process.name, *copy]

    def drain_limit_ms(self, process: Process) -> int:
        """How long a process may take to end; a canceller lists until no order can arrive any more."""
        return self.canceller.stop_limit_ms if self._cancels(process) else self.watch.drain_limit_ms

    def late_ms(self, process: Process) -> int:
        """From when a process without a heartbeat is late: one with a slow strategy has twice the cadence."""
        cadences = [one.cadence_ms for one in self.strategies if one.name in process.roles]
        return max([self.watch.late_ms, *(2 * one for one in cadences)])

    def _cancels(self, process: Process) -> bool:
        return any(role in self.cancellers for role in process.roles)
