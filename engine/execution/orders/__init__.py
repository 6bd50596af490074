"""Orders, fills and positions as execution knows them."""
