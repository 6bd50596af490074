"""The commands that halt, cancel or flatten a part of a system, and what they read to confirm it."""
