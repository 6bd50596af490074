"""The process around a strategy: reads lanes, calls hooks, publishes intents and STEPS."""
