"""The table [metrics]: what is refused before a system starts."""

import pytest

from engine.config import Config, ConfigError
from engine.config.tables import Metrics
from engine.metrics import check_table
from tests.engine.conftest import Write


@pytest.mark.parametrize("token", [" ", "two words", "clé", "tab\t"])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    """Every request would be answered 401, and nobody would see why."""
    with pytest.raises(ValueError, match="token has a character"):
        check_table(Metrics(token=token))


def test_a_secret_that_does_not_exist_is_refused_on_loopback_too(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role could not start, and the system would run without metrics."""
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    config: Config = write('[metrics]\ntoken = { env = "NO_SUCH_TOKEN" }\n')
    assert config.metrics is not None
    with pytest.raises(ValueError, match="NO_SUCH_TOKEN"):
        check_table(config.metrics)


def test_readings_come_often_enough_for_the_checks(write: Write) -> None:
    """A reading older than 2 s is unhealthy: with rarer readings a sound system would be found dead."""
    assert write("[metrics]\nevery_ms = 1000\n").metrics is not None
    with pytest.raises(ConfigError, match="every_ms"):
        write("[metrics]\nevery_ms = 1001\n")
