"""Runs in an environment of its own, with optopsy in it, which the project never depends on.

``python optopsy_side.py CHAINS.npz TRADES.npz LOW TARGET HIGH DTE``: prints the seconds that ``short_puts``
takes on rows that are already in memory, a line each time it is asked for one on standard input, and writes
its trades at the end. So it can be measured in turns with something else.
"""

import sys
import time

import numpy as np
import optopsy
import pandas as pd

chains, trades = sys.argv[1:3]
low, target, high, dte = map(float, sys.argv[3:7])
columns = np.load(chains)
frame = pd.DataFrame({name: columns[name] for name in columns.files})
for name in ("quote_date", "expiration"):
    frame[name] = frame[name].astype("datetime64[ns]")
dates = frame.loc[frame["is_entry"], ["underlying_symbol", "quote_date"]].drop_duplicates()
frame = frame.drop(columns="is_entry")
found = None
print("ready", frame["option_type"].dtype, flush=True)
for _ in sys.stdin:
    began = time.perf_counter()
    found = optopsy.short_puts(
        frame,
        raw=True,
        max_entry_dte=int(dte),
        exit_dte=0,
        leg1_delta={"target": target, "min": low, "max": high},
        entry_dates=dates,
    )
    print(time.perf_counter() - began, flush=True)
np.savez(
    trades,
    underlying=found["underlying_symbol"].to_numpy(dtype="U8"),
    entry_session=found["quote_date_entry"].to_numpy(dtype="datetime64[D]"),
    expiry=found["expiration"].to_numpy(dtype="datetime64[D]"),
    strike=found["strike"].to_numpy(dtype=float),
    entry=found["entry"].to_numpy(dtype=float),
    exit=found["exit"].to_numpy(dtype=float),
)
