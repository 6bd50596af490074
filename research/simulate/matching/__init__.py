"""The venue of a simulation: its book, our resting orders, their answers and delays."""
