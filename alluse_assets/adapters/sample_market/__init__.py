"""The sample market: real daily bars from packages, option chains priced by a model from them.

Here: a source of market data that needs no network and no account, the same on every machine. Its
option quotes, and the VIX made of them, are ``sample-model``: a model's, never seen in a market. They
are made for replays to run on, not to judge the protocol by.
"""

from alluse_assets.adapters.sample_market.market import DIVIDEND_YIELDS, MODEL_SOURCE, SOURCE, SampleMarket

__all__ = ["DIVIDEND_YIELDS", "MODEL_SOURCE", "SOURCE", "SampleMarket"]
