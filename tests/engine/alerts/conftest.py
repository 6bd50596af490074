"""Endpoints that end with their test."""

from collections.abc import Iterator

import pytest

from tests.engine.alerts.endpoints import Endpoint
from tests.engine.alerts.mail_server import MailServer


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An HTTP endpoint."""
    one = Endpoint()
    yield one
    one.close()


@pytest.fixture
def post() -> Iterator[MailServer]:
    """An SMTP server."""
    one = MailServer()
    yield one
    one.close()
