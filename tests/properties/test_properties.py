"""What must hold in any market: crashes, gaps, halts, zero bids, missing quotes, splits, a person's holds.

A failure prints the seed and the ingredients that replay it:
``violations(replayed(market), market)`` of ``market = random_market(SEED, INGREDIENTS)``.
"""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from alluse_assets.adapters.anchors import AnchorFiles
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.events import Posting
from alluse_assets.market_data.tables import BARS, CORPORATE_ACTIONS, RATES
from alluse_assets.option_chains.tables import OPTION_CHAINS
from alluse_assets.orchestration.market_steps import MarketSteps
from alluse_assets.orchestration.replay import Replay
from tests.book_maker import InMemoryJournal
from tests.made_market import BOOK, CALENDAR, SOURCE, replayed
from tests.properties.invariants import (
    one_entry_a_week,
    violations,
    what_asks_is_sent_only_after_a_yes,
    what_is_due_was_done_or_has_a_reason,
)
from tests.properties.random_market import INGREDIENTS, random_market

# A seed does not shrink: what fails is reported as it is found.
RANDOM = settings(
    max_examples=40,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
MARKETS = st.tuples(st.integers(0, 2**32 - 1), st.frozensets(st.sampled_from(INGREDIENTS), max_size=9))


@pytest.mark.parametrize("shock", ["crash", "gap", "split", "person"])
def test_no_rule_is_broken_in_any_market(shock):
    @given(MARKETS)
    @RANDOM
    def holds(drawn):
        seed, ingredients = drawn
        market = random_market(seed, ingredients | {shock})
        assert violations(replayed(market), market) == []

    holds()


def test_a_market_in_a_real_lake_gives_the_same_journal(tmp_path):
    """What the tests read from memory is what a replay reads from files."""
    market = random_market(7, {"crash", "split", "dividends", "vix_high"})
    lake = Lake(tmp_path)
    for table in (BARS, CORPORATE_ACTIONS, OPTION_CHAINS, RATES):
        lake.write(table, SOURCE, market.lake.read(table, SOURCE))
    MarketSteps(lake, market.config, CALENDAR, None).screen_entries(
        BOOK, market.first, market.first, market.last
    )
    store = InMemoryJournal()
    Replay(store, AnchorFiles(tmp_path / "anchors"), lake, CALENDAR, BOOK, "made", market.config).run(
        market.first, market.last
    )
    assert [row.event for row in store.read(BOOK)] == replayed(market)


@pytest.fixture(scope="module")
def crashed():
    """A market in which much happens, and its journal."""
    market = random_market(28, {"crash", "gap", "dividends"})
    return market, replayed(market)


def test_the_invariants_see_what_is_wrong(crashed):
    market, events = crashed
    assert violations(events, market) == []
    sold = next(e for e in events if e.type == "order.filled" and e.payload["purpose"] == "open_put")
    place, account = events.index(sold), sold.payload["intent"].split("/")[1]

    def broken(change):
        return {one.split(":")[0] for one in violations(change, market)}

    stolen = replace(sold, key="x", type="x", postings=(Posting(account, "cash", Decimal(-10_000_000)),))
    assert {"puts_are_covered_by_cash", "postings_balance"} <= broken(
        [*events[:place], stolen, *events[place:]]
    )
    begun = {"account": account, "hold": "halted", "state": "HALTED"}
    held = replace(sold, key="h", type="account.hold_placed", payload=begun, postings=())
    before = next(n for n, e in enumerate(events) if e.key == f"order/{sold.payload['intent']}/created")
    assert "orders_are_allowed_by_state_window_and_vix" in broken([*events[:before], held, *events[before:]])
    changed = [e for e in events if e.type != "protection.level_changed"]
    assert "levels_are_what_prices_say" in broken(changed)
    fridays = (
        n for n, e in enumerate(events) if e.type == "session.closed" and e.effective_at.weekday() == 4
    )
    friday = next(fridays)
    assert "every_place_has_one_week_type" in broken(
        [*events[:friday], *events[friday:][:1], *events[friday:]]
    )
    loose = replace(sold, payload={**sold.payload, "chain": {**sold.payload["chain"], "anchor_price": "1"}})
    assert "levels_are_what_prices_say" in broken([*events[:place], loose, *events[place + 1 :]])
    twice = replace(sold, key="again", payload={**sold.payload, "intent": "another"}, postings=())
    assert one_entry_a_week([*events, twice], market)
    asked = replace(sold, type="approval.requested", payload={"approval": f"order/{sold.payload['intent']}"})
    assert what_asks_is_sent_only_after_a_yes([asked, *events], market)
    gone = [e for e in events if e.type != "roll.decided"]
    assert what_is_due_was_done_or_has_a_reason(gone, market)
