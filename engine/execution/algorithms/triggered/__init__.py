"""Orders that wait for a price: stops, take-profits, pairs and brackets."""
