"""How a size is split over venues: the levels of all books in the order of their cost, each venue's at most its depth.

    cost of a level = price * (1 ± charge)         + for a buyer, - for a seller
    charge          = taker's fee + latency_bps_per_ms * median acknowledgement of the account

A quote of a venue that answers late may have moved when the order arrives: the second part of the charge makes such a
quote as much worse as it may move. The walk fills whole size steps from the cheapest level on, never beyond the limit
of the parent, and no share beyond the largest order of its venue and of its account. A share below the least order of
its venue is left to the other venues, and the walk begins again.
"""

import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.model.words import BUY
from engine.router.terms import Member, notional_least

PPM = 1_000_000


class Level(NamedTuple):
    """One level of a book, in the route's numbers."""

    price: int
    size: int


class Offer(NamedTuple):
    """The side of one venue's book that an order would reach."""

    member: Member
    charge_ppm: int
    levels: Sequence[Level]  # best first
    receive_ns: int = 0  # of the book
    tick_sequence: int = 0
    notional_most: int = 0  # of a share, in the route's numbers; 0: no limit is known


class Share(NamedTuple):
    """What one venue gets of a parent."""

    offer: Offer
    size: int
    price: int  # the worst price of the levels that it is to fill


def split(side: int, size: int, limit: int, offers: Sequence[Offer]) -> list[Share]:
    """The shares of a size; together at most the size, none where no venue can fill a least order."""
    left_out: set[int] = set()
    while True:
        shares = _walk(side, size, limit, [one for one in offers if one.member.instrument.id not in left_out])
        small = {
            one.offer.member.instrument.id for one in shares if not is_orderable(one.offer.member, one.size, one.price)
        }
        if not small:
            return shares
        left_out |= {min(small, key=lambda one: _size_of(shares, one))}


def is_orderable(member: Member, size: int, price: int) -> bool:
    """Whether a venue accepts an order of this size at this price."""
    instrument = member.instrument
    return size >= instrument.size_min * member.size_factor and size * price >= notional_least(member)


def _size_of(shares: Sequence[Share], instrument: int) -> int:
    return next(one.size for one in shares if one.offer.member.instrument.id == instrument)


def _walk(side: int, size: int, limit: int, offers: Sequence[Offer]) -> list[Share]:
    """Fill the size from the cheapest level on."""
    sizes, worst = [0] * len(offers), [0] * len(offers)
    for place, level in _by_cost(side, offers):
        if not size:
            break
        if side * (level.price - limit) > 0:
            continue
        taken = min(level.size, size, max(0, _most(offers[place], level.price, sizes[place] + size) - sizes[place]))
        taken -= taken % offers[place].member.step
        if taken:
            sizes[place] += taken
            worst[place] = level.price
            size -= taken
    return [Share(one, sizes[i], worst[i]) for i, one in enumerate(offers) if sizes[i]]


def _most(offer: Offer, price: int, size: int) -> int:
    """How much of this size one order at this price may have: the venue's limit, and the account's."""
    venues = offer.member.instrument.size_max * offer.member.size_factor
    size = min(size, venues) if venues > 0 else size
    return min(size, offer.notional_most // price) if offer.notional_most else size


def _by_cost(side: int, offers: Sequence[Offer]) -> Iterator[tuple[int, Level]]:
    """Every level with the place of its offer, cheapest first; of equal ones the offer that comes first."""
    walks = (_costs(side, place, one) for place, one in enumerate(offers))
    return ((place, level) for _, place, level in heapq.merge(*walks))


def _costs(side: int, place: int, offer: Offer) -> Iterator[tuple[int, int, Level]]:
    factor = PPM + offer.charge_ppm if side == BUY else -(PPM - offer.charge_ppm)
    return ((level.price * factor, place, level) for level in offer.levels)
