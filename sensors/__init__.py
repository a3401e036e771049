"""Sensors, one a file: each reads, calls a ``decide_*`` function of its domain and requests a run.

``notifier`` sends in its tick and requests none. The watchdogs of forks, merges, reinvestment, orders and
failed runs come with the rules that they watch.
"""
