"""The journal in money: double-entry postings, lots, balances and positions.

Here: which postings an event carries, FIFO lots, the state of a book folded from its events, and the
tables projected from them. Not here: why a trade was made (``strategies``) or how it was placed
(``execution``). Taxes join here (``lots`` already keeps what they need).
"""
