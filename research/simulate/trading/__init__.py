"""The strategy's side of a simulation: its client, its orders, its positions and balances."""
