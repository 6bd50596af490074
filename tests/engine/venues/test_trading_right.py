"""Whether a key and its account may place orders, as far as a session's answers show."""

import pytest

from engine.venues.session import NO_DENIAL, Answer, Ask
from engine.venues.trading.news import Outcome, ReplaceNews
from engine.venues.trading.right import TradingRight

BARRED = ("-2010", "the account may not trade")
ACCEPTED, REFUSED, UNKNOWN = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN
KEY = ("-2015", "order refused: -2015 no")


def replaced(place: Outcome) -> Answer:
    """A replacement whose placement came out like this."""
    return Answer(REFUSED, denied=True, replace=ReplaceNews(ACCEPTED, place, 0, "-2015", "no"))


@pytest.mark.parametrize(
    ("before", "kind", "answer", "after"),
    [
        (NO_DENIAL, Ask.PLACE, Answer(REFUSED, "-2015", "no", denied=True), KEY),
        (NO_DENIAL, Ask.PLACE, Answer(REFUSED, "-2010", "no money"), NO_DENIAL),
        (NO_DENIAL, Ask.PLACE, Answer(UNKNOWN, "-2015", "no", denied=True), NO_DENIAL),
        (KEY, Ask.PLACE, Answer(ACCEPTED), NO_DENIAL),
        (BARRED, Ask.PLACE, Answer(ACCEPTED), NO_DENIAL),
        (NO_DENIAL, Ask.REPLACE, replaced(REFUSED), KEY),
        (KEY, Ask.REPLACE, replaced(ACCEPTED), NO_DENIAL),
        (KEY, Ask.REPLACE, Answer(UNKNOWN), KEY),
        (NO_DENIAL, Ask.RIGHT, Answer(REFUSED, "-1013", "filter"), NO_DENIAL),
        (NO_DENIAL, Ask.RIGHT, Answer(UNKNOWN, "-2015", "no", denied=True), NO_DENIAL),
        (NO_DENIAL, Ask.RIGHT, Answer(REFUSED, "-2015", "no", denied=True), ("-2015", "test order refused: -2015 no")),
        (KEY, Ask.RIGHT, Answer(ACCEPTED), NO_DENIAL),
        (BARRED, Ask.RIGHT, Answer(ACCEPTED), BARRED),
        (NO_DENIAL, Ask.BALANCES, Answer(ACCEPTED, barred=BARRED), BARRED),
        (BARRED, Ask.BALANCES, Answer(ACCEPTED), NO_DENIAL),
        (BARRED, Ask.BALANCES, Answer(REFUSED), BARRED),
        (KEY, Ask.BALANCES, Answer(ACCEPTED), KEY),
        (NO_DENIAL, Ask.CANCEL, Answer(REFUSED, "-2015", "no", denied=True), NO_DENIAL),
    ],
)
def test_each_answer_shows_as_much_about_the_right_as_it_can(
    before: tuple[int, str], kind: Ask, answer: Answer, after: tuple[int, str]
) -> None:
    """A filter refuses a test order too; a barred account stays barred whatever a test order's answer is."""
    right = TradingRight()
    if before == BARRED:
        right.judge(Ask.BALANCES, Answer(ACCEPTED, barred=BARRED))
    elif before == KEY:
        right.judge(Ask.PLACE, Answer(REFUSED, "-2015", "no", denied=True))
    assert right.denied == before
    right.judge(kind, answer)
    assert right.denied == after


def test_a_new_session_begins_with_the_right() -> None:
    """A refusal on an earlier connection may be mended since, by another key."""
    right = TradingRight()
    right.judge(Ask.BALANCES, Answer(ACCEPTED, barred=BARRED))
    right.reset()
    right.judge(Ask.RIGHT, Answer(ACCEPTED))
    assert right.denied == NO_DENIAL
