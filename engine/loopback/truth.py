"""The truth log: every event of the watched accounts' orders, independent of the reports on the wire.

One JSON object a line, appended and flushed at once: `accepted`, `triggered`, `fill`, `cancelled`, `expired`,
`prevented`, `amended`. Tests compare an engine's journal with it, order for order and fill for fill. A venue that
starts again continues the balances of the log, so that the positions of its accounts survive it.

A file that is full is kept as FILE.1, in the place of an older one. The next file begins with the latest events, then
what each account gained (`balances`), then the open orders as they are, so that it continues everything by itself.
"""

import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import IO

import orjson

from engine.loopback.ledger import Account
from engine.loopback.market import DECIMALS
from engine.loopback.orders import Execution, Happening
from engine.model.fixed import to_fixed, to_text

WORDS = {
    Happening.NEW: "accepted",
    Happening.TRIGGERED: "triggered",
    Happening.TRADE: "fill",
    Happening.CANCELED: "cancelled",
    Happening.EXPIRED: "expired",
    Happening.TRADE_PREVENTION: "prevented",
    Happening.REPLACED: "amended",
}


FILE_BYTES = 256 << 20
LATEST = 4096  # events that the next file begins with: fills that a client may not know yet


class TruthLog:
    """The events: on disk if a file is given, else in memory."""

    def __init__(self, file: IO[bytes] | None = None, most_bytes: int = FILE_BYTES) -> None:
        """An empty log."""
        self.lines: list[dict[str, object]] = []
        self._file, self._most_bytes = file, most_bytes
        self._latest: deque[bytes] = deque(maxlen=LATEST)

    def write(self, execution: Execution, account: Account) -> None:
        """Add one execution, with the change of its account's balances in the assets that it moved."""
        line = _with_gains(execution, account)
        if self._file is None:
            self.lines.append(line)
        else:
            self._latest.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            self._file.write(self._latest[-1])

    def flush(self) -> None:
        """Write the lines to the kernel, so that they survive this process."""
        if self._file is not None:
            self._file.flush()

    @property
    def full(self) -> bool:
        """Whether the file is as large as a file may be."""
        return self._file is not None and self._file.tell() > self._most_bytes

    def renew(self, accounts: Iterable[Account], open_orders: Iterable[tuple[Execution, Account]]) -> None:
        """Continue in a new file; the full one stays until the new one is whole."""
        assert self._file is not None, "a log in memory is never full"
        path = self._file.name
        self._file.close()
        with open(f"{path}.new", "wb") as fresh:
            lines = (*map(_balances, accounts), *(_with_gains(*one) for one in open_orders))
            fresh.writelines(self._latest)
            fresh.writelines(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
        with suppress(FileNotFoundError):
            os.unlink(f"{path}.1")
        os.link(path, f"{path}.1")
        os.replace(f"{path}.new", path)
        self._file = open(path, "ab")  # noqa: SIM115 - it lives as long as the venue


def _balances(account: Account) -> dict[str, object]:
    """What an account has gained of every asset."""
    assets = sorted({*account.free, *account.locked, *account.deposited})
    gained = {asset: _text(account.gained(asset)) for asset in assets}
    return {"what": "balances", "account": account.name, "gained": gained}


def _with_gains(execution: Execution, account: Account) -> dict[str, object]:
    """An execution, with the change of its account's balances in the assets that it moved."""
    line, market, fill = truth(execution), execution.order.market, execution.fill
    assets = {market.base, market.quote, *((fill.fee_asset,) if fill else ())}
    line["gained"] = {asset: _text(account.gained(asset)) for asset in sorted(assets)}
    return line


def truth(execution: Execution) -> dict[str, object]:
    """An execution as the log writes it."""
    order, fill = execution.order, execution.fill
    line: dict[str, object] = {
        "what": WORDS[execution.happening],
        "now_ns": execution.now_ns,
        "account": order.account,
        "symbol": order.market.symbol,
        "client_id": order.client_id,
        "order_id": order.id,
        "side": order.side,
        "kind": order.kind,
        "until": order.until,
        "price": _text(order.price),
        "size": _text(order.size),
        "filled": _text(execution.filled),
        "status": execution.status,
    }
    if fill is not None:
        line |= {
            "fill_id": fill.trade_id,
            "fill_price": _text(fill.price),
            "fill_size": _text(fill.size),
            "fee": _text(fill.fee),
            "fee_asset": fill.fee_asset,
            "maker": fill.maker,
        }
    return line


def past_gains(path: str) -> dict[tuple[str, str], int]:
    """What each account has gained of each asset by an earlier venue's log; a last line that is cut off is removed.

    The cut line was never reported to anyone: the venue writes the log before it sends a report.
    """
    gains: dict[tuple[str, str], int] = {}
    if not os.path.exists(path):
        return gains
    with open(path, "r+b") as file:
        for text in file:
            if not text.endswith(b"\n"):
                file.truncate(file.tell() - len(text))
                break
            gains |= _gains(path, text)
    return gains


def _gains(path: str, text: bytes) -> dict[tuple[str, str], int]:
    """What the account of one line had gained after it."""
    try:
        line = orjson.loads(text)
        return {(line["account"], asset): to_fixed(gain, DECIMALS) for asset, gain in line["gained"].items()}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no truth log of this venue: {text[:80]!r}; move the file away") from error


def _text(number: int) -> str:
    """A number with all its decimals."""
    return to_text(number, DECIMALS)
