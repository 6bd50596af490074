"""Imports of files that others made."""
