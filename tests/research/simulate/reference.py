"""The semantics of a `fast` run a second time, in plain Python without any of its code: slow, and easy to read.

One heap has everything that happens, ordered by time and then by rank. The book is a dictionary of what the data says;
what our orders took is beside it. Every sum is computed again from all orders. A test compares it with the compiled run
fill for fill.
"""

# ruff: noqa: ANN001, ANN201, C901, D102, D107, PLR0911 - one page of rules: a method's name is its rule

import heapq
import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from engine.model.words import BookState, OrderState, OrderType, Reason, TimeInForce
from research.simulate import Cause, Constant, LiquidatedError, Models

VENUE, FUNDING, REQUEST, TIMER, DEADLINE, ANSWER, HEARD = range(7)
DONE = (OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED)
RESTING = (OrderState.OPEN, OrderState.PARTLY_FILLED)
MASK = (1 << 64) - 1


def draws(seed: int):
    """The numbers of SplitMix64."""
    state = seed & MASK
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        value = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
        yield value ^ (value >> 31)


def latencies(model: Any):
    """A function that draws the next latency."""
    if isinstance(model, Constant):
        return lambda: model.ns
    source = draws(model.seed)
    return lambda: model.samples[(next(source) >> 32) * len(model.samples) >> 32]


@dataclass
class Own:
    """One of our orders."""

    number: int
    intent_id: int
    instrument: int
    side: int
    price: int
    size: int
    tif: int
    kind: int
    known_size: int
    filled: int = 0
    seen: int = 0
    state: int = 0
    known: int = 0
    ahead: int = 0
    unseen: bool = False
    moved: int = 0
    moved_ns: int = 0
    traded: int = 0
    arrived: int = 0
    done_ns: int = 0
    cancelling: bool = False
    amending: bool = False
    cancel_sent: bool = False
    cause: int = 0


@dataclass
class Known:
    """What the strategy knows of one instrument."""

    levels: dict = field(default_factory=dict)
    state: int = BookState.EMPTY
    feed_state: int = BookState.GOOD
    good_middle2: int = 0
    changed: bool = False
    shown_good: bool = False

    def best(self, side: int) -> int | None:
        prices = [price for (one, price) in self.levels if one == side]
        return max(prices, key=lambda price: side * price, default=None)


class Reference:
    """One run."""

    def __init__(
        self, events, instruments, models: Models, caps, script, *, each: bool, timer_ns: int = 0, capital=None
    ) -> None:
        self.events, self.models, self.caps, self.script, self.each = events, models, caps, script, each
        self.instruments = {one.id: one for one in instruments}
        self.heap: list = []
        self.pushed = self.intents = self.arrivals = self.late = self.refused = 0
        self.recorded = {one: {} for one in self.instruments}
        self.taken = {one: {} for one in self.instruments}
        self.known = {one: Known() for one in self.instruments}
        self.orders: list[Own] = []
        self.fills: list[tuple] = []
        self.refusals: list[tuple] = []
        self.log: list = []
        self.capital, self.rejects = capital, draws(models.rejects.seed) if models.rejects else None
        self.request_latency, self.answer_latency = latencies(models.order_latency), latencies(models.answer_latency)
        self.last = {REQUEST: 0, ANSWER: 0}
        self.timer_ns = timer_ns
        self.pressed: dict = {}
        self.marks: dict[int, int] = {}  # twice the venue's middle
        self.payments: list[tuple] = []
        self.liquidated: tuple = ()
        self.impacts: list[int] = []
        script.api = self

    def push(self, at: int, rank: int, *what: Any) -> int:
        if rank in self.last:
            at = self.last[rank] = max(at, self.last[rank])
        self.pushed += 1
        heapq.heappush(self.heap, (at, rank, self.pushed, what))
        return at

    def run(self) -> None:
        for event in self.events:
            self.push(int(event["venue_ns"]), VENUE, event)
        for event in self.events:
            self.push(int(event["receive_ns"]), HEARD, event)
        for row in [] if self.models.funding is None or self.models.funding.rows is None else self.models.funding.rows:
            if row["at_ns"] >= self.events[0]["venue_ns"]:
                self.push(int(row["at_ns"]), FUNDING, *(int(row[name]) for name in ("instrument", "rate", "mark")))
        self.now = int(self.events[0]["receive_ns"])
        end = int(self.events[-1]["receive_ns"])
        if self.timer_ns:
            self.push(self.now + self.timer_ns, TIMER)
        while self.heap and self.heap[0][0] <= end:
            self.at, rank, _, what = heapq.heappop(self.heap)
            if rank >= TIMER:
                self.now = self.at
                self.read_refusals()
            (self.happen, self.pay, self.arrive, self.tick, self.expire, self.learn, self.hear)[rank](*what)

    # The venue.

    def size(self, one: int, side: int, price: int) -> int:
        return self.recorded[one].get((side, price), 0) - self.taken[one].get((side, price), 0)

    def resting(self, one: int, side: int) -> list[Own]:
        mine = [o for o in self.orders if o.instrument == one and o.side == side and o.state in RESTING and o.arrived]
        return sorted(mine, key=lambda o: (-side * o.price, o.arrived))

    def happen(self, event) -> None:
        one, side, price, size = (int(event[name]) for name in ("instrument", "side", "price", "size"))
        if event["flags"] & 2:
            self.recorded[one].clear()
        if event["kind"] == 2:
            self.set_level(one, side, price, size)
        elif event["kind"] == 3:
            self.print(one, -side, price, size)
        best = [max((s * p for (s, p) in self.recorded[one] if s == each), default=None) for each in (1, -1)]
        if event["flags"] & 1 and None not in best and best[0] < -best[1]:
            is_new = self.marks.get(one) != best[0] - best[1]
            self.marks[one] = best[0] - best[1]
            if is_new and self.held(one):
                self.check_margin()

    def set_level(self, one: int, side: int, price: int, size: int) -> None:
        before, key = self.size(one, side, price) if (side, price) in self.recorded[one] else 0, (side, price)
        self.recorded[one][key] = size
        if key in self.taken[one]:
            if size == 0 or self.models.liquidity_returns:
                del self.taken[one][key]
            else:
                self.taken[one][key] = min(self.taken[one][key], size)
        if size == 0:
            del self.recorded[one][key]
        after = self.size(one, side, price) if size else 0
        for order in self.resting(one, side):
            if order.price == price:
                self.follow(order, before, after, shown=size > 0)
                order.traded = 0
        for order in self.resting(one, -side):
            left = self.size(one, side, price) if size else 0
            if left and -side * order.price >= -side * price:
                part = min(left, order.size - order.filled)
                self.take(one, side, price, part)
                self.fill(order, order.price, part, maker=True)

    def take(self, one: int, side: int, price: int, part: int) -> None:
        self.taken[one][side, price] = self.taken[one].get((side, price), 0) + part

    def follow(self, order: Own, before: int, after: int, *, shown: bool) -> None:
        if order.unseen:
            if shown:
                order.ahead, order.unseen = after, False
            return
        if not shown and not self.models.level_returns_empty:
            return
        ahead = self.after_change(order, before, after)
        if order.moved_ns != self.at:
            order.moved = 0
        order.moved, order.moved_ns, order.ahead = order.moved + order.ahead - ahead, self.at, ahead

    def shows(self, order: Own) -> bool:
        prices = [price for (side, price) in self.recorded[order.instrument] if side == order.side]
        return any(order.side * (order.price - price) >= 0 for price in prices)

    def queue_of(self, order: Own) -> int:
        key = order.side, order.price
        return self.size(order.instrument, *key) if key in self.recorded[order.instrument] else 0

    def after_change(self, order: Own, before: int, after: int) -> int:
        queue, ahead, cancelled = self.models.queue, order.ahead, before - after - order.traded
        if queue.family != "conservative" and cancelled > 0 and ahead > 0:
            weigh = math.log1p if queue.family == "log" else lambda size: math.pow(size, queue.exponent)
            behind = max(before - ahead, 0)
            rear = weigh(behind) if behind else 0.0
            step = self.instruments[order.instrument].size_step
            share = rear / (weigh(ahead) + rear)
            in_rear = min((int(cancelled * share) // step + 1) * step, cancelled, behind)
            ahead = max(0, ahead - (cancelled - in_rear))
        return min(ahead, after)

    def print(self, one: int, side: int, price: int, size: int) -> None:
        left = size
        for order in self.resting(one, side):
            if left <= 0 or side * order.price < side * price:
                break
            part = order.size - order.filled
            if order.price == price:
                order.traded += size
                if order.unseen and self.shows(order):
                    order.ahead, order.unseen = self.queue_of(order), False
                if order.unseen:
                    continue
                explained = 0 if self.models.level_before_print else min(left, order.moved)
                order.moved -= explained
                part = min(part, max(0, left - explained - order.ahead))
                order.ahead = max(0, order.ahead - (left - explained))
            elif not self.models.through_fills_whole:
                part = min(part, left)
            if part:
                left -= part
                self.fill(order, order.price, part, maker=True)

    def arrive(self, kind: str, order: Own, size: int) -> None:
        if kind != "place":
            late = order.done_ns or (kind == "amend" and not order.filled < size < order.size)
            if late:
                self.late += 1
                self.answer(order, kind=kind, refused=True)
            elif kind == "cancel":
                self.end(order, OrderState.CANCELLED)
            else:
                order.size = size
                self.answer(order, kind=kind)
            return
        self.arrivals += 1
        order.arrived, one, side = self.arrivals, order.instrument, order.side
        reachable = sorted(p for (s, p) in self.recorded[one] if s == -side and side * (order.price - p) >= 0)
        reachable = [p for p in reachable[::side] if self.size(one, -side, p)]
        cause = self.reject_cause(order, reachable)
        if cause is not None:
            order.cause = cause
            self.end(order, OrderState.REJECTED)
            return
        if order.tif == TimeInForce.FOK and sum(self.size(one, -side, p) for p in reachable) < order.size:
            self.end(order, OrderState.EXPIRED)
            return
        for price in reachable:
            part = min(self.size(one, -side, price), order.size - order.filled)
            if part:
                self.take(one, -side, price, part)
                self.fill(order, price, part, maker=False)
        if order.filled == order.size:
            return
        if order.tif == TimeInForce.IOC or order.kind == OrderType.MARKET:
            self.end(order, OrderState.EXPIRED)
            return
        order.ahead = self.queue_of(order)
        order.unseen = not self.models.unseen_level_empty and not self.shows(order)
        if not order.filled:
            order.state = OrderState.OPEN
            self.answer(order)

    def reject_cause(self, order: Own, reachable: list[int]) -> Cause | None:
        if self.rejects is not None and next(self.rejects) < self.models.rejects.probability * 2**64:
            return Cause.RANDOM
        other_side = self.resting(order.instrument, -order.side)
        if any(order.side * (order.price - other.price) >= 0 for other in other_side):
            return Cause.SELF_TRADE
        if order.tif == TimeInForce.POST_ONLY and reachable:
            return Cause.NONE
        if self.models.margin is not None:
            return None if self.bears(order) else Cause.BALANCE
        asset, needed = self.reserved(order)
        return Cause.BALANCE if self.capital is not None and self.free(asset) < needed else None

    def reserved(self, order: Own) -> tuple[str, Fraction]:
        """The asset that an order pays with, and what its unfilled size may need."""
        one, size = self.instruments[order.instrument], order.size - order.filled
        if order.side < 0:
            return one.base, Fraction(size, 10**one.size_decimals)
        notional = Fraction(order.price * size, 10 ** (one.price_decimals + one.size_decimals))
        rate = max(0, *(Fraction(max(tier.maker, tier.taker)) for tier in self.models.fees.tiers))
        return one.quote, notional + Fraction(math.ceil(notional * rate * 10**8), 10**8)

    def locked(self, asset: str) -> Fraction:
        needs = [
            self.reserved(order) for one in self.instruments for side in (1, -1) for order in self.resting(one, side)
        ]
        return sum((needed for of, needed in needs if of == asset), Fraction(0))

    def free(self, asset: str) -> Fraction:
        amount = Fraction(self.capital.get(asset, 0)) - self.locked(asset)
        for _, _, _, price, size, fee, instrument, side, _ in self.fills:
            one = self.instruments[instrument]
            if one.base == asset:
                amount += side * Fraction(size, 10**one.size_decimals)
            if one.quote == asset:
                amount -= side * Fraction(price * size, 10 ** (one.price_decimals + one.size_decimals))
                amount -= Fraction(fee, 10**8)
        return amount

    # An account of perpetuals.

    def held(self, one: int) -> int:
        return sum(side * size for _, _, _, _, size, _, instrument, side, _ in self.fills if instrument == one)

    def pay(self, one: int, rate: int, mark: int) -> None:
        mark2 = 2 * mark or self.marks.get(one, 0)
        if self.held(one):
            paid = math.ceil(self.money(one, self.held(one) * mark2) / 2 * rate)
            self.payments.append((self.at, one, self.held(one), rate, mark2, paid))
        self.check_margin()

    def money(self, one: int, product: int) -> Fraction:
        instrument = self.instruments[one]
        return Fraction(product, 10 ** (instrument.price_decimals + instrument.size_decimals))

    def equity(self) -> Fraction:
        total = Fraction(self.capital["USDT"]) - sum(Fraction(paid[-1], 10**8) for paid in self.payments)
        for _, _, _, price, size, fee, one, side, _ in self.fills:
            total -= side * self.money(one, price * size) + Fraction(fee, 10**8)
        return total + sum(self.money(one, self.held(one) * mark2) / 2 for one, mark2 in self.marks.items())

    def check_margin(self) -> None:
        if self.models.margin is None:
            return
        held = {one: abs(self.held(one)) for one in self.instruments if self.held(one)}
        needed = sum(self.maintenance(one, size) for one, size in held.items())
        if needed and math.floor(self.equity() * 10**6) <= needed:
            self.liquidated = self.at, math.floor(self.equity() * 10**6), needed
            raise LiquidatedError(*self.liquidated, {})

    def micro(self, one: int, size: int) -> int:
        return math.ceil(self.money(one, size * self.marks.get(one, 0)) / 2 * 10**6)

    def maintenance(self, one: int, size: int) -> int:
        brackets = self.models.margin.brackets[self.instruments[one].symbol]
        return math.ceil(max(b.rate * self.micro(one, size) - b.amount * 10**6 for b in brackets))

    def initial(self, one: int, size: int) -> int:
        brackets, notional = self.models.margin.brackets[self.instruments[one].symbol], self.micro(one, size)
        allowed = next((b.leverage for b in brackets if notional <= b.cap * 10**6), brackets[-1].leverage)
        return math.ceil(Fraction(notional, min(self.models.margin.leverage, allowed)))

    def reached(self, one: int, order: Own | None = None) -> int:
        open_ = {side: sum(o.size - o.filled for o in self.resting(one, side)) for side in (1, -1)}
        if order is not None and order.instrument == one:
            open_[order.side] += order.size
        return max(side * self.held(one) + open_[side] for side in (1, -1))

    def bears(self, order: Own) -> bool:
        one = order.instrument
        order.arrived, arrived = 0, order.arrived
        adds = self.reached(one, order) > self.reached(one)
        needed = sum(self.initial(each, self.reached(each, order)) for each in self.instruments)
        order.arrived = arrived
        lost = max(0, order.side * (2 * order.price - self.marks.get(one, 0))) * order.size
        needed += math.ceil(self.money(one, lost) / 2 * 10**6)
        return not adds or (one in self.marks and needed <= math.floor(self.equity() * 10**6))

    def fill(self, order: Own, price: int, part: int, *, maker: bool) -> None:
        order.filled += part
        order.state = OrderState.FILLED if order.filled == order.size else OrderState.PARTLY_FILLED
        if order.state == OrderState.FILLED:
            order.done_ns = self.at
        one, tier = self.instruments[order.instrument], self.models.fees.tiers[0]
        notional = Fraction(price * part, 10 ** (one.price_decimals + one.size_decimals))
        fee = math.ceil(notional * Fraction(tier.maker if maker else tier.taker) * 10**8)
        impact = 0 if maker else self.impact(order, notional)
        number = len(self.fills)
        self.impacts.append(impact)
        fee += impact
        self.fills.append((self.at, 0, order.intent_id, price, part, fee, order.instrument, order.side, int(maker)))
        receive_ns = self.answer(order, (number, part))
        self.fills[number] = (self.at, receive_ns, *self.fills[number][2:])

    def impact(self, order: Own, notional: Fraction) -> int:
        model, exponents = self.models.impact, {"linear": 1.0, "square_root": 0.5}
        if model is None:
            return 0
        taken, taken_ns, last = self.pressed.get(order.instrument, (0.0, 0, None))
        if model.half_life_ns:
            taken *= math.pow(0.5, (self.at - taken_ns) / model.half_life_ns)
        elif last is not order:
            taken = 0.0
        taken += order.side * float(notional)
        self.pressed[order.instrument] = taken, self.at, order
        if order.side * taken <= 0:
            return 0
        power = math.pow(order.side * taken / float(model.notional), exponents[model.family])
        share = min(math.ceil(float(model.bps) / 10_000 * power * 1e8), 10**8 // 2)
        return math.ceil(notional * share)

    def end(self, order: Own, state: int) -> None:
        order.state, order.done_ns = state, self.at
        self.answer(order)

    def answer(self, order: Own, fill=None, kind: str = "", *, refused: bool = False) -> int:
        what = (order, order.state, order.size, fill, kind, refused)
        return self.push(self.at + self.answer_latency(), ANSWER, *what)

    # The strategy.

    def learn(self, order: Own, state: int, size: int, fill, kind: str, refused) -> None:
        order.amending = order.amending and kind != "amend"
        if refused:
            return
        was_known, order.known, order.known_size = order.known, state, size
        shown = OrderState.CANCELLING if order.cancel_sent and state not in DONE else state
        if not was_known and order.cancelling and state not in DONE:
            order.cancel_sent = True
            self.push(self.now + self.request_latency(), REQUEST, "cancel", order, 0)
        if fill is not None:
            order.seen += fill[1]
            self.log.append(("fill", self.now, order.intent_id, fill[1], self.position(order.instrument)))
            self.script.on_fill(order.instrument)
        self.log.append(("order", self.now, order.intent_id, shown, order.seen, size))

    def expire(self, order: Own) -> None:
        if order.known not in DONE and not order.cancelling:
            self.ask_cancel(order)

    def tick(self) -> None:
        self.log.append(("timer", self.now))
        self.push(self.now + self.timer_ns, TIMER)

    def hear(self, event) -> None:
        one, known = int(event["instrument"]), self.known[int(event["instrument"])]
        if event["flags"] & 2:
            known.levels.clear()
            known.state, known.changed = BookState.EMPTY, True
        key, size = (int(event["side"]), int(event["price"])), int(event["size"])
        if event["kind"] == 2:
            known.levels.pop(key, None)
            if size:
                known.levels[key] = size
        elif event["kind"] == 4:
            known.feed_state = size
        known.changed |= event["kind"] != 3
        if event["flags"] & 1:
            self.judge(known)
        if event["kind"] == 3:
            self.log.append(("print", self.now, one, key[1], size))
        if known.changed and (self.each or event["flags"] & 1):
            known.changed = False
            self.show(one, known)

    def judge(self, known: Known) -> None:
        bid, ask = known.best(1), known.best(-1)
        known.state = known.feed_state
        if bid is not None and ask is not None and bid >= ask:
            known.state = BookState.CROSSED
        elif bid is not None and ask is not None and known.state == BookState.GOOD:
            known.good_middle2 = bid + ask

    def show(self, one: int, known: Known) -> None:
        bid, ask = known.best(1), known.best(-1)
        if known.state == BookState.GOOD and bid is not None and ask is not None:
            known.shown_good = True
            self.log.append(("book", self.now, one, bid, ask))
            self.script.on_book(one, bid, ask)
        elif known.shown_good:
            known.shown_good = False
            self.log.append(("bad", self.now, one))

    def read_refusals(self) -> None:
        refusals, self.refusals = self.refusals, []
        for intent_id, reason in refusals:
            self.log.append(("refusal", self.now, intent_id, reason))

    def position(self, one: int) -> int:
        return sum(o.side * o.seen for o in self.orders if o.instrument == one)

    # What a script calls.

    def place(self, one: int, side: int, size: int, price: int, tif: int, kind: int, timeout_ns: int) -> None:
        self.intents += 1
        intent_id = 1 << 40 | self.intents
        reason = self.refusal(one, side, size, price)
        if reason:
            self.refused += 1
            self.refusals.append((intent_id, reason))
            return
        order = Own(len(self.orders), intent_id, one, side, price, size, tif, kind, size)
        self.orders.append(order)
        if kind == OrderType.MARKET:
            order.tif = TimeInForce.IOC
        self.push(self.now + self.request_latency(), REQUEST, "place", order, size)
        if timeout_ns:
            self.push(self.now + timeout_ns, DEADLINE, order)

    def refusal(self, one: int, side: int, size: int, price: int) -> int:
        known, instrument = self.known[one], self.instruments[one]
        pending = sum(
            o.known_size - o.seen for o in self.orders if o.instrument == one and o.side == side and o.known not in DONE
        )
        position, good = self.position(one) * side, known.state == BookState.GOOD
        is_exit = position < 0 and pending + size <= -position
        if not (known.good_middle2 if is_exit else good and None not in (known.best(1), known.best(-1))):
            return Reason.BOOK_NOT_GOOD
        if price % instrument.price_step:
            return Reason.PRICE_STEP
        if size % instrument.size_step or size < instrument.size_min:
            return Reason.SIZE_STEP
        if instrument.size_max and size > instrument.size_max:
            return Reason.ORDER_TOO_LARGE
        if is_exit:
            return 0
        dollars = Fraction(1, 10 ** (instrument.price_decimals + instrument.size_decimals))
        if "max_order_size_usd" in self.caps and size * price * dollars > Fraction(self.caps["max_order_size_usd"]):
            return Reason.ORDER_TOO_LARGE
        worst = (
            (position + pending + size) * max(Fraction(price), Fraction(known.best(1) + known.best(-1), 2)) * dollars
        )
        if "max_position_usd" in self.caps and worst > Fraction(self.caps["max_position_usd"]):
            return Reason.POSITION_TOO_LARGE
        return 0

    def live(self, one: int) -> list[Own]:
        return [o for o in self.orders if o.instrument == one and o.known in RESTING and not o.cancelling]

    def ask_cancel(self, order: Own) -> None:
        order.cancelling = True
        if order.known:
            order.cancel_sent = True
            self.push(self.now + self.request_latency(), REQUEST, "cancel", order, 0)

    def cancel(self, intent_id: int) -> None:
        self.intents += 1
        self.ask_cancel(next(o for o in self.orders if o.intent_id == intent_id))

    def cancel_all(self, one: int) -> None:
        self.intents += 1
        for order in self.orders:
            if order.instrument == one and order.known not in DONE and not order.cancelling:
                self.ask_cancel(order)

    def amend(self, intent_id: int, size: int) -> None:
        order = next(o for o in self.orders if o.intent_id == intent_id)
        if order.seen < size < order.known_size:
            self.intents += 1
            if order.amending:
                self.refused += 1
                self.refusals.append((1 << 40 | self.intents, Reason.NOT_AMENDABLE))
            else:
                order.amending = True
                self.push(self.now + self.request_latency(), REQUEST, "amend", order, size)
