"""What a live book sees: the newest price wherever it comes from, and every look's candidates."""

from datetime import UTC
from decimal import Decimal

import polars as pl
import pytest

from alluse_assets.adapters.lake import Lake
from alluse_assets.market_data.tables import SHARE_QUOTES
from alluse_assets.strategies.candidates import CANDIDATES
from alluse_assets.strategies.steps import Step, StepKind
from tests.orchestration.live_stage import CONFIG, MONDAY, LiveStage, at


@pytest.fixture
def stage(hot_store, tmp_path):
    made = LiveStage(Lake(tmp_path / "lake"), hot_store, tmp_path)
    made.warm_up()
    return made


def streamed(stage, when, mid):
    row = (when.astimezone(UTC), MONDAY, "AAPL", mid - 0.01, mid + 0.01)
    names = ("quote_ts", "session", "symbol", "bid", "ask")
    frame = pl.DataFrame([row], schema={name: SHARE_QUOTES.schema[name] for name in names}, orient="row")
    missing = {n: pl.lit(None) for n in SHARE_QUOTES.names if n not in frame.columns}
    stage.hot.upsert(
        SHARE_QUOTES,
        "live",
        SHARE_QUOTES.conform(frame.with_columns(**{**missing, "source": pl.lit("made")})),
    )


def seen(stage, when):
    step = Step(StepKind.LOOK, MONDAY, when.astimezone(UTC))
    return stage.feed(CONFIG, MONDAY).market(step, "green")


def test_the_price_that_was_seen_last_counts_whether_it_streamed_or_came_with_a_chain(stage):
    streamed(stage, at(MONDAY, 9, 50), 100.0)
    stage.spot = 93.0
    stage.quote(at(MONDAY, 10, 15))
    # The stream has died since: its last price does not hide a fall.
    assert seen(stage, at(MONDAY, 10, 15)).prices["AAPL"] == Decimal("93")
    streamed(stage, at(MONDAY, 10, 16), 95.0)
    assert seen(stage, at(MONDAY, 10, 16)).prices["AAPL"] == Decimal("95")


def test_the_candidates_of_every_look_are_kept_with_the_reasons_that_each_look_gave(stage):
    stage.quote(at(MONDAY, 10, 0))
    seen(stage, at(MONDAY, 10, 0))
    first = stage.lake.read(CANDIDATES, "book=paper1")
    assert first.height
    # A later look finds the same contracts at other prices.
    stage.volatility = 0.2
    stage.quote(at(MONDAY, 10, 15))
    seen(stage, at(MONDAY, 10, 15))
    kept = stage.lake.read(CANDIDATES, "book=paper1")
    of_first = kept.filter(pl.col("decided_at") == at(MONDAY, 10, 0).astimezone(UTC))
    of_second = kept.filter(pl.col("decided_at") == at(MONDAY, 10, 15).astimezone(UTC))
    assert of_first.equals(first)
    assert of_second["contract_symbol"].sort().equals(of_first["contract_symbol"].sort())
    assert not of_second["reasons"].equals(of_first["reasons"])
    # Looked at again at the same instant, as after a kill, it is the same look.
    seen(stage, at(MONDAY, 10, 15))
    assert stage.lake.read(CANDIDATES, "book=paper1").equals(kept)
