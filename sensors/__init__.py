"""Sensors, one a file: each reads, calls a ``decide_*`` function of its domain and requests a run.

Their place. The watchdogs (forks, merges, reinvestment, protocol levels, orders, failed runs) come with
the rules that they watch.
"""
