"""The append-only journal: what happened, in order, hash-chained. Everything else is derived from it.

Here: the event types, their canonical bytes, the chain, what ``verify`` proves, and the port
(``store.py``) that an adapter implements. Not here: SQL, files, or what an event means in money
(``ledger``).
"""
