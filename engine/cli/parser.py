"""The command line of `engine-ctl`: every command with its options, its help and an example."""

import argparse
import math
import platform
from typing import TYPE_CHECKING, Any, TypeAlias

from engine.supervisor.commands import COMMANDS, INSTRUMENT, Command

EPILOG = """\
examples:
  engine-ctl up configs/demo.toml        start a system and wait until every process runs
  engine-ctl ls                          every system of this user, and where its files are
  engine-ctl status                      every process and book; exit 1 when one is unhealthy
  engine-ctl halt                        send no new orders, cancel open ones; survives restarts
  engine-ctl book BTCUSDT                a live ladder, read from shared memory
  engine-ctl shm tail orders --follow    records of a lane as JSON lines
  engine-ctl capture record              record every frame of a running feed to disk
  engine-ctl deaths                      why processes ended, with their last log lines
  engine-ctl autopsy                     what a dead engine left in shared memory
  engine-ctl down                        cancel open orders, stop every process

exit codes: 0 done, 1 refused or unhealthy, 2 wrong use or configuration, 3 not found, 130 interrupted
"""
RAW = argparse.RawDescriptionHelpFormatter
EXAMPLES = {"process": "feed", "strategy": "maker", "instrument": "BTCUSDT", "number": "1"}  # by an argument's kind


def count(text: str) -> int:
    """A whole number of at least 0, from an option's text."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, was {text!r}")
    return int(text)


def duration(text: str) -> float:
    """A finite number of seconds of at least 0, from an option's text."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise argparse.ArgumentTypeError(f"expected a number of seconds of at least 0, was {text!r}")
    return seconds


class Parser(argparse.ArgumentParser):
    """Reports an unknown option of a subcommand with that subcommand's usage, not with the usage of the program."""

    def parse_known_args(  # type: ignore[override] # the stub has an overload for each of the two
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Report the unknown arguments here; argparse would return them to the program's parser."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


class Version(argparse.Action):
    """Reads the version only when `--version` is given."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the version and exit."""
        from importlib import metadata  # noqa: PLC0415 - needs 20 ms to import

        try:
            version = metadata.version("steelyard")
        except metadata.PackageNotFoundError:
            version = "not installed, run from the source tree"
        print(f"engine-ctl {version}, Python {platform.python_version()}")  # noqa: T201
        parser.exit()


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = Parser(
        prog="engine-ctl",
        description="Operate a Steelyard system.",
        epilog=EPILOG,
        formatter_class=RAW,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _system_commands(commands)
    _reading_commands(commands)
    _shm_commands(commands)
    _alert_commands(commands)
    _manual_commands(commands)
    commands.add_parser(
        "capture", help="record a venue's traffic, check a recording (see capture --help)", add_help=False
    )
    return parser


if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[Parser]  # noqa: SLF001 - it has no public name


def _add(
    commands: "Commands", name: str, run: str, text: str, example: str = "", about: str = "", *, tree: bool = True
) -> argparse.ArgumentParser:
    """A command with the options --system and --json."""
    parser = _add_plain(commands, name, run, text, example, about, tree=tree)
    text = "the system, by name or run directory; default: STEELYARD_SYSTEM, else the only one that runs"
    parser.add_argument("--system", default="", metavar="NAME", help=text)
    return parser


def _add_plain(
    commands: "Commands", name: str, run: str, text: str, example: str, about: str = "", *, tree: bool = True
) -> argparse.ArgumentParser:
    """A command with the option --json; a command that gets a configuration file needs no --system."""
    head = text[:1].upper() + text[1:] + "."
    parser = commands.add_parser(
        name,
        help=text,
        description=f"{head}\n\n{about}" if about else head,
        epilog=f"example:\n  engine-ctl {example or name}",
        formatter_class=RAW,
        allow_abbrev=False,
    )
    if tree:
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=f"engine.cli.{run}")
    return parser


UP = """\
Returns when every process runs. An error that the file alone shows is printed before anything is started. A process
that does not come up in time is started again and again, until engine-ctl down."""
CHECK = """\
Converts every table as its role does at a start, and reads the API keys. It starts no process and contacts no venue:
only the running feed finds out whether the venue lists a symbol. Exit 2 when the system cannot be started; the line
names the file, the key, the value and what was expected."""
INIT = """\
The system trades at an embedded venue, so it needs no key and no network: engine-ctl up DIRECTORY/NAME.toml starts it.
A directory with files in it is refused."""
CONFIG_SHOW = """\
With CONFIG: what engine-ctl up would start from this file in this environment. Without: what the running system uses,
from the copy of its file and the environment of its supervisor. Secrets are shown as the variable or the file that
holds them. A text under a name like password or api_key is masked."""
PREFLIGHT = """\
One line for each finding: ok, warn or fail, what was found, and the remedy. Asks each venue for its time, and for the
rights of each account's key; places no order and starts no process. Exit 1 when a check fails."""
DOWN = """\
Execution cancels its open orders. If execution is dead while orders are open, it is started once more to cancel them.
Orders that are left at the venue are listed, and the exit code is 1. Works without a supervisor too."""
LS = """\
Each with its mode, its state, since when, its run directory and its configuration file. Other commands use the only
system that runs; when several run, choose one by --system or STEELYARD_SYSTEM, by name or by run directory."""
STATUS = """\
Exit 1 when a process does not run, the supervisor does not answer, entries are stopped, the order session is not ready,
an instrument or the system is halted, or a book is not followed. A book is not followed when the venue rejects its
subscription, its prices do not fit in 64 bits, its metadata has not arrived, or no message arrived for 10 seconds."""
HALT_ALL = """\
Needs no supervisor: the command writes the halt word in shared memory and the file HALT, waits until every execution
confirms the halt, and then until no order is open or in doubt. The halt survives restarts and a reboot. Without
engine-ctl: touch HALT in the state directory, or kill -USR1 the process of an execution. Exit 1 when an execution does
not confirm, an order is left, or the file cannot be written."""
HALT = f"""{HALT_ALL}

With --venue, --account, --strategy or --instrument only that part is halted; the rest trades on. Exits are refused too.
This needs the supervisor. It is held over every restart, down and up, until resume names the same part."""
RESUME = """\
Without an option the system's halt ends, and every alarm of execution. A halted account, strategy or instrument stays
halted until resume names it, or until resume --all: who ends the system's halt may not know why a part was halted."""
FLATTEN = """\
1. No new orders. 2. Every order of ours that the venue lists is cancelled. 3. Each strategy's position is closed by IOC
limits within exit_collar_bps of a good book; while the book may be wrong, execution waits and shows it. 4. The venue's
open orders, fills and balances confirm it. What is too small for an order remains and is named. Execution continues
after any death, until resume; engine-ctl halt stops the closing and keeps the halt. Without an option it needs no
supervisor. Exit 1 when it is not flat in time; execution goes on."""
CANCEL_ONE = """\
This is no halt: strategies may submit new intents. Of an intent that an algorithm works, every order is cancelled and
the algorithm stops. Exit 1 when an order is still open or in doubt after the timeout."""
CANCEL = """\
This is no halt: strategies may submit new intents. The command does not wait; engine-ctl orders shows what is left."""
POSITIONS = """\
net = realised + unrealised - fees, in the quote asset, since the journal began. "today" is the change of net since the
first valuation of the UTC day; if execution was down or had no price at midnight, the day begins with its next price.
"-" means that there is no price to compute the sum. A fee in a third asset (BNB) is valued when that asset's market
(BNBUSDT) is a configured instrument; otherwise it is shown beside the fees as "unvalued" and is not in net. Dust is a
holding smaller than one size step: no order can close it."""
SET = """\
A value is checked by the declaration that checks the file, stored in the state directory, and applied between two
events by the roles that use it: a strategy, or every execution. The command prints the value before and after, and
waits until each of these roles has confirmed it; exit 1 when one has not. A set value holds across every restart, of a
role, of the supervisor, and down and up, until --drop returns to the file's value. A strategy accepts new parameters
only if its class defines on_parameters(changed). When the file's own value is changed after a value was set, up is
refused until --drop or --keep decides; reload decides for the file."""
STRATEGY = """\
A disabled strategy submits nothing, and execution refuses its orders and cancels the open ones; its position stays.
Its process runs on. It stays disabled across every restart, until it is enabled."""
RELOAD = """\
Checks the whole file as engine-ctl check does, and changes nothing when anything in it is wrong. Limits, and parameters
of strategies whose class defines on_parameters, are applied while the system runs: the file's changed value wins over
one that was set. Every other difference is printed with what has to be started again for it."""
KILL = """\
For a process that a restart does not reach. It counts as a death: after several in a short time the process is parked,
or the system halts."""
LATENCY = """\
Percentiles by strategy and venue over the newest orders that the lanes hold, from the times in their records: from the
tick's receipt to the intent, from there to the order's send, and from there to the venue's answer."""
BOOK = """\
The best ten levels of each side as the feed publishes them, with state, age and spread. The book equals the venue's
only when its state is good and no warning about the feed is shown. The spread is shown only in the state good."""
ACROSS = """\
The global book of each group of instruments (the same asset pair at several venues), and the opportunities after fees.
With GROUP: the ladder of that group, each level with its venues. Needs [aggregation] in the system's file."""
ORDERS = """\
Each order once, in its last state, with the venue's reason if the venue rejected it. The orders of a system that is
down are read from its journal."""
JOURNAL = """\
Reads files only, so it works when the system is down. --set-aside renames the journal's directory to a name with the
date and moves the account's uuid into it; the next start begins a new journal. It is refused while the system runs,
while an order is open or in doubt, and while a position is held; --force WHY overrides only the last. Each account has
a journal: where there are several, --directory names the one that is set aside."""
FILLS = """\
Reads files only, so it works after engine-ctl down too. Each fill once, in the order in which execution received
it; the fills of several accounts in the order of their times."""
LOG = """\
Entries of all processes in the order of their times, tracebacks as text. The logs are in the state directory and
survive a reboot; each log has at most 8 MiB and four older parts."""
ALERT_TEST = """\
Sends a message marked as a test through each target of [[alerts.targets]], and requests heartbeat_url once. Prints each
result; exit 1 when one fails. Works while the system is down: with --config, or with the file of its last run."""
DEATHS = """\
A death is an end that was not asked for. Reads a file only, so it works when the system is down. The cause of a process
that an earlier supervisor started is shown as far as it can be known. A stack is there for a crash and for a process
that hung; a process that was stopped by a signal has its state in the kernel instead."""
AUTOPSY = """\
Reads shared memory only, so it works when every process is dead. It lists the writers that died, and the orders that
were open or in doubt. Run it before the next up, which reuses the segments."""


COMPLETION = """\
The script holds every command and option. The names of instruments, processes, lanes and the like are read from shared
memory when they are completed."""
VALUE_KINDS = ("accounts", "feeds", "instruments", "lanes", "processes", "strategies", "systems", "venues")


def _system_commands(commands: "Commands") -> None:
    """The commands that the supervisor carries out."""
    text = "start a system, or the supervisor of a system that runs without one"
    up = _add_plain(commands, "up", "system:up", text, "up configs/demo.toml", UP)
    up.add_argument("config", metavar="CONFIG", help="the system's file")
    up.add_argument("--foreground", action="store_true", help="do not return; ^C stops the system")
    _timeout(up, 40.0, "how long to wait until every process runs")
    text = "check whether a system can be started from a file"
    check = _add_plain(commands, "check", "system:check_file", text, "check configs/live.toml", CHECK)
    check.add_argument("config", metavar="CONFIG", help="the system's file")
    text = "check the machine, the venues and the file before trading"
    run, example = "preflight.command:preflight", "preflight configs/live.toml"
    preflight = _add_plain(commands, "preflight", run, text, example, PREFLIGHT)
    preflight.add_argument("config", metavar="CONFIG", help="the system's file")
    _config_commands(commands)
    text = "write a new system: configuration, strategy with a test, systemd drop-in"
    init = _add_plain(commands, "init", "init:init", text, "init mine", INIT)
    init.add_argument("directory", metavar="DIRECTORY", help="a new or an empty directory")
    init.add_argument("--name", default="", metavar="NAME", help="the system's name; default: that of the directory")
    listing = _add_plain(commands, "ls", "systems:ls", "list every system of this user", "ls", LS)
    listing.add_argument("--all", action="store_true", help="list systems that are down too")
    down = _add_sent(commands, "down", "system:down", "down --system demo", about=DOWN)
    _timeout(down, 60.0, "how long to wait until everything is stopped")
    _add_sent(commands, "status", "system:status", "status --json", about=STATUS)
    halt = _add_sent(commands, "halt", "stopping.halt:halt", "halt --strategy maker", HALT)
    _timeout(halt, 5.0, "how long to wait for execution")
    _add_sent(commands, "resume", "stopping.halt:resume", "resume --instrument BTCUSDT", RESUME)
    flatten = _add_sent(commands, "flatten", "stopping.flatten:flatten", "flatten --strategy maker", FLATTEN)
    _timeout(flatten, 30.0, "how long to wait until everything is closed")
    _cancel_command(commands)
    _add_sent(commands, "cancel_all", "system:cancel_all", "cancel-all --instrument BTCUSDT", CANCEL)
    _process_commands(commands)
    _setting_commands(commands)
    for name in COMMANDS:
        if name.replace("_", "-") not in commands.choices:
            _add_sent(commands, name, "command:run").set_defaults(command=name)


def _process_commands(commands: "Commands") -> None:
    """The commands that start processes again."""
    command = COMMANDS["restart"]
    restart = _add(commands, "restart", "processes:restart", command.text, "restart feed execution")
    restart.add_argument("process", metavar="PROCESS", nargs="*", default=[], help=command.arguments[0].text)
    restart.add_argument("--all", action="store_true", help="every process, in the order of their start")
    _timeout(restart, 30.0, "how long to wait until each runs")
    _add_sent(commands, "kill", "command:run", "kill feed", KILL).set_defaults(command="kill")
    parser = _add(commands, "reload", "reload:reload", COMMANDS["reload"].text, "reload", RELOAD)
    _timeout(parser, 5.0, "how long to wait for the roles that apply it")


def _config_commands(commands: "Commands") -> None:
    """The commands that read a configuration."""
    parser = commands.add_parser("config", help="read a configuration: show", description="Read a configuration.")
    inner = parser.add_subparsers(metavar="COMMAND", required=True)
    text = "show every key with its value, and the line or the variable that set it"
    example = "config show configs/demo.toml --only risk"
    show = _add(inner, "show", "configuration:print_keys", text, example, CONFIG_SHOW)
    show.add_argument("config", metavar="CONFIG", nargs="?", default="", help="a file; default: the running system")
    show.add_argument("--only", default="", metavar="KEY", help="a key or a table, as watch or venues.east")
    show.add_argument("--changed", action="store_true", help="leave out the keys that have their default")


def _add_sent(commands: "Commands", name: str, run: str, example: str = "", about: str = "") -> argparse.ArgumentParser:
    """A command of the supervisor, with the arguments that the supervisor expects."""
    command = COMMANDS[name]
    parser = _add(commands, name.replace("_", "-"), run, command.text, example or _example(command), about)
    for one in command.arguments:
        kind = count if one.kind == "number" else str
        if one.kind == "flag":
            parser.add_argument(f"--{one.name}", action="store_true", help=one.text)
        elif one.required:
            parser.add_argument(one.name, metavar=one.name.upper(), type=kind, help=one.text)
        else:
            metavar = "NAME" if one.kind == "strategy" else one.name.upper()
            parser.add_argument("--" + one.name.replace("_", "-"), metavar=metavar, type=kind, help=one.text)
    return parser


def _setting_commands(commands: "Commands") -> None:
    """The commands that set a value while the system runs."""
    command = COMMANDS["set"]
    owner, values, drop, keep = (one.text for one in command.arguments)
    parser = _add(commands, "set", "settings:set_values", command.text, "set maker size=0.002 half_width_steps=3", SET)
    parser.add_argument("owner", metavar="OWNER", nargs="?", default="", help=owner)
    parser.add_argument("values", metavar="VALUE", nargs="*", help=values)
    parser.add_argument("--drop", metavar="OWNER.KEY", action="append", default=[], help=drop)
    parser.add_argument("--keep", metavar="OWNER.KEY", action="append", default=[], help=keep)
    text = "for --drop and --keep: the file of a system that is down"
    parser.add_argument("--config", metavar="CONFIG", default="", help=text)
    _timeout(parser, 5.0, "how long to wait for the roles that apply it")
    command = COMMANDS["strategy"]
    action, name = (one.text for one in command.arguments)
    parser = _add(commands, "strategy", "settings:strategy", command.text, "strategy disable maker", STRATEGY)
    choices = ("list", "enable", "disable")
    parser.add_argument("action", metavar="ACTION", nargs="?", choices=choices, default="list", help=action)
    parser.add_argument("strategy", metavar="NAME", nargs="?", default="", help=name)
    _timeout(parser, 5.0, "how long to wait for the strategy")


def _cancel_command(commands: "Commands") -> None:
    """The command `cancel`, whose order is no option."""
    command = COMMANDS["cancel"]
    cancel = _add(commands, "cancel", "stopping.cancel:cancel", command.text, "cancel --strategy maker", CANCEL_ONE)
    order, *scope = command.arguments
    text = f"{order.text}, or its id of ours or of the venue, as engine-ctl orders prints them"
    cancel.add_argument("order", metavar="ORDER", nargs="?", default="", help=text)
    for one in scope:
        cancel.add_argument(f"--{one.name}", metavar=one.name.upper(), help=one.text)
    _timeout(cancel, 5.0, "how long to wait until the orders have ended")


def _example(command: Command) -> str:
    """An example with every required argument; one that shows more is given where the command is added."""
    required = (EXAMPLES[one.kind] for one in command.arguments if one.required)
    return " ".join((command.name.replace("_", "-"), *required))


def _timeout(parser: argparse.ArgumentParser, seconds: float, text: str) -> None:
    help_text = f"{text} (default {seconds:g})"
    parser.add_argument("--timeout", type=duration, default=seconds, metavar="S", help=help_text)


def _reading_commands(commands: "Commands") -> None:
    """The commands that read lanes."""
    text = "list open and in-flight orders"
    orders = _add(commands, "orders", "orders:orders", text, "orders --all --json", ORDERS)
    orders.add_argument(
        "--all", action="store_true", help="orders that are done too, as far back as the lane holds them"
    )
    _add(
        commands,
        "positions",
        "positions:positions",
        "list positions with their profit and loss",
        "positions",
        POSITIONS,
    )
    text = "show how long the stages of an order took, from tick to the venue's answer"
    latency = _add(commands, "latency", "latency:latency", text, "latency -n 500", LATENCY)
    latency.add_argument("-n", type=count, default=1000, metavar="N", help="the newest N orders (default 1000)")
    _journal_commands(commands)
    _add(commands, "paths", "logs:paths", "show where the system's files are", "paths --json")
    log = _add(commands, "log", "logs:log", "show the log of a process, or all of them", "log -f execution", LOG)
    log.add_argument("role", metavar="ROLE", nargs="?", default="", help="a process or a role; default: all")
    log.add_argument("-n", type=count, default=40, metavar="N", help="the newest N entries (default 40)")
    log.add_argument("-f", "--follow", action="store_true", help="then print new entries as they are written")
    log.add_argument("--utc", action="store_true", help="times in UTC instead of local time")
    text = "show why processes ended: cause, record, last log lines, stack"
    ends = _add(commands, "deaths", "deaths:deaths", text, "deaths -n 1 --process execution", DEATHS)
    ends.add_argument("-n", type=count, default=5, metavar="N", help="the newest N deaths (default 5)")
    ends.add_argument("--process", default="", metavar="NAME", help="only those of this process or role")
    book = _add(commands, "book", "ladder:book", "show a live ladder of one book", "book BTCUSDT --once", BOOK)
    book.add_argument("instrument", metavar="INSTRUMENT", help=INSTRUMENT)
    book.add_argument("--once", action="store_true", help="print the book once and exit; --json does so too")
    text = "print ticks for other tools, as MarketTick JSON lines"
    ticks = _add(commands, "ticks", "ticks:ticks", text, "ticks --follow")
    ticks.add_argument(
        "instrument", metavar="INSTRUMENT", nargs="?", default="", help=f"only this instrument: {INSTRUMENT}"
    )
    ticks.add_argument("--kind", choices=("print", "best"), default="print", help="trades (default) or best prices")
    ticks.add_argument("-n", type=count, default=10, metavar="N", help="how many (default 10)")
    ticks.add_argument("--follow", action="store_true", help="print new ticks instead, as they are published")
    text = "show all venues together: global books and opportunities"
    across = _add(commands, "across", "across:across", text, "across BTC/USDT", ACROSS)
    across.add_argument(
        "group", metavar="GROUP", nargs="?", default="", help="a group, or the symbol or id of an instrument in it"
    )
    across.add_argument("--once", action="store_true", help="print the tables once and exit; --json does so too")
    text = "show the whole system live: roles, rates, books, fills"
    view = _add(commands, "view", "view:view", text, "view --once", tree=False)
    view.add_argument(
        "--once", action="store_true", help="print the screen once, after measuring rates for a second, and exit"
    )
    text = "show what a dead engine left: segments, owners, last records"
    autopsy = _add(commands, "autopsy", "autopsy:autopsy", text, "autopsy -n 10", about=AUTOPSY)
    autopsy.add_argument("-n", type=count, default=3, metavar="N", help="the newest N records of each lane (default 3)")


def _journal_commands(commands: "Commands") -> None:
    """The commands that read the journal on disk."""
    text = "show the journal on disk: its place, its size, open orders, holdings"
    journal = _add(commands, "journal", "journal:journal", text, "journal --set-aside", JOURNAL)
    _directory(journal)
    journal.add_argument(
        "--set-aside",
        action="store_true",
        help="rename the journal; refused while an order is open or a position is held",
    )
    journal.add_argument(
        "--force", default="", metavar="WHY", help="rename the journal although a position is held; WHY is kept with it"
    )
    fills = _add(commands, "fills", "journal:fills", "list every fill in the journal on disk", "fills --csv", FILLS)
    _directory(fills)
    fills.add_argument("--csv", action="store_true", help="comma separated values with a header line")
    fills.add_argument("-n", type=count, default=None, metavar="N", help="only the newest N fills")


def _directory(parser: argparse.ArgumentParser) -> None:
    text = "the journal's directory; needed when the configuration sets one outside the state directory"
    parser.add_argument("--directory", default="", metavar="DIR", help=text)


def _alert_commands(commands: "Commands") -> None:
    """The commands of alerts."""
    parser = commands.add_parser("alert", help="messages to people: test", description="Messages to people.")
    inner = parser.add_subparsers(metavar="COMMAND", required=True)
    text = "send a test message through each target"
    test = _add(inner, "test", "alerts:test", text, "alert test --target phone", ALERT_TEST)
    test.add_argument("--target", default="", metavar="NAME", help="one target; heartbeat_url is called heartbeat")
    test.add_argument("--config", default="", metavar="FILE", help="the system's file; default: that of its last run")


def _manual_commands(commands: "Commands") -> None:
    """The commands that print what is made from this command line."""
    text = "print the completion of a shell: bash, zsh or fish"
    example = 'completion bash > "${XDG_DATA_HOME:-$HOME/.local/share}/bash-completion/completions/engine-ctl"'
    completion = _add(commands, "completion", "manual.completion:completion", text, example, COMPLETION, tree=False)
    completion.add_argument(
        "shell", metavar="SHELL", nargs="?", choices=("bash", "zsh", "fish"), help="bash, zsh or fish"
    )
    text = "print the names of one kind that a shell completes, as systems, instruments or lanes"
    completion.add_argument("--values", default="", metavar="KIND", choices=VALUE_KINDS, help=text)
    text = "print the man page, with every command"
    _add_plain(commands, "man", "manual.page:man", text, "man | man -l -", tree=False)


def _shm_commands(commands: "Commands") -> None:
    """The commands that read segments."""
    parser = commands.add_parser("shm", help="read shared memory: ls, stat, tail", description="Read shared memory.")
    inner = parser.add_subparsers(metavar="COMMAND", required=True)
    listing = _add(inner, "ls", "memory:ls", "list the segments", "shm ls --system demo")
    listing.add_argument("--aside", action="store_true", help="list the segments that were set aside for an autopsy")
    stat = _add(inner, "stat", "memory:stat", "show one lane: rate, cursor, epoch, owner, age", "shm stat ticks")
    stat.add_argument("lane", metavar="LANE", help="a lane, as ticks or heartbeat.feed, or with its system: demo.ticks")
    stat.add_argument(
        "--seconds", type=duration, default=1.0, metavar="S", help="how long to measure the rate (default 1)"
    )
    tail = _add(
        inner, "tail", "memory:tail", "print a lane's newest records as JSON lines", "shm tail orders -n 5 --follow"
    )
    tail.add_argument("lane", metavar="LANE", help="a lane, as ticks or heartbeat.feed, or with its system: demo.ticks")
    tail.add_argument("-n", type=count, default=10, metavar="N", help="how many (default 10)")
    tail.add_argument("--follow", action="store_true", help="then print new records as they are published")
    text = "for fills: also print opening records, which are holdings from before the lane began and no trades"
    tail.add_argument("--openings", action="store_true", help=text)
