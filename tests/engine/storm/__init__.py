"""Real processes under faults: every role, the supervisor and the guard, and the operator at bad moments."""
