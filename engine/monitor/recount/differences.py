"""What differs, since when, and which differences have lasted so long that their instrument is halted.

A difference counts when it was found at least twice, unchanged, over `patience_ns`: one that a fill on its way makes is
shorter. After an operator has resumed the instrument, the differences that are known then are not reported again,
until their amounts change or a comparison finds that they have ended. What was accepted outlives the monitor.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

Key = tuple[Hashable, ...]


class Finding(NamedTuple):
    """What one comparison found."""

    instruments: tuple[int, ...]  # that it halts
    strategy: int  # 0: the whole account
    difference: int  # what the other side has more than the fills, at FEE_DECIMALS
    text: str
    amounts: tuple[int, ...] = ()  # which stay as they are while both sides count alike


@dataclass(slots=True)
class Found:
    """A difference that is there now."""

    since_ns: int
    mark: Hashable
    finding: Finding
    times: int = 1
    accepted: bool = False  # by an operator
    reported_ns: int = 0


class Differences:
    """The differences of one account, by what was compared."""

    def __init__(self, patience_ns: int, accepted: dict[str, str]) -> None:
        """Begin without a difference; `accepted`: what was compared, and its amounts, as an earlier life left it."""
        self._patience_ns, self._accepted = patience_ns, accepted
        self._found: dict[Key, Found] = {}

    def note(self, key: Key, mark: Hashable, finding: Finding, now_ns: int) -> None:
        """A comparison found this difference; another `mark` than before is another difference.

        So are other amounts than those that an operator has accepted.
        """
        known = self._found.get(key)
        grown = known is not None and known.accepted and known.finding.amounts != finding.amounts
        if known is None or known.mark != mark or grown:
            accepted = self._accepted.get(text_of(key)) == text_of((mark, *finding.amounts))
            self._found[key] = Found(now_ns, mark, finding, accepted=accepted)
            return
        known.finding = finding
        known.times += 1

    def clear(self, key: Key) -> None:
        """A comparison found no difference."""
        self._found.pop(key, None)
        self._accepted.pop(text_of(key), None)

    def clear_of(self, *kinds: Hashable) -> None:
        """Nothing of these kinds, the first parts of their keys, can be compared now."""
        self._found = {key: one for key, one in self._found.items() if key[0] not in kinds}

    def since_ns(self, key: Key) -> int:
        """Since when this has differed; 0: it does not."""
        known = self._found.get(key)
        return known.since_ns if known is not None else 0

    def lasts(self, key: Key, now_ns: int) -> bool:
        """Whether this difference has lasted long enough to count."""
        known = self._found.get(key)
        return known is not None and self._counts(known, now_ns)

    def lasting(self, now_ns: int) -> Iterator[Found]:
        """The differences that count and that no operator has accepted."""
        return (one for one in self._found.values() if self._counts(one, now_ns) and not one.accepted)

    def count(self, now_ns: int) -> int:
        """How many differences count, accepted ones included."""
        return sum(self._counts(one, now_ns) for one in self._found.values())

    def accept(self, instrument: int) -> None:
        """An operator has resumed this instrument: its present differences are not reported again."""
        for key, one in self._found.items():
            if instrument in one.finding.instruments:
                one.accepted = True
                self._accepted[text_of(key)] = text_of((one.mark, *one.finding.amounts))

    def _counts(self, one: Found, now_ns: int) -> bool:
        return one.times > 1 and now_ns - one.since_ns >= self._patience_ns


def text_of(key: Key) -> str:
    """A key, or what differs, for the file."""
    return " ".join(map(str, key))
