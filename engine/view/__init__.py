"""The terminal view: the figures of a running system on one screen."""
