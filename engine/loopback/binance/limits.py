"""Rate limits: request weight by address, unfilled orders by account, in windows aligned with the clock."""

from collections import defaultdict
from dataclasses import dataclass

from engine.loopback.binance.errors import ApiError

SECOND_NS = 1_000_000_000
INTERVALS = {"SECOND": SECOND_NS, "MINUTE": 60 * SECOND_NS, "DAY": 86_400 * SECOND_NS}
PATIENCE = 20  # requests after the first 429 of a window before the ban
BAN_NS = 120 * SECOND_NS


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """The venue's limits."""

    weight_minute: int = 6_000
    orders_10_seconds: int = 100
    orders_day: int = 200_000
    stream_messages_second: int = 5


class Limit:
    """One limit's windows, counted for each account or address."""

    def __init__(self, kind: str, interval: str, number: int, most: int) -> None:
        """Begin with a count of 0."""
        self.kind, self.interval, self.number, self.most = kind, interval, number, most
        self._counts: dict[str, tuple[int, int]] = defaultdict(lambda: (-1, 0))

    @property
    def length_ns(self) -> int:
        """The window's length."""
        return INTERVALS[self.interval] * self.number

    def count(self, who: str, now_ns: int) -> int:
        """The use in the present window."""
        window, count = self._counts[who]
        return count if window == now_ns // self.length_ns else 0

    def add(self, who: str, amount: int, now_ns: int) -> int:
        """Add to the use, or subtract from it; the use now."""
        count = max(0, self.count(who, now_ns) + amount)
        self._counts[who] = (now_ns // self.length_ns, count)
        return count

    def retry_ns(self, now_ns: int) -> int:
        """When the next window begins."""
        return (now_ns // self.length_ns + 1) * self.length_ns

    def view(self) -> dict[str, object]:
        """The limit for exchangeInfo."""
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.number,
            "limit": self.most,
        }

    def use(self, who: str, now_ns: int) -> dict[str, object]:
        """The limit with its use."""
        return {**self.view(), "count": self.count(who, now_ns)}


class Limits:
    """All limits of the venue. All clients share one address."""

    def __init__(self, settings: LimitSettings) -> None:
        """Begin without use."""
        self.settings = settings
        self.weight = Limit("REQUEST_WEIGHT", "MINUTE", 1, settings.weight_minute)
        self.orders = (
            Limit("ORDERS", "SECOND", 10, settings.orders_10_seconds),
            Limit("ORDERS", "DAY", 1, settings.orders_day),
        )
        self.banned_until_ns = 0
        self._refusals = Limit("REFUSALS", "MINUTE", 1, PATIENCE)

    def charge(self, weight: int, now_ns: int) -> None:
        """Count a request; reject it over the limit, and ban the address when requests continue."""
        if now_ns < self.banned_until_ns:
            raise self._over(
                418,
                "Way too much request weight used; IP banned until "
                f"{self.banned_until_ns // 1_000_000}. Please use WebSocket Streams for live updates to "
                "avoid bans.",
                self.banned_until_ns,
                now_ns,
            )
        if self.weight.add("", weight, now_ns) <= self.weight.most:
            return
        if self._refusals.add("", 1, now_ns) > PATIENCE:
            self.banned_until_ns = now_ns + BAN_NS
        raise self._over(
            429,
            f"Too much request weight used; current limit is {self.weight.most} request weight per "
            "1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.",
            self.weight.retry_ns(now_ns),
            now_ns,
        )

    def order_room(self, account: str, now_ns: int, orders: int = 1) -> ApiError | None:
        """The error when an account may not place this many more orders now, else None."""
        for limit in self.orders:
            if limit.count(account, now_ns) + orders > limit.most:
                words = (
                    f"Too many new orders; current limit is {limit.most} orders per {limit.number} {limit.interval}."
                )
                retry: dict[str, object] = {
                    "serverTime": now_ns // 1_000_000,
                    "retryAfter": limit.retry_ns(now_ns) // 1_000_000,
                }
                return ApiError(-1015, words, 429, retry)
        return None

    def order_placed(self, account: str, now_ns: int, orders: int = 1) -> None:
        """Count an order, or those of a list."""
        for limit in self.orders:
            limit.add(account, orders, now_ns)

    def order_filled(self, account: str, now_ns: int) -> None:
        """Subtract an order that got its first fill."""
        for limit in self.orders:
            limit.add(account, -1, now_ns)

    def view(self) -> list[dict[str, object]]:
        """The limits for exchangeInfo."""
        raw = {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61_000}
        return [self.weight.view(), *(limit.view() for limit in self.orders), raw]

    def order_use(self, account: str, now_ns: int) -> list[dict[str, object]]:
        """An account's use of its order limits."""
        return [limit.use(account, now_ns) for limit in self.orders]

    def headers(self, account: str, now_ns: int, *, orders: bool) -> dict[str, str]:
        """The use for the REST headers."""
        weight = str(self.weight.count("", now_ns))
        found = {"x-mbx-used-weight": weight, "x-mbx-used-weight-1m": weight}
        if orders:
            found["x-mbx-order-count-10s"] = str(self.orders[0].count(account, now_ns))
            found["x-mbx-order-count-1d"] = str(self.orders[1].count(account, now_ns))
        return found

    def _over(self, status: int, words: str, retry_ns: int, now_ns: int) -> ApiError:
        """The error of an address over the limit."""
        retry: dict[str, object] = {"serverTime": now_ns // 1_000_000, "retryAfter": retry_ns // 1_000_000}
        return ApiError(-1003, words, status, retry)
