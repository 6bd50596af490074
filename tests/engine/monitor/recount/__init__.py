"""The role monitor."""
