"""The raw layer's tables: what a source gave, before anything was refused. Same columns as the clean ones."""

from dataclasses import replace

from alluse_assets.market_data.tables import BARS
from alluse_assets.option_chains.tables import OPTION_QUOTES

RAW_BARS = replace(BARS, name="raw_bars", layer="raw", description="Daily bars as the source gave them.")
RAW_OPTION_QUOTES = replace(
    OPTION_QUOTES, name="raw_option_quotes", layer="raw", description="Option quotes as the source gave them."
)
