"""All parents: each decision is in the journal first, then it is published.

    begin ─▶ Begun ─▶ route ─▶ Sent ─▶ the child's intent to its execution ─▶ end ─▶ Ended ─▶ … ─▶ Done
                        ▲                                                        │
                        └───────────── what a child left unfilled ◀──────────────┘

A strategy sees one order for its intent: the ORDER of the parent, in the numbers of the instrument that it named. Its
fills come from the executions, under its own number.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from engine.lanes import lane_of
from engine.log import BoundedLog
from engine.model.codec import Codec
from engine.model.fixed import to_text
from engine.model.intent_id import count_of, routed_id
from engine.model.records import INTENT, ORDER
from engine.model.rows import IntentRow
from engine.model.words import IntentKind, OrderState, OrderType, TimeInForce
from engine.router import journal as records
from engine.router.budgets import Budgets
from engine.router.journal import Journal
from engine.router.offers import Offers
from engine.router.options import RouterOptions
from engine.router.outbox import CODEC as INTENT_CODEC
from engine.router.outbox import Outbox
from engine.router.parent import Child, Parent
from engine.router.split import Share, is_orderable, split
from engine.router.terms import Route

ORDER_CODEC = Codec(ORDER)
EMPTY_ORDER, EMPTY_INTENT = ORDER_CODEC.unpack(bytes(ORDER.size)), INTENT_CODEC.unpack(bytes(INTENT.size))
MS = 1_000_000
EPOCH_MS = 1_577_836_800_000  # 2020-01-01: counts of a life without a journal begin above those of earlier lives
DONE_KEPT = 256  # ended parents whose last ORDER is published again at a start
ENDED_KEPT = 1024  # ended children whose end an execution can correct
ERROR_TEXT = 72
REST_TOO_SMALL = "the rest is too small for an order"
AGAIN_AFTER = lane_of("route_orders").capacity // 2  # records, after which a living parent is published again
GUESSED_TOO_MUCH = "a child whose records were lost had filled less"
WAVE_ENDED = "the wave of an IOC has ended"

logger = logging.getLogger("engine.router")


class Parents:
    """The living parents, and the newest ended ones."""

    def __init__(
        self, routes: Mapping[int, Route], options: RouterOptions, journal: Journal, offers: Offers,
        outboxes: Mapping[str, Outbox], publish_order: Callable[[bytes], object], budgets: Budgets | None = None,
    ) -> None:  # fmt: skip
        """Restore the state that the journal has, and write the journal anew."""
        self._routes, self._options, self._journal, self._offers = routes, options, journal, offers
        self._outboxes, self._publish_order, self._budgets = outboxes, publish_order, budgets
        self.living: dict[int, Parent] = {}
        self.children: dict[int, tuple[Parent, Child]] = {}  # the living ones, by the id of their intent
        self.ended: dict[int, tuple[Parent, Child]] = {}  # the newest ended ones, in the order of their ends
        self.cancels: dict[int, int] = {}  # by the id of a cancel that is not answered yet: the child's
        self.last_intent: dict[int, int] = {}  # by strategy: the newest parent
        self.followed = records.Followed(0, 0)
        self._done: deque[Parent] = deque(maxlen=DONE_KEPT)
        self._begun = False  # until the intents of the former life are on their lanes, none may overtake them
        self._stopped: set[int] = set()  # by commands that are read before
        self._count = self._published = 0
        self._tried: dict[int, tuple[int, int]] = {}  # by parent: the count of books at its last try, and when again
        self._log = BoundedLog(logger)
        for record in journal.replay():
            self._apply(record)
        journal.renew(self._snapshot())

    def begin_life(self, now_ns: int, *, lanes_anew: bool) -> None:
        """Publish what readers may have missed, submit again what is not on its lane, and cancel what is to end.

        Commands are read before: a child of a parent that one of them has stopped just now is not submitted any more,
        unless the lanes are new and do not show what the former system had submitted. The answer to a cancel of the
        former life may have been lost with that life.
        """
        self._begun = True
        for parent in [*self._done, *self.living.values()]:
            self._publish(parent, now_ns)
        for parent, child in sorted(self.children.values(), key=lambda one: count_of(one[1].id)):
            outbox, withdrawn = self._outboxes[child.member.account], parent.id in self._stopped and not lanes_anew
            if withdrawn and not outbox.has(child.id):
                self._note(records.Ended(parent.id, child.id, 0))
            else:
                outbox.submit_again(INTENT_CODEC.pack_row(child.intent))
        for parent in list(self.living.values()):
            if parent.stopped:
                self._cancel_children(parent, now_ns)
            self._settle(parent, now_ns)

    def begin(self, intent: IntentRow, data: bytes, now_ns: int) -> bool:
        """Begin a parent that the desk has approved; False when the journal has no room."""
        left_ns = intent.timeout_ns or self._options.deadline_ns
        if not self._journal.write(made := records.Begun(data, now_ns, now_ns + left_ns)):
            return False
        self._apply(made)
        self._publish(self.living[intent.intent_id], now_ns)
        return True

    def route(self, now_ns: int) -> int:
        """Make the children of every parent that has something left and new books; how many were made."""
        count = 0
        for outbox in self._outboxes.values():
            outbox.flush()
        for parent in list(self.living.values()):
            if not parent.stopped and now_ns >= parent.next_ns and self._is_due(parent, now_ns):
                count += self._route(parent, now_ns)
        return count

    def _is_due(self, parent: Parent, now_ns: int) -> bool:
        """Whether something may be different from the last try: a book, or an account that was left out for a time."""
        tried, again_ns = self._tried.get(parent.id, (-1, 0))
        return tried != self._offers.count or now_ns >= again_ns

    def on_time(self, now_ns: int) -> None:
        """Stop the parents whose time is over, and keep the journal."""
        for parent in list(self.living.values()):
            if now_ns >= parent.deadline_ns and not parent.stopped:
                self.stop(parent, "its time is over", now_ns, expired=True)
            elif self._published - parent.shown_at > AGAIN_AFTER:
                self._publish(parent, now_ns)
        self._journal.settle(now_ns)
        if self._budgets is not None:
            self._budgets.step(now_ns, self._journal.write)
        if self._journal.large:
            self._journal.renew(self._snapshot())

    def stop(self, parent: Parent, why: str, now_ns: int, *, expired: bool = False) -> None:
        """Let a parent make no further child, and cancel those that live."""
        if not parent.stopped:
            self._note(records.Stopped(parent.id, why, expired))
            if not self._begun:
                self._stopped.add(parent.id)
        if self._begun:
            self._cancel_children(parent, now_ns)
        self._settle(parent, now_ns)

    def _cancel_children(self, parent: Parent, now_ns: int) -> None:
        """Cancel the children that live."""
        for child in [one for one in parent.children.values() if not one.cancelled]:
            self.cancel(parent, child, now_ns)

    def cancel(self, parent: Parent, child: Child, now_ns: int) -> None:
        """Submit the cancel of a child."""
        child.cancelled = True
        intent_id = self._next_id(parent, now_ns)
        self._note(records.Counted(self._count))
        row = _empty(parent, child.member.instrument.id, now_ns)._replace(
            intent_id=intent_id, kind=IntentKind.CANCEL, target_id=child.id, ttl_ns=self._options.child_ttl_ns
        )
        self.cancels[intent_id] = child.id
        self._outboxes[child.member.account].submit(INTENT_CODEC.pack_row(row))

    def progress(self, parent: Parent, child: Child, state: int, filled: int, now_ns: int) -> None:
        """A child's order changed and lives on."""
        child.state, child.filled = state, max(child.filled, filled)
        self._publish_if_changed(parent, now_ns)

    def end(
        self, parent: Parent, child: Child, filled: int, now_ns: int, *, refused: bool = False, guessed: bool = False
    ) -> None:
        """A child has ended: what it left may be routed again, first to the other accounts where it was refused."""
        assert 0 <= filled <= child.size, (filled, child)
        account = child.member.account
        if refused:
            parent.left_out[account] = now_ns + self._options.refused_ns
        else:
            parent.newer_than[account] = child.intent.now_ns
        self._end(parent, records.Ended(parent.id, child.id, filled, guessed), now_ns)

    def shrink(self, parent: Parent, child: Child, value: int, limit: int, now_ns: int) -> None:
        """A child was refused as too large: its size is routed again, with shares that its account allows."""
        notional = child.size * child.intent.price * child.member.price_factor
        self._offers.limit(child.member, max(1, notional * limit // value), now_ns)
        parent.too_large += child.size
        self._end(parent, records.Ended(parent.id, child.id, 0), now_ns)

    def _end(self, parent: Parent, ended: records.Ended, now_ns: int) -> None:
        self._note(ended)
        self._tried.pop(parent.id, None)
        self._settle(parent, now_ns)

    def correct(self, parent: Parent, child: Child, filled: int, now_ns: int, *, known: bool) -> None:
        """A child had filled more than its end showed, or less than was guessed: `known`, its fills are all there.

        Of more, the size may be routed already, so what still lives is cut. Of less, the rest is routed again.
        """
        if filled <= child.filled and not (known and child.guessed):
            return
        what = {"parent": parent.id, "child": child.id, "account": child.member.account, "filled": filled}
        logger.warning("a child has filled another size than its end showed", extra=what | {"before": child.filled})
        self._note(records.Ended(parent.id, child.id, filled))
        self._tried.pop(parent.id, None)
        if parent.id not in self.living and parent.filled < parent.size and not parent.stopped:
            self._note(records.Stopped(parent.id, GUESSED_TOO_MUCH, expired=False))
        if parent.bound > parent.size:
            self._cancel_children(parent, now_ns)
        if parent.filled > parent.size:
            over = to_text(parent.filled - parent.size, parent.route.size_decimals)
            logger.critical(
                "a parent has traded more than its size: reduce the position by it", extra=what | {"over": over}
            )
        self._settle(parent, now_ns)

    def follow_options(self, options: RouterOptions, cap: int) -> None:
        """Split by other options from now on, and give budgets out of another cap."""
        self._options = options
        self._offers.follow_options(options)
        if self._budgets is not None:
            self._budgets.set_cap(cap)

    def cap_holds(self) -> bool:
        """Whether no account may use more than the cap leaves it."""
        return self._budgets is None or self._budgets.holds

    def follow(self, followed: records.Followed) -> None:
        """Record how far the operator's commands were followed."""
        self._note(followed)

    def _route(self, parent: Parent, now_ns: int) -> int:
        """One wave of a parent."""
        self._tried[parent.id] = self._offers.count, now_ns + self._options.refused_ns
        free = parent.for_wave
        if not free or not self._journal.room:
            return 0
        if not parent.children and not self._is_fillable(parent, free):
            self.stop(parent, REST_TOO_SMALL, now_ns)
            return 0
        side = parent.intent.side
        offers = self._offers.of(parent.route, side, now_ns, parent.left_out, parent.newer_than)
        shares = split(side, free, parent.limit, offers)
        if shares and self._send(parent, shares, now_ns):
            parent.next_ns, parent.too_large = now_ns + self._options.wave_ns, 0
            return len(shares)
        if not shares and parent.too_large:
            parent.too_large = 0
            self._settle(parent, now_ns)
        return 0

    def _is_fillable(self, parent: Parent, size: int) -> bool:
        """Whether some venue accepts an order of this size at the parent's limit."""
        return any(is_orderable(one, size, parent.limit) for one in parent.route.members)

    def _send(self, parent: Parent, shares: Iterable[Share], now_ns: int) -> bool:
        """Record the children of a wave in one write, then submit them."""
        made = [self._child(parent, number, share, now_ns) for number, share in enumerate(shares, parent.made)]
        if not self._journal.write(*made):
            return False
        for one in made:
            self._apply(one)
            account = self.children[_id_in(one.intent)][1].member.account
            self._outboxes[account].submit(one.intent)
        return True

    def _child(self, parent: Parent, number: int, share: Share, now_ns: int) -> records.Sent:
        """The record of a child."""
        member = share.offer.member
        row = _empty(parent, member.instrument.id, now_ns)._replace(
            intent_id=self._next_id(parent, now_ns), kind=IntentKind.PLACE, order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC, side=parent.intent.side, flags=parent.intent.flags,
            price=share.price // member.price_factor, size=share.size // member.size_factor,
            ttl_ns=self._options.child_ttl_ns, signal=parent.intent.signal, receive_ns=share.offer.receive_ns,
            tick_sequence=share.offer.tick_sequence, target_id=parent.id,
        )  # fmt: skip
        return records.Sent(parent.id, number, share.size, INTENT_CODEC.pack_row(row))

    def _next_id(self, parent: Parent, now_ns: int) -> int:
        """The next id of the parent's strategy: counts rise over the lives of the router, also after a lost journal."""
        self._count = max(self._count + 1, now_ns // MS - EPOCH_MS)
        return routed_id(parent.intent.strategy, self._count)

    def _settle(self, parent: Parent, now_ns: int) -> None:
        """End a parent from which nothing can follow any more; publish what changed."""
        if parent.waved and not parent.settled:
            self._note(records.Stopped(parent.id, WAVE_ENDED, expired=False))
        if parent.settled and parent.id in self.living:
            self._note(records.Done(parent.id))
        self._publish_if_changed(parent, now_ns)

    def _note(self, record: records.Record) -> None:
        """Apply what has happened, and record it."""
        self._apply(record)
        self._journal.note(record)

    def _apply(self, record: records.Record) -> None:
        """The state after a record: the same in the life that wrote it and in the next."""
        match record:
            case records.Begun(intent=data):
                self._enter(INTENT_CODEC.unpack(data), record)
            case records.Sent(parent=of) if of in self.living:
                self._enter_child(self.living[of], record)
            case records.Ended():
                self._enter_end(record)
            case records.Stopped(parent=of) if (parent := self._known(of)) is not None:
                parent.stopped, parent.expired = record.why, record.expired
            case records.Done(parent=of) if of in self.living:
                self._done.append(self.living.pop(of))
                self._tried.pop(of, None)
            case records.Counted(count=count):
                self._count = max(self._count, count)
            case records.Known(strategy=strategy, intent_id=intent_id):
                self.last_intent[strategy] = max(intent_id, self.last_intent.get(strategy, 0))
            case records.Followed():
                self.followed = record
            case records.Granted() if self._budgets is not None:
                self._budgets.apply(record)

    def _known(self, of: int) -> Parent | None:
        """A living parent, or one of the newest ended ones."""
        return self.living.get(of) or next((one for one in self._done if one.id == of), None)

    def _enter(self, intent: IntentRow, begun: records.Begun) -> None:
        self.last_intent[intent.strategy] = max(intent.intent_id, self.last_intent.get(intent.strategy, 0))
        route = self._routes.get(intent.instrument)
        if route is None:
            what = {"intent": intent.intent_id, "instrument": intent.instrument}
            logger.critical("a parent of an instrument that no route has any more is not continued", extra=what)
            return
        member = route.member(intent.instrument)
        parent = Parent(intent, route, member, begun.now_ns, begun.deadline_ns, begun.filled, begun.children)
        self.living[parent.id] = parent

    def _enter_child(self, parent: Parent, sent: records.Sent) -> None:
        intent = INTENT_CODEC.unpack(sent.intent)
        child = Child(intent, sent.number, sent.size, parent.route.member(intent.instrument))
        parent.children[child.id], parent.made = child, max(parent.made, sent.number + 1)
        self.children[child.id] = parent, child
        self._count = max(self._count, count_of(child.id))

    def _enter_end(self, record: records.Ended) -> None:
        if record.child in self.children:
            parent, child = self.ended[record.child] = self.children.pop(record.child)
            parent.ended[child.id] = parent.children.pop(child.id)
            parent.filled += record.filled
            child.filled, child.guessed = record.filled, record.guessed
            self._forget_end()
        elif record.child in self.ended:
            parent, child = self.ended[record.child]
            parent.filled += record.filled - child.filled
            child.filled, child.guessed = record.filled, record.guessed

    def _forget_end(self) -> None:
        if len(self.ended) > ENDED_KEPT:
            parent, child = self.ended.pop(next(iter(self.ended)))
            del parent.ended[child.id]

    def _snapshot(self) -> Iterator[records.Record]:
        """The records of the state as it is."""
        yield records.Counted(self._count)
        yield self.followed
        yield from () if self._budgets is None else self._budgets.snapshot()
        for strategy, intent_id in self.last_intent.items():
            yield records.Known(strategy, intent_id)
        for parent in (*self._done, *self.living.values()):
            data = INTENT_CODEC.pack_row(parent.intent)
            earlier = parent.filled - sum(child.filled for child in parent.ended.values())
            yield records.Begun(data, parent.begun_ns, parent.deadline_ns, earlier, parent.made)
            for child in (*parent.ended.values(), *parent.children.values()):
                yield records.Sent(parent.id, child.number, child.size, INTENT_CODEC.pack_row(child.intent))
            for child in parent.ended.values():
                yield records.Ended(parent.id, child.id, child.filled, child.guessed)
            if parent.stopped:
                yield records.Stopped(parent.id, parent.stopped, parent.expired)
            if parent.settled:
                yield records.Done(parent.id)

    def _publish_if_changed(self, parent: Parent, now_ns: int) -> None:
        if parent.shown != (parent.state, parent.seen):
            self._publish(parent, now_ns)

    def _publish(self, parent: Parent, now_ns: int) -> None:
        """Publish a parent as the order that its strategy sees."""
        self._published += 1
        parent.shown, parent.shown_at = (parent.state, parent.seen), self._published
        intent = parent.intent
        if parent.settled and parent.state != OrderState.FILLED:
            rest = to_text(parent.size - parent.filled, parent.route.size_decimals)
            self._log.warning(
                now_ns, f"a parent ends unfilled: {parent.stopped}", strategy=intent.strategy, rest=rest,
                route=parent.route.name,
            )  # fmt: skip
        self._publish_order(ORDER_CODEC.pack_row(EMPTY_ORDER._replace(
            intent_id=intent.intent_id, intent_ns=intent.now_ns, receive_ns=intent.receive_ns, sent_ns=parent.begun_ns,
            now_ns=now_ns, price=intent.price, size=intent.size, filled=parent.seen // parent.member.size_factor,
            strategy=intent.strategy, instrument=intent.instrument, state=parent.state, side=intent.side,
            order_type=OrderType.LIMIT, time_in_force=intent.time_in_force, limit_price=intent.price,
            timeout_ns=intent.timeout_ns, expires_ns=parent.deadline_ns,
            error_text=parent.stopped.encode()[:ERROR_TEXT],
        )))  # fmt: skip


def _empty(parent: Parent, instrument: int, now_ns: int) -> IntentRow:
    """An intent of the parent's strategy, with everything else 0."""
    return EMPTY_INTENT._replace(strategy=parent.intent.strategy, instrument=instrument, now_ns=now_ns)


def _id_in(intent: bytes) -> int:
    return int.from_bytes(intent[:8], "little")
