"""What protects an account: ATR levels, cool-offs, the drawdown pivot, deep drawdowns, circuit breakers.

Reading order: ``state`` (what is remembered), ``levels``, ``circuit_breakers``, ``drawdown`` (the pure
judgements), ``entry_limits`` (what they say to a new entry), ``watchdog`` (how the book is run), then
``tables``, ``project`` and ``assets``. What acts is in ``strategies``: ``protect``, ``exits``, ``rolls``.
"""
