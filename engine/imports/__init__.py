"""Import what others recorded: files and queries become rows of the history, with the columns of recorded rows.

    file ──▶ formats: text tables ──▶ shapes: exact records ──▶ stage: order of time ──▶ rules: report
                                                                       └▶ keys: one row for each key ──▶ write: history

docs/history.md describes formats, rules and the report.
"""
