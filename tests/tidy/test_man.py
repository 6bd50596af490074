"""The man page that a wheel installs, against the definitions of the commands."""

import re
import tomllib

from engine.cli.manual.definitions import commands
from engine.cli.manual.page import page
from tests.tidy.wheel import ROOT


def test_the_installed_page_is_that_of_the_commands() -> None:
    """A page of an older version names options that no longer exist."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    written = (ROOT / "engine/cli/manual/engine-ctl.1").read_text()
    [date] = re.findall(r"^\.TH ENGINE\\-CTL 1 \"([0-9-]{10})\"", written)
    assert written == page(commands(), version, date) + "\n", "engine-ctl man > engine/cli/manual/engine-ctl.1"
