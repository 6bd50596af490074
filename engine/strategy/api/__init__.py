"""The author's API: the base class, books, orders, units, and the errors of wrong calls."""
