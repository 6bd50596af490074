"""Cancels every open order of this system at its venue and ends, for an execution that dies or cannot start.

    python -m engine.execution.rescue --config F --copy C --role R    as the supervisor starts it, in the environment
                                                                      of the execution R

1. Read the tables of the file that an order session needs; the others may be wrong. Where these cannot be read, read
the supervisor's copy of the file as it was at its start.
2. Log on with that execution's key. 3. List its account's open orders. 4. Cancel the orders under an id of the
account, of any symbol; orders of others are left alone. 5. List again until no order is open and the receive window of
the last order that execution can have sent is over.

It reads no journal, no instrument and no strategy, and can place nothing. Like execution it leaves this machine only
if the supervisor has published mode live, armed. Exit codes: 0 the venue lists no open order of this system, 1 not in
time, 69 the world is wrong, 78 the configuration is wrong.
"""

import argparse
import logging
import select
import sys
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

import shm
from engine import clock, log
from engine.config import ConfigError, load_session
from engine.config.accounts import account_of
from engine.destination import TradingNetwork
from engine.execution.build import session_of
from engine.execution.config import SECOND_NS
from engine.lanes import EXECUTION, open_lanes
from engine.log import BoundedLog
from engine.model import client_id
from engine.venues.session import Answer, Ask, MakeSession, Request, SessionOptions
from engine.venues.trading.news import FillNews, OrderNews, Outcome, UnreadableError

if TYPE_CHECKING:
    from engine.config import Config

EXIT_ORDERS_LEFT, EXIT_WRONG_WORLD, EXIT_CONFIG = 1, 69, 78
LIMIT_NS = 120 * SECOND_NS
LIST_INTERVAL_NS = SECOND_NS
LATE_NS = SECOND_NS  # beyond the receive window, as each of the venue's servers has its own clock
WAIT_MS = 5

logger = logging.getLogger("engine.execution.rescue")


class Rescue:
    """Cancels what is listed, until nothing is. `step(now_ns)` is true when that is so."""

    def __init__(self, session: MakeSession, system: bytes, now_ns: int) -> None:
        """Not connected yet; `system` is what marks our orders."""
        self.session = session(SessionOptions(), self)
        self.found: dict[bytes, OrderNews] = {}  # every order of ours that a listing had
        self.open: frozenset[bytes] | None = None  # those of the newest listing; None: the venue has given none
        self._system = system
        self._settled_ns = now_ns + self.session.receive_window_ns + LATE_NS
        self._list_ns = now_ns
        self._log = BoundedLog(logger)

    def step(self, now_ns: int) -> bool:
        """Read answers, and ask for the next listing when it is due."""
        self.session.step(now_ns)
        if self.session.up and now_ns >= self._list_ns:
            self._list_ns = now_ns + LIST_INTERVAL_NS
            self.session.open_orders(now_ns)
        return self.open == frozenset()

    def on_up(self, now_ns: int) -> None:
        """The session is up: list at once."""
        self._list_ns = now_ns

    def on_down(self, now_ns: int) -> None:
        """The session ended; it connects again by itself."""

    def on_answer(self, request: Request, answer: Answer, now_ns: int) -> None:
        """Cancel the listed orders. The next listing shows the result of each cancel."""
        if answer.unreadable is not None:
            self.on_unreadable(answer.unreadable, now_ns)
        elif answer.outcome != Outcome.ACCEPTED:
            what, why = Ask(request.kind).name.lower(), f"{answer.error} {answer.text}"
            self._log.warning(now_ns, "the venue did not do it", request=what, why=why)
        elif request.kind == Ask.OPEN_ORDERS:
            self._cancel(answer.orders, asked_ns=request.sent_ns, now_ns=now_ns)

    def on_report(self, order: OrderNews, fill: FillNews | None, now_ns: int) -> None:
        """Ignore the report: the next listing shows every open order."""

    def on_transfer(self, asset: str, amount: int, now_ns: int) -> None:
        """Ignore it: a transfer changes no order."""

    def on_unreadable(self, error: UnreadableError, now_ns: int) -> None:
        """Ask again: the next listing is due in a moment."""
        self._log.warning(now_ns, "a message of the venue cannot be read", why=error.why)

    def _cancel(self, listed: Sequence[OrderNews], *, asked_ns: int, now_ns: int) -> None:
        """Cancel ours; an empty listing counts once no order of the dead execution can arrive any more."""
        ours = {order.client_id: order for order in listed if client_id.is_ours(self._system, order.client_id)}
        self.found.update(ours)
        for order in ours.values():
            self.session.cancel_of_symbol(order.symbol, order.client_id, now_ns)
        self.open = frozenset(ours) if ours or asked_ns >= self._settled_ns else None


def build(config: "Config", role: str, now_ns: int) -> Rescue:
    """What cancels at the venue of an execution's account, as that execution trades there."""
    account = account_of(config, role)
    identity = uuid.UUID(account.identity.read_text().strip())
    mode = open_lanes(config.system.name, EXECUTION, role).cell_reader("mode")
    session = session_of(account.venue, [], TradingNetwork(account.venue, mode, may_leave=True))
    return Rescue(session, client_id.mark_of(identity), now_ns)


def run(rescue: Rescue) -> int:
    """Cancel until nothing is open or the time is over."""
    deadline_ns = clock.now_ns() + LIMIT_NS
    poll = select.poll()
    while not rescue.step(now_ns := clock.now_ns()):
        if now_ns > deadline_ns:
            why, still = rescue.session.error, [one.hex() for one in rescue.open or ()]
            logger.critical("orders may be open at the venue: look there", extra={"why": why, "orders": still})
            return EXIT_ORDERS_LEFT
        poll.poll(WAIT_MS)
    orders = {one.hex(): order.symbol for one, order in rescue.found.items()}
    logger.warning("the venue lists no open order of this account", extra={"ended": orders})
    return 0


def _load(file: str, copy: str | None) -> "Config":
    """Read the file, or the supervisor's copy of it where the file cannot be read any more."""
    try:
        return load_session(file)
    except ConfigError as error:
        if copy is None:
            raise
        logger.error("the configuration is read as it was at the start", extra={"why": str(error), "copy": copy})  # noqa: TRY400
        return load_session(file, copy=copy)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, connect, cancel."""
    description = "Cancel every open order of an account."
    parser = argparse.ArgumentParser(prog="python -m engine.execution.rescue", description=description)
    parser.add_argument("--config", required=True, help="the system's file")
    parser.add_argument("--role", default=EXECUTION, help="the execution whose orders are cancelled")
    parser.add_argument("--copy", help="the file as it was when the supervisor started")
    options = parser.parse_args(arguments)
    log.begin("rescue")
    try:
        return run(build(_load(options.config, options.copy), options.role, clock.now_ns()))
    except ConfigError as error:
        logger.critical(str(error))
        return EXIT_CONFIG
    except (shm.SegmentError, OSError, ValueError) as error:
        logger.critical("open orders cannot be cancelled: %s", error)
        return EXIT_WRONG_WORLD


if __name__ == "__main__":
    sys.exit(main())
