"""Looks on: figures read from the lanes of a running system, which does not notice."""
