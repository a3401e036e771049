"""Values, implied volatilities and Greeks of vanilla options, over float64 arrays.

Arguments everywhere: ``spot`` and ``strike`` in USD per share, ``years`` of 365 days to expiry,
``rate`` and ``dividend_yield`` continuously compounded per year, ``volatility`` per year (0.2 is
20%), ``is_call`` boolean. Frames, quotes and calendars belong to ``option_chains.chains``.
"""
