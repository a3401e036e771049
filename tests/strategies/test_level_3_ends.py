"""A symbol whose chain ended at level 3 keeps that level from that instant on, not only from the close."""

from datetime import date
from decimal import Decimal

import pytest

from alluse_assets.protection.entry_limits import entry_limit
from alluse_assets.protection.state import Chain, ProtectionState
from tests.strategies.mini_market import config


@pytest.mark.parametrize(("level", "contracts", "refused"), [(3, 0, True), (2, 0, False), (2, 1, True)])
def test_nothing_is_opened_behind_a_chain_that_ended_at_level_3(level, contracts, refused):
    """Once a call was bought back for its profit at level 3, and a new one sold in the same minute."""
    chain = Chain(
        "2011-01-10/REV-1/open_call/x", "REV-1", "AAPL", "C", Decimal(100), Decimal(5), None,
        date(2011, 1, 10), Decimal(0), contracts, level,
    )  # fmt: skip
    state = ProtectionState(chains={chain.id: chain})
    limit = entry_limit(state, "REV-1", "rev", "AAPL", "C", config())
    assert limit.refused == (f"symbol_level_{level}" if refused else None)
