"""The look-ahead test: planted leaks are found, clean strategies pass."""
