"""What the author of a strategy uses: the base class, books, orders, units, and the errors of wrong calls."""
