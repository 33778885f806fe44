"""Measuring the service on this machine, beside a bare endpoint of the same run.

`python -m bench` starts the real service and a bare one, drives both over HTTP and prints a table.
Only ratios travel from one machine to another; no test asserts a speed.
"""
