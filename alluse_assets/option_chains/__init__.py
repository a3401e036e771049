"""Option quotes and what can be said of them alone: values, implied volatility, Greeks, a VIX.

Nothing here knows an account, a strategy or where a quote came from.
"""
