"""The commands that start, stop and change a system."""

from typing import TYPE_CHECKING

from engine.cli.parser.base import add, add_plain, add_sent, rate, seconds, timeout
from engine.cli.parser.texts import (
    CANCEL,
    CANCEL_ONE,
    CHECK,
    CONFIG_SHOW,
    DOWN,
    FLATTEN,
    HALT,
    INIT,
    KILL,
    LS,
    PREFLIGHT,
    PROFILE,
    RECONCILE,
    RELOAD,
    RESUME,
    SET,
    STATUS,
    STRATEGY,
    UP,
)
from engine.supervisor.commands import COMMANDS

if TYPE_CHECKING:
    from engine.cli.parser.base import Commands


def system_commands(commands: "Commands") -> None:
    """The commands that the supervisor carries out."""
    text = "start a system, or the supervisor of a system that runs without one"
    up = add_plain(commands, "up", "system:up", text, "up configs/demo.toml", UP)
    up.add_argument("config", metavar="CONFIG", help="the system's file")
    up.add_argument("--foreground", action="store_true", help="do not return; ^C stops the system")
    timeout(up, 40.0, "how long to wait until every process runs")
    text = "check whether a system can be started from a file"
    check = add_plain(commands, "check", "system:check_file", text, "check configs/live.toml", CHECK)
    check.add_argument("config", metavar="CONFIG", help="the system's file")
    text = "check the machine, the venues and the file before trading"
    run, example = "preflight.command:preflight", "preflight configs/live.toml"
    preflight = add_plain(commands, "preflight", run, text, example, PREFLIGHT)
    preflight.add_argument("config", metavar="CONFIG", help="the system's file")
    _config_commands(commands)
    text = "write a new system: configuration, strategy with a test, systemd drop-in"
    init = add_plain(commands, "init", "init:init", text, "init mine", INIT)
    init.add_argument("directory", metavar="DIRECTORY", help="a new or an empty directory")
    init.add_argument("--name", default="", metavar="NAME", help="the system's name; default: that of the directory")
    listing = add_plain(commands, "ls", "systems:ls", "list every system of this user", "ls", LS)
    listing.add_argument("--all", action="store_true", help="list systems that are down too")
    down = add_sent(commands, "down", "system:down", "down --system demo", about=DOWN)
    timeout(down, 60.0, "how long to wait until everything is stopped")
    add_sent(commands, "status", "system:status", "status --json", about=STATUS)
    halt = add_sent(commands, "halt", "stopping.halt:halt", "halt --strategy maker", HALT)
    timeout(halt, 5.0, "how long to wait for execution")
    add_sent(commands, "resume", "stopping.halt:resume", "resume --instrument BTCUSDT", RESUME)
    flatten = add_sent(commands, "flatten", "stopping.flatten:flatten", "flatten --strategy maker", FLATTEN)
    timeout(flatten, 30.0, "how long to wait until everything is closed")
    _cancel_command(commands)
    add_sent(commands, "cancel_all", "system:cancel_all", "cancel-all --instrument BTCUSDT", CANCEL)
    _process_commands(commands)
    example = "reconcile --timeout 60"
    reconcile = add(commands, "reconcile", "reconcile:reconcile", COMMANDS["reconcile"].text, example, RECONCILE)
    reconcile.add_argument("--last", action="store_true", help="the last report; the venue is not asked")
    timeout(reconcile, 30.0, "how long to wait for the reports")
    _setting_commands(commands)
    for name in COMMANDS:
        if name.replace("_", "-") not in commands.choices:
            add_sent(commands, name, "command:run").set_defaults(command=name)


def _process_commands(commands: "Commands") -> None:
    """The commands that start processes again."""
    command = COMMANDS["restart"]
    restart = add(commands, "restart", "processes:restart", command.text, "restart feed execution")
    restart.add_argument("process", metavar="PROCESS", nargs="*", default=[], help=command.arguments[0].text)
    restart.add_argument("--all", action="store_true", help="every process, in the order of their start")
    timeout(restart, 30.0, "how long to wait until each runs")
    add_sent(commands, "kill", "command:run", "kill feed", KILL).set_defaults(command="kill")
    _profile_command(commands)
    parser = add(commands, "reload", "reload:reload", COMMANDS["reload"].text, "reload", RELOAD)
    timeout(parser, 5.0, "how long to wait for the roles that apply it")


def _profile_command(commands: "Commands") -> None:
    """The command `profile`."""
    command, example = COMMANDS["profile"], "profile execution --seconds 20 --format speedscope"
    profile = add(commands, "profile", "profile:profile", command.text, example, PROFILE)
    profile.add_argument("role", metavar="ROLE", help=command.arguments[0].text)
    profile.add_argument("--seconds", type=seconds, default=10, metavar="N", help="how long (default 10)")
    profile.add_argument(
        "--rate", type=rate, default=100, metavar="N", help="samples a second, 1 to 1000 (default 100)"
    )
    text = "flamegraph (default), speedscope or raw"
    profile.add_argument("--format", choices=("flamegraph", "speedscope", "raw"), default="flamegraph", help=text)
    text = "a new file; default: the process and the time, in this directory"
    profile.add_argument("--output", default="", metavar="FILE", help=text)
    profile.add_argument("--pause", action="store_true", help="pause the process for each sample: exact stacks")
    profile.add_argument("--native", action="store_true", help="stacks of compiled code too; pauses the process")


def _config_commands(commands: "Commands") -> None:
    """The commands that read a configuration."""
    parser = commands.add_parser("config", help="read a configuration: show", description="Read a configuration.")
    inner = parser.add_subparsers(metavar="COMMAND", required=True)
    text = "show every key with its value, and the line or the variable that set it"
    example = "config show configs/demo.toml --only risk"
    show = add(inner, "show", "configuration:print_keys", text, example, CONFIG_SHOW)
    show.add_argument("config", metavar="CONFIG", nargs="?", default="", help="a file; default: the running system")
    show.add_argument("--only", default="", metavar="KEY", help="a key or a table, as watch or venues.east")
    show.add_argument("--changed", action="store_true", help="leave out the keys that have their default")


def _setting_commands(commands: "Commands") -> None:
    """The commands that set a value while the system runs."""
    command = COMMANDS["set"]
    owner, values, drop, keep, _ = (one.text for one in command.arguments)
    parser = add(commands, "set", "settings:set_values", command.text, "set maker size=0.002 half_width_steps=3", SET)
    parser.add_argument("owner", metavar="OWNER", nargs="?", default="", help=owner)
    parser.add_argument("values", metavar="VALUE", nargs="*", help=values)
    parser.add_argument("--drop", metavar="OWNER.KEY", action="append", default=[], help=drop)
    parser.add_argument("--keep", metavar="OWNER.KEY", action="append", default=[], help=keep)
    text = "for --drop and --keep: the file of a system that is down"
    parser.add_argument("--config", metavar="CONFIG", default="", help=text)
    timeout(parser, 5.0, "how long to wait for the roles that apply it")
    command = COMMANDS["strategy"]
    action, name = (one.text for one in command.arguments)
    parser = add(commands, "strategy", "settings:strategy", command.text, "strategy disable maker", STRATEGY)
    choices = ("list", "enable", "disable", "new", "build", "parameters")
    action = f"{action}; new, build or parameters for an author"
    parser.add_argument("action", metavar="ACTION", nargs="?", choices=choices, default="list", help=action)
    name = f"{name}; of new and build a name and a file, of parameters a class"
    parser.add_argument("strategy", metavar="NAME", nargs="?", default="", help=name)
    timeout(parser, 5.0, "how long to wait for the strategy")


def _cancel_command(commands: "Commands") -> None:
    """The command `cancel`, whose order is no option."""
    command = COMMANDS["cancel"]
    cancel = add(commands, "cancel", "stopping.cancel:cancel", command.text, "cancel --strategy maker", CANCEL_ONE)
    order, *scope = command.arguments
    text = f"{order.text}, or its id of ours or of the venue, as engine-ctl orders prints them"
    cancel.add_argument("order", metavar="ORDER", nargs="?", default="", help=text)
    for one in scope:
        cancel.add_argument(f"--{one.name}", metavar=one.name.upper(), help=one.text)
    timeout(cancel, 5.0, "how long to wait until the orders have ended")
