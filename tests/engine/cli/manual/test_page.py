"""The man page: every command and option, in a form that man renders."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from engine.cli import main
from engine.cli.manual.definitions import OptionText, commands
from engine.cli.manual.page import page
from tests.engine.cli.manual.test_definitions import LEAVES


@pytest.fixture
def text() -> str:
    """The page."""
    return page(commands(), "0.1.0", "2026-11-30")


def test_every_command_and_option_is_in_the_page(text: str) -> None:
    """A command that is missing here does not exist for who reads the manual."""
    plain = text.replace("\\-", "-")
    for one in LEAVES:
        assert f".SS {one.name}\n" in plain
        for option in one.options:
            assert f".B {', '.join(option.names)}" in plain
        assert all(line in plain for line in one.example.splitlines())


def test_a_text_cannot_be_read_as_a_request() -> None:
    """A line of help that begins with a dot would vanish from the page, and a backslash would change the rest."""
    [status] = [one for one in commands() if one.name == "status"]
    option = OptionText(("-x",), "", ".x")
    odd = replace(status, words=("odd",), about=".SH lost\n'br\nC:\\new", options=(option,))
    found = page([commands()[0], odd], "1", "2026-11-30")
    assert "\\&.SH lost\n\\&'br\nC:\\enew" in found
    assert "\\&.x" in found


def test_the_command_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """`engine-ctl man > engine-ctl.1` installs it."""
    assert main(["man"]) == 0
    assert capsys.readouterr().out.startswith(".TH ENGINE\\-CTL 1")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_renders_the_page_without_a_warning(text: str) -> None:
    """A warning is a line that is shown wrong."""
    done = _run(text, "groff", "-man", "-Tutf8", "-ww", "-P-cbou")
    assert not done.stderr
    assert re.search(r"^ +engine-ctl shm tail LANE \[options\]", done.stdout, re.MULTILINE)


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_finds_no_error(text: str) -> None:
    """Another reader of the format, which is stricter."""
    assert _run(text, "mandoc", "-T", "lint", "-W", "warning").stdout == ""


def _run(text: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Give the page to a program."""
    return subprocess.run(words, input=text, capture_output=True, text=True, check=False)
