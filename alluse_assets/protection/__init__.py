"""What protects an account: ATR levels, deep drawdowns, the drawdown pivot, circuit breakers.

Here their numbers are judged and remembered (``state``); ``strategies.protect`` makes events of them,
``strategies.exits`` and ``strategies.rolls`` the orders, and ``strategies.session`` walks them in order.
Settings: ``protection``, ``drawdown``, ``circuit_breakers``.
"""
