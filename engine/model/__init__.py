"""The words of trading: no memory, process or I/O."""
