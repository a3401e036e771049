"""The place of what protects an account: ATR levels, the drawdown pivot, circuit breakers.

Their numbers are in the configuration (``protection``, ``drawdown``, ``circuit_breakers``); no rule acts
on them yet. Every book says so in its first event (``rules_not_active``) and in its report. Where they
will join: the symbol's level in ``strategies.entries``, exits in ``strategies.exits``, the step order in
``strategies.session``.
"""
