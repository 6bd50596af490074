"""A notebook attached to a running system."""
