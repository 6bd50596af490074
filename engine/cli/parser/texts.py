"""What each command does, as its help and the man page print it."""

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
an instrument or the system is halted, a lane cannot be read, or a book is not followed. A book is not followed when the
venue rejects its subscription, its prices do not fit in 64 bits, its metadata has not arrived, or no message arrived
for 10 seconds."""
HALT_ALL = """\
Needs no supervisor: the command writes the halt word in shared memory and the file HALT, waits until every execution
confirms the halt, and then until no order is open or in doubt. The halt survives restarts and a reboot. Without
engine-ctl: touch HALT in the state directory, or kill -USR1 the process of an execution. Exit 1 when an execution does
not confirm, an order is left, or the file cannot be written."""
HALT = f"""{HALT_ALL}

With --venue, --account, --strategy or --instrument only that part is halted; the rest trades on. Exits are refused too.
This needs the supervisor; without one, halt the whole system. It is held over every restart, down and up, until resume
names the same part."""
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
MONITOR = """\
The role monitor adds up every fill by its own code and compares the sums with the positions that execution publishes,
and with the balances that the venue reports. "pending" means that one of them has not seen the newest fill yet. A
difference that lasts for monitor.differs_ms halts its instrument: engine-ctl status shows what each side has. Exits 1
while something differs."""
RECONCILE = """\
Each execution lists its open orders and the newest fills at the venue, asks about everything that is in doubt, compares
the balances, and reports. It does the same by itself every execution.audit_interval_ns; --last shows the last of these
reports. A fill that a report of the venue had not brought yet is added, as always; no order is sent or cancelled to
repair a difference. Exits 0 when nothing differs, 1 with the differences listed."""
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
Its process runs on. It stays disabled across every restart, until it is enabled.

strategy new mine           writes mine.py and test_mine.py: a strategy with a test that passes
strategy build mine.py      compiles the same class (needs Cython and a C compiler); Python then imports the extension
strategy parameters mine:Mine   prints type, bounds, default, unit and description of each parameter"""
RELOAD = """\
Checks the whole file as engine-ctl check does, and changes nothing when anything in it is wrong. Limits, and parameters
of strategies whose class defines on_parameters, are applied while the system runs: the file's changed value wins over
one that was set. Every other difference is printed with what has to be started again for it."""
KILL = """\
For a process that a restart does not reach. It counts as a death: after several in a short time the process is parked,
or the system halts."""
PROFILE = """\
Needs py-spy: pip install 'steelyard[profile]'. py-spy reads the stacks of the process from outside; the process loads
nothing. Without --pause and --native it is not paused, and some stacks may be wrong; with them it is stopped at each
sample, and what arrives meanwhile waits. Compiled code shows only with --native. What the profile cost is printed.
py-spy must be permitted to trace the process: as root, or as its user where kernel.yama.ptrace_scope is 0. Allocations
are not traced: memray can do so only from a start, or by a debugger that runs code in the process."""
LATENCY = """\
Three tables, in microseconds. The hops: what each role measures of itself, since its lanes were created, or in the
next seconds with --for, beside the budget of [latency] in the file and the share that keeps to it. The stages, by
strategy and venue, from the times in the records of the newest orders: tick to intent, intent to send, send to the
venue's answer. The worst of these orders: `trace` shows one whole. --hdr writes the hops as an HdrHistogram log.
docs/latency.md explains each hop."""
TOP = """\
Keys: 1 to 5 choose the page, / filters the orders, s sorts by the next column, h halts and r resumes after a question,
q quits. What is older than a second is grey. Needs the package textual: pip install 'steelyard[top]'."""
TRACE = """\
Each line: a stage, its time in UTC, how long after the first stage and after the stage before, and the lane and the
number of the record that has the time. A stage whose record the lane does not hold any more says so. A time at the
venue is of the venue's clock; stages in one step of execution have the step's time. `orders --all --json` lists the
ids. An intent that was refused has no order: give its number."""
BALANCES = """\
The newest answer of the venue, which execution asks for every execution.balance_interval_ns (60 s) and after each
alarm. Locked is what the venue holds for open orders, our own and those of others; total is free and locked together.
The monitor compares the totals of the assets that fills move; every other asset that is held is listed too."""
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
DATA = """\
Works on files only, so also when the system is down. docs/history.md describes the files. The directory is that of
--directory, else the one that [recorder] of the file --config sets, else where the system's recorder writes."""
PRUNE = """\
Removes sealed days only, never today or what is not sealed, and notes in the manifest what each day was: data check
counts it as removed, not as lost. Can be ended at any moment. The recorder does the same when it seals."""
BACKFILL = """\
Sends requests to the venue: one at a time, at the venue's pace and within a quarter of its weight; 429 and 418 are
obeyed. Trades become rows of ticks, candles rows of bars, under the lane ticks.backfill or bars.backfill. What the
history has already is compared and not written again; a difference is named, and makes the exit code 1. Can be ended
at any moment: the same command continues."""
PARITY = """\
Makes every decision of a recorded session again, from what its strategies had read, and compares each byte; then sends
the session's orders to a simulated venue, and shows by which model each difference of profit comes. Exit code 0: every
decision is identical; 1: one differs, or could not be compared; 2: the session cannot be compared at all.
docs/research/parity.md explains every figure. Works when the system is down; without a recorder it reads the lanes of a
system that runs, as far as they reach back."""
REPORT = """\
Reads what the recorder has sealed (engine-ctl data seal). Prints what is held of each instrument and its profit,
counted by positions and by fills, which must agree. Writes the report as HTML, every order with its execution as
Parquet, and what was held over time as Parquet. Exit code 0; 1: positions and fills disagree; 2: wrong use.
docs/research/reports.md explains every figure. Reads files only, so it works when the system is down."""
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
