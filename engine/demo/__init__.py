"""What `make demo` runs: the finished parts of the engine, as real processes, with a live view."""
