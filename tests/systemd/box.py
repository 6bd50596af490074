"""A Debian that boots with systemd as its first process, in a container of systemd-nspawn.

    tree      debootstrap's, made once and kept outside of the repository; every boot writes to an overlay in memory
    wheels    the project's and those of all that it needs, so that the container needs no network

Needs root, `debootstrap` and `systemd-nspawn` (Debian: debootstrap, systemd-container).
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.engine.floor import until

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("STEELYARD_BOX", Path.home() / ".cache" / "steelyard" / "box"))
RELEASE = "bookworm"
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,procps"
MADE_OF = ("README.md", "LICENSE", "configs", "systemd", "shm", "engine", "research")
TOOLS = ("debootstrap", "systemd-nspawn", "nsenter")
INIT = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/sbin/init")
INSIDE = ("--mount", "--uts", "--ipc", "--pid", "--net", "--cgroup", "--root", "--wd")
PYTHON = (3, 11)  # of the release: wheels of another Python do not install in it


def missing() -> str:
    """Why no box can boot here; "" when one can."""
    if os.geteuid() != 0:
        return "a box needs root"
    if sys.version_info[:2] != PYTHON:
        return f"Debian {RELEASE} has Python {PYTHON}, the wheels are made for {sys.version_info[:2]}"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"a box needs {', '.join(absent)}: apt-get install debootstrap systemd-container" if absent else ""


def tree() -> Path:
    """The Debian tree; made at the first call."""
    found = CACHE / f"tree-{RELEASE}"
    if not found.exists():
        making = found.with_suffix(f".{os.getpid()}")
        making.parent.mkdir(parents=True, exist_ok=True)
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", RELEASE, str(making))
        making.rename(found)
    return found


def unobtainable() -> str:
    """Why no tree can be had, "" when there is one; `make soak` fails for this instead."""
    try:
        tree()
    except AssertionError as error:
        if os.environ.get("STEELYARD_SOAK"):
            raise
        return f"no Debian tree in {CACHE}: {error}"
    return ""


def wheels(place: Path) -> Path:
    """A directory with the project's wheel, newly made, and the wheels of what it needs, kept from the last time.

    The compiled parts are those that are built in the source tree, so nothing is compiled.
    """
    source, kept = place / "source", CACHE / "wheels"
    source.mkdir()
    for name in MADE_OF:
        (source / name).symlink_to(ROOT / name)
    settings = (ROOT / "pyproject.toml").read_text()
    (source / "pyproject.toml").write_text(settings.replace('"py.typed"]', '"py.typed", "*.so"]'))
    kept.mkdir(parents=True, exist_ok=True)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet")
    run(*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", str(place), str(source))
    [made] = place.glob("steelyard-*.whl")
    needs = (f"--find-links={kept}", "--wheel-dir", str(kept), f"{made}[sim]")
    if subprocess.run([*pip, "--no-index", *needs], capture_output=True, check=False).returncode:
        run(*pip, *needs)
    for one in kept.glob("*.whl"):
        if not one.name.startswith("steelyard-"):
            shutil.copy(one, place)
    return place


def _words_of(pid: str) -> list[str]:
    """The command line of a process; one empty word when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return [""]


def run(*words: str) -> str:
    """A command of this machine; its output."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


class Box:
    """A booted container."""

    def __init__(self, files: Path) -> None:
        """Boot, with these files in /srv/files; wait until systemd has started everything."""
        words = ["systemd-nspawn", "--register=no", "--keep-unit", "--quiet", "--resolv-conf=off", "--timezone=off"]
        words += ["--volatile=overlay", f"--bind={files}:/srv/files", "--directory", str(tree()), "--boot"]
        self.console = (files / "console").open("wb")
        self.nspawn = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console, start_new_session=True
        )
        self.init = until(self._find_init)
        until(lambda: self.type("systemctl is-system-running", check=False).strip() in ("running", "degraded"))

    def _find_init(self) -> int:
        """The pid of the container's first process; 0 while it does not run."""
        assert self.nspawn.poll() is None, "the container did not boot"
        children = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        named = [int(pid) for pid in children if _words_of(pid)[0] in INIT]
        return named[0] if named else 0

    def type(self, script: str, *, check: bool = True, timeout_s: float = 400.0) -> str:
        """Run a script in the container as root, as at its console; its output."""
        environment = [
            "HOME=/srv",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
        ]
        offline = ["PIP_NO_INDEX=1", "PIP_FIND_LINKS=/srv/files", "PIP_DISABLE_PIP_VERSION_CHECK=1"]
        words = ["nsenter", "--target", str(self.init), *INSIDE, "env", "-i", *environment, *offline]
        done = subprocess.run(
            [*words, "sh", "-ec", f"cd /srv/files\n{script}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=timeout_s, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"exit {done.returncode}: {script}\n{done.stdout[-6000:]}"
        return done.stdout

    def path(self, path: str) -> Path:
        """A file of the container, as this machine reaches it."""
        return Path(f"/proc/{self.init}", "root", path.lstrip("/"))

    def shut_down(self) -> None:
        """Power off as an operator does; the container's processes end in order."""
        self.nspawn.send_signal(signal.SIGTERM)
        try:
            self.nspawn.wait(240)
        finally:
            self.nspawn.kill()
            self.console.close()
