"""Execution algorithms: a parent intent worked by child orders."""
