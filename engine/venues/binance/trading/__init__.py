"""Orders at Binance spot: requests out, answers and reports in."""
