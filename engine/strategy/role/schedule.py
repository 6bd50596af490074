"""When the scheduled methods of one strategy are due (see `engine/strategy/api/schedule.py`)."""

from typing import Any

from engine.strategy.api.schedule import NEVER_NS, rules_of


class Schedule:
    """The next time of each scheduled method."""

    def __init__(self, strategy: Any) -> None:
        """Nothing is due before `begin`."""
        self._rules = [(rule, getattr(strategy, name)) for name, rule in rules_of(type(strategy))]
        self._next: list[int] = []

    def begin(self, now_ns: int) -> int:
        """Count from now; when the first method is due."""
        self._next = [rule.after(now_ns) for rule, _ in self._rules]
        return min(self._next, default=NEVER_NS)

    def call(self, now_ns: int) -> int:
        """Call the methods that are due, the earliest first; when the next one is due."""
        due = sorted((at_ns, place) for place, at_ns in enumerate(self._next) if at_ns <= now_ns)
        for _, place in due:
            rule, method = self._rules[place]
            self._next[place] = rule.after(now_ns)
            method(now_ns)
        return min(self._next)
