#!/bin/sh
# Build the core with AddressSanitizer and UBSan in a temporary copy, and run its tests there.
# Usage: sanitize.sh [PYTHON [pytest arguments…]], from the project's root. `make sanitize` calls it.
set -eu
python=${1:-python3}
[ $# -gt 0 ] && shift
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/tests"
cp -r shm setup.py pyproject.toml README.md LICENSE "$copy" 2>/dev/null || true
cp -r tests/__init__.py tests/shm "$copy/tests"
rm -f "$copy"/shm/*.so
cd "$copy"
STEELYARD_SANITIZE=address,undefined "$python" setup.py -q build_ext --inplace
# Leaks: Python itself is not freed at exit. SIGSEGV: a test wants to see the kernel's own.
export ASAN_OPTIONS=detect_leaks=0:handle_segv=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" PYTHONPATH=. PYTHONMALLOC=malloc \
    "$python" -m pytest tests/shm --ignore=tests/shm/model --ignore=tests/shm/native --timeout 600 "$@"
