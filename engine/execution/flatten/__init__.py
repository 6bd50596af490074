"""Closing every position of a scope: cancel, confirm, close, confirm, report."""
