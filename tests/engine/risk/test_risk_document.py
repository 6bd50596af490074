"""docs/risk.md against the gate: the table of checks, and the defaults of the limits."""

import re
from pathlib import Path

from engine.model.words import Reason
from engine.risk.breakers import BREAKERS
from engine.risk.caps import CAPS
from engine.risk.gate import ENTRY, EXIT
from engine.risk.limits import RiskLimits

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "risk.md").read_text()
CHECKS = re.findall(r"^\| `(\w+)` \| (.*?) \| (yes|no) \| (yes|no) \| .* \|$", TEXT, re.MULTILINE)
LIMITS = re.findall(r"^\| `(\w+)` \| ([^|]*?) \| .* \|$", TEXT, re.MULTILINE)


def test_the_table_has_the_checks_of_each_list_in_their_order() -> None:
    """An operator who reads which limit holds an exit must read what the gate does."""
    for column, checks in ((2, ENTRY), (3, EXIT)):
        assert [row[0] for row in CHECKS if row[column] == "yes"] == [
            one.__name__.removeprefix("check_") for one in checks
        ]


def test_every_reason_of_the_table_is_a_word_of_a_verdict() -> None:
    """A reason that is spelt otherwise is searched for in vain."""
    named = {reason for row in CHECKS for reason in re.findall(r"[A-Z_]{4,}", row[1])}
    own = {
        "APPROVED",
        "UNKNOWN_ORDER",
        "DUPLICATE_INTENT",
        "UNKNOWN_ALGORITHM",
        "ALGORITHM_PARAMETER",
        "NO_VOLUME_PROFILE",
        "SLICE_TOO_SHORT",
        "NOT_AMENDABLE",
        "NOTHING_TO_REDUCE",
        "TOO_MANY_KEPT",
    }  # not the gate's: execution's own
    assert named == {reason.name for reason in Reason} - own


def test_every_limit_is_in_the_document_with_its_default() -> None:
    """A limit holds across every restart, and its formula can be read."""
    documented = {name: text.strip("` ") for name, text in LIMITS if name in RiskLimits.__struct_fields__}
    defaults = RiskLimits()
    assert list(documented) == list(RiskLimits.__struct_fields__)
    for name in ("max_position_usd", "max_order_size_usd", "max_order_rate_per_min", "exit_rate_reserve",
                 "strategy_rate_share", "venue_rate_reserve", "price_collar_bps", "exit_collar_bps", "max_spread_bps",
                 "max_book_age_ns", "max_intent_age_ns", "max_intent_ahead_ns", "ramp"):  # fmt: skip
        assert documented[name].replace(" ", "") == str(getattr(defaults, name)), name


def test_every_further_cap_is_in_the_document() -> None:
    """A key without its formula is set by guessing."""
    section = TEXT[TEXT.index("## Further caps") : TEXT.index("## Breakers")]
    rows = re.findall(r"^\| `(\w+)` \| [A-Z_, ]+ \| .* \|$", section, re.MULTILINE)
    assert sorted(rows) == sorted(CAPS)


def test_every_breaker_is_in_the_document_with_its_policy() -> None:
    """Who sets a limit must know what happens when it is reached."""
    rows = re.findall(r"^\| `(\w+)` \| [A-Z_]+ \| `(\w+)` \| .* \|$", TEXT[TEXT.index("## Breakers") :], re.MULTILINE)
    assert sorted(rows) == sorted((key, one.policy.name.lower()) for key, one in BREAKERS.items())
