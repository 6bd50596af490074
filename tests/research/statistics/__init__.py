"""Statistics, compared with plain formulas."""
