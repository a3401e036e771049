"""Alpaca as a source of market data, through its own SDK (the extra ``alpaca``).

Here: bars, quotes, option chains, corporate actions and streams. Orders are not: they belong to the
execution adapters. The SDK is imported when a source is opened, not when this package is.
"""

from alluse_assets.adapters.alpaca.settings import AlpacaSettings, alpaca_settings
from alluse_assets.adapters.alpaca.source import AlpacaSource, open_alpaca

__all__ = ["AlpacaSettings", "AlpacaSource", "alpaca_settings", "open_alpaca"]
