"""What a figure was measured on: without it a figure says nothing."""

import os
import platform
import ssl
from pathlib import Path


def describe() -> dict[str, str | int]:
    """The machine in the words of its kernel."""
    return {
        "cpu": processor(),
        "cores": os.cpu_count() or 0,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
    }


def processor() -> str:
    """The processor's name, or its architecture where the kernel does not tell."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
