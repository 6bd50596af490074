#!/bin/sh
# Build all that is compiled with AddressSanitizer and UBSan in a temporary copy, and run its tests there: shared
# memory, then meters, indicators and simulations, then scanners, books, pipeline and frame codec with a million spoilt frames
# each.
# Usage: sanitize.sh [PYTHON [pytest arguments…]], from the project's root. `make sanitize` calls it.
# STEELYARD_MUTATIONS=20000 makes it the bounded share that CI has time for.
set -eu
python=${1:-python3}
[ $# -gt 0 ] && shift
STEELYARD_MUTATIONS=${STEELYARD_MUTATIONS:-1000000}
STEELYARD_CAPTURES=$(realpath -m "${STEELYARD_CAPTURES:-../shared/captures}")
export STEELYARD_MUTATIONS STEELYARD_CAPTURES
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -a shm engine research bench configs docs tests setup.py pyproject.toml README.md LICENSE "$copy"
cd "$copy"
find . \( -name '*.so' -o -name '*.pyc' \) -delete
STEELYARD_SANITIZE=address,undefined "$python" setup.py -q build_ext --inplace -j "$(nproc)"
# Leaks: Python itself is not freed at exit. SIGSEGV: a test wants to see the kernel's own.
export ASAN_OPTIONS=detect_leaks=0:handle_segv=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" PYTHONPATH=. PYTHONMALLOC=malloc
"$python" -m pytest tests/shm --ignore=tests/shm/model --ignore=tests/shm/native --timeout 600 "$@"
"$python" -m pytest tests/engine/meters tests/engine/indicators tests/research/simulate tests/research/bars --timeout 1200 "$@"
"$python" -m pytest tests/engine/book tests/engine/feed tests/engine/venues \
    --ignore=tests/engine/venues/wire/test_http_port.py --timeout 3600 --numprocesses auto --dist loadfile "$@"
