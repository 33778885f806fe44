"""What every package stands on: database, clock, ids, errors, strict JSON, cursors, jobs, limits.

It has no product words. `db.py` is the only place that begins and commits transactions;
`clock.py` the only one that asks the machine for the time; `problems.py` the only one that
knows status numbers.
"""
