"""The role around a strategy: reads lanes, calls hooks, publishes intents and STEPS."""
