"""Tests of systemd/: a Debian that boots in a container."""
