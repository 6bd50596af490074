"""What `check` prints about a file with several accounts: which account is wrong, and what to do."""

from pathlib import Path

import pytest

from engine.cli import WRONG_USE
from tests.engine import edited

WEST = 'name = "west_main"\nnumber = 2\nvenue = "west"'


pytestmark = pytest.mark.usefixtures("places")


def checked(tmp_path: Path, old: str, new: str) -> int:
    """The exit code for the file with a change."""
    return edited.checked(tmp_path, "accounts.toml", old, new)


def test_the_file_of_two_accounts_is_sound(tmp_path: Path) -> None:
    """It is the example from which an operator writes another."""
    assert checked(tmp_path, "", "") == 0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "west"\nkind = "binance"', 'name = "west"\nkind = "kraken"', "accounts.west_main: "),
        ('"ws://127.0.0.1:9721/ws-api/v3"', '"wss://192.0.2.1/ws-api/v3"', "accounts.west_main: venue west: order_url"),
        ('api_key = { env = "STEELYARD_WEST_KEY" }', "", "accounts.west_main: "),
        ('environment = { STEELYARD_WEST_KEY = "', 'environment = { STEELYARD_OTHER_KEY = "', "venues.west.api_key: "),
        (WEST, WEST.replace("number = 2", "number = 1"), "accounts.number = 1: expected a unique value"),
        (WEST, WEST.replace('venue = "west"', 'venue = "wst"'), "accounts[1].venue = 'wst': expected one of"),
        (WEST, WEST.replace('venue = "west"', 'venue = "east"'), "accounts.venue = 'east': expected one account"),
        ('roles = ["west_main"]', 'roles = ["execution"]', "processes.roles"),
    ],
)
def test_an_account_that_could_not_trade_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, expected: str
) -> None:
    """One line before anything starts, instead of an execution that dies again and again beside one that trades."""
    assert checked(tmp_path, old, new) == WRONG_USE
    assert expected in capsys.readouterr().err
