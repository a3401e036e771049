"""Bars, corporate actions, interest rates, and the indicators made from them.

Prices of underlyings only: nothing here knows an option, an account or a store.
"""
