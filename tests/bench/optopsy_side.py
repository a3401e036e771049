"""Runs in an environment of its own, with optopsy in it, which the project never depends on.

``python optopsy_side.py CHAINS.parquet TRADES.parquet``: prints the seconds that ``short_puts`` takes on
rows that are already in memory, three times, and writes its trades.
"""

import sys
import time

import optopsy
import pandas as pd

chains, trades, low, target, high, dte_high = sys.argv[1], sys.argv[2], *map(float, sys.argv[3:7])
frame = pd.read_parquet(chains)
dates = frame.loc[frame["is_entry"], ["underlying_symbol", "quote_date"]].drop_duplicates()
frame = frame.drop(columns="is_entry")
for _ in range(3):
    began = time.perf_counter()
    found = optopsy.short_puts(
        frame,
        raw=True,
        max_entry_dte=int(dte_high),
        exit_dte=0,
        leg1_delta={"target": target, "min": low, "max": high},
        entry_dates=dates,
    )
    print(time.perf_counter() - began, flush=True)
found.to_parquet(trades)
