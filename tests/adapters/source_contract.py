"""What holds for every market data source, whatever is behind it: subclass, give a case, and it is tested.

The fixture ``case`` stands beside the subclass (in its module); pytest runs the inherited tests with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl
import pytest

from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.routing import day_column, symbol_column
from alluse_assets.market_data.source import (
    DATA_KINDS,
    TABLE_OF,
    ChainScope,
    DataKind,
    MarketDataSource,
    Mode,
)

_MODES: tuple[Mode, ...] = ("history", "snapshot", "stream")


@dataclass(frozen=True)
class PastRange:
    """Symbols that have rows of a kind on the first and on the last day; none for rates."""

    symbols: Sequence[str]
    start: date
    end: date


@dataclass(frozen=True)
class SourceCase:
    """A source with what is known to be in it.

    ``unknown_symbol`` is well formed, and nothing is called so. ``scope`` is used for option kinds.
    """

    source: MarketDataSource
    past: Mapping[DataKind, PastRange]
    present: Mapping[DataKind, Sequence[str]] = field(default_factory=dict)
    unknown_symbol: str = "ZZZZ"
    scope: ChainScope | None = None


class SourceContract:
    """A module with a fixture ``case`` subclasses it; the inherited tests run with that source."""

    def test_it_names_kinds_and_modes_that_there_are(self, case: SourceCase) -> None:
        provided = case.source.provides()
        assert case.source.name
        assert provided
        assert set(provided) <= set(DATA_KINDS)
        for coverage in provided.values():
            assert coverage.modes
            assert coverage.modes <= set(_MODES)
            assert coverage.model_priced <= set(coverage.symbols or coverage.model_priced)
            for first, last in (coverage.symbols or {}).values():
                assert first <= last

    def test_every_kind_that_it_provides_is_in_the_case(self, case: SourceCase) -> None:
        provided = case.source.provides()
        assert set(case.past) == {kind for kind, found in provided.items() if "history" in found.modes}
        assert set(case.present) == {kind for kind, found in provided.items() if "snapshot" in found.modes}

    def test_history_has_the_tables_columns_sorted_by_a_key_that_is_unique(self, case: SourceCase) -> None:
        for kind, past in case.past.items():
            _assert_conforms(kind, _history(case, kind, past))

    def test_history_has_both_ends_of_the_range_and_nothing_beyond(self, case: SourceCase) -> None:
        for kind, past in case.past.items():
            days = _history(case, kind, past)[day_column(TABLE_OF[kind])]
            assert (days.min(), days.max()) == (past.start, past.end), kind

    def test_a_day_alone_gives_the_rows_that_the_whole_range_has_for_it(self, case: SourceCase) -> None:
        for kind, past in case.past.items():
            whole = _history(case, kind, past)
            alone = _history(case, kind, PastRange(past.symbols, past.end, past.end))
            expected = whole.filter(pl.col(day_column(TABLE_OF[kind])) == past.end)
            assert alone.equals(expected), kind

    def test_history_is_of_the_symbols_asked_for(self, case: SourceCase) -> None:
        for kind, past in case.past.items():
            if past.symbols:
                assert set(_history(case, kind, past)[symbol_column(kind)]) == set(past.symbols), kind

    def test_a_symbol_that_nobody_knows_is_absent_and_spoils_nothing(self, case: SourceCase) -> None:
        for kind, past in case.past.items():
            if not past.symbols:
                continue
            unknown = PastRange([case.unknown_symbol], past.start, past.end)
            nothing = _history(case, kind, unknown)
            assert nothing.is_empty()
            assert nothing.schema == TABLE_OF[kind].schema
            both = PastRange([*past.symbols, case.unknown_symbol], past.start, past.end)
            assert _history(case, kind, both).equals(_history(case, kind, past)), kind

    def test_a_snapshot_has_the_tables_columns_and_what_was_asked_for(self, case: SourceCase) -> None:
        for kind, symbols in case.present.items():
            found = case.source.snapshot(kind, [*symbols, case.unknown_symbol], case.scope)
            _assert_conforms(kind, found)
            assert set(found[symbol_column(kind)]) == set(symbols)

    def test_what_it_does_not_provide_is_refused_for_good(self, case: SourceCase) -> None:
        provided = case.source.provides()
        day = date(2012, 1, 3)
        for kind in DATA_KINDS:
            modes = provided[kind].modes if kind in provided else frozenset[Mode]()
            if "history" not in modes:
                with pytest.raises(SourceError) as refused:
                    case.source.history(kind, ["AAPL"], day, day)
                assert not refused.value.is_passing
            if "snapshot" not in modes:
                with pytest.raises(SourceError) as refused:
                    case.source.snapshot(kind, ["AAPL"])
                assert not refused.value.is_passing
            if "stream" not in modes:
                with pytest.raises(SourceError) as refused:
                    next(iter(case.source.stream({kind: ["AAPL"]}, 0.01)))
                assert not refused.value.is_passing


def _history(case: SourceCase, kind: DataKind, past: PastRange) -> pl.DataFrame:
    return case.source.history(kind, past.symbols, past.start, past.end, case.scope)


def _assert_conforms(kind: DataKind, found: pl.DataFrame) -> None:
    table = TABLE_OF[kind]
    assert not found.is_empty(), kind
    assert found.schema == table.schema, kind
    assert found.equals(found.sort(table.key)), kind
    assert not found.select(table.key).is_duplicated().any(), kind
    required = [column.name for column in table.columns if not column.nullable]
    assert found.select(required).null_count().sum_horizontal().item() == 0, kind
