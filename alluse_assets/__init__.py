"""ALL-USE: an automated options-income protocol as a data platform.

Read the folders in the order the data flows:

1. ``base``           money, instruments, calendar, errors, table catalogue, configuration
2. ``market_data``    bars, corporate actions, rates and the indicators made from them
3. ``option_chains``  quotes, their cleaning, pricing, implied volatility and Greeks
4. ``weeks``          the market mode before a week, the week type after it
5. ``strategies``     what the three account kinds open and close, and how much
6. ``protection``     the ATR levels and breakers (their place; see its docstring)
7. ``execution``      the one small module that places orders
8. ``journal``        the append-only events everything else is derived from
9. ``ledger``         postings, lots, balances and positions: the journal in money
10. ``accounts``      opening a book, account kinds and states
11. ``alerts``        what a person should know, its state, when it is sent to whom
12. ``reporting``     performance and the pages people read
13. ``learning``      outcome statistics (its place; see its docstring)
14. ``adapters``      all I/O: PostgreSQL, the lake, files, brokers, channels to people, secrets
15. ``orchestration``, ``cli``, ``definitions`` and every ``assets.py``: the surfaces

Surfaces call adapters and core; adapters call core; core calls base; nothing calls upward.
"""
