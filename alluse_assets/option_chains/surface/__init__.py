"""What a whole chain says at once: forwards implied by parity, and a volatility for every strike and expiry.

In reading order: ``svi`` (the curve and when it is free of arbitrage), ``forwards`` (what calls and puts
say of the forward), ``fit`` with its compiled loops ``fit_kernels``, ``report`` (what many fits were worth),
``lookup`` (volatility anywhere on the surface), ``fill`` (values of contracts that nobody quotes),
``tables``. Values of single options belong to ``pricing``, single quotes to ``quotes``, marks to ``marks``.
"""
