"""Build what is hot: every `.pyx` under the packages, and the C extension of the ring.

Everything else about the project is in pyproject.toml. `STEELYARD_SANITIZE=address,undefined` builds
the compiled parts for the sanitizers (see the Makefile's `sanitize` target).
"""

import os
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup

SANITIZE = os.environ.get("STEELYARD_SANITIZE", "")
FLAGS = ["-std=gnu11", "-O3", "-fno-strict-aliasing", "-Wall", "-Wextra", "-Wno-unused-parameter"]
if SANITIZE:
    FLAGS += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer", "-g", "-O1", "-fno-sanitize-recover=undefined"]
CORES = os.cpu_count() or 1
HEADERS = ("shm", "engine/execution/journal", "engine/inference")
LINK = [f"-fsanitize={SANITIZE}"] if SANITIZE else []


def extension(source: Path) -> Extension:
    """One extension named after its path, seeing the shared headers."""
    return Extension(
        ".".join(source.with_suffix("").parts),
        [str(source)],
        include_dirs=[*HEADERS, np.get_include()],
        depends=[str(header) for place in HEADERS for header in sorted(Path(place).glob("*.h"))],
        extra_compile_args=FLAGS,
        extra_link_args=LINK,
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
    )


PYX = sorted(path for package in ("shm", "engine", "research") for path in Path(package).rglob("*.pyx"))
setup(
    ext_modules=[
        extension(Path("shm/_ring.c")),
        *cythonize(
            [extension(path) for path in PYX],
            language_level="3",
            compiler_directives={"binding": False},
            nthreads=CORES,
        ),
    ],
    options={"build_ext": {"parallel": CORES}},
)
