"""Judges a table's rows with Great Expectations, by a suite made from the table's own description.

Great Expectations takes seconds to import, so it is imported when a suite is judged, never before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import polars as pl

from alluse_assets.adapters.lake.manifest import partition_column
from alluse_assets.base.table_catalog import Table


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that does not hold. ``rows``: how many rows break it; 0 when it is about the table."""

    expectation: str
    column: str
    rows: int
    examples: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was expected of how many rows, and what of it does not hold."""

    rows: int
    expectations: int
    failures: tuple[Failure, ...]

    @property
    def holds(self) -> bool:
        """Whether every expectation does."""
        return not self.failures


def judge(table: Table, rows: pl.DataFrame, due: date | None = None) -> Verdict:
    """Types, presence, ranges, allowed values and the uniqueness of the key, of every row; freshness.

    ``due``: the session that the newest row must be of, at least; None: the rows may be of any age.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    wrong_types = _wrong_types(table, rows)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    batches = context.data_sources.add_pandas("lake").add_dataframe_asset(table.name)
    batch = batches.add_batch_definition_whole_dataframe("span").get_batch(
        batch_parameters={"dataframe": _pandas(rows)}
    )
    suite = gx.ExpectationSuite(
        name=table.name, expectations=list(_expectations(table, gx.expectations, due))
    )
    outcome = batch.validate(suite, result_format="BASIC")
    failures = [_failure(result) for result in outcome.results if not result.success]
    return Verdict(rows.height, len(suite.expectations) + len(table.columns), (*wrong_types, *failures))


def _expectations(table: Table, kinds: Any, due: date | None) -> Iterator[Any]:
    yield kinds.ExpectTableColumnsToMatchSet(column_set=table.names, exact_match=True)
    for column in table.columns:
        if not column.nullable:
            yield kinds.ExpectColumnValuesToNotBeNull(column=column.name)
        if column.allowed:
            yield kinds.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.allowed))
        if column.low is not None or column.high is not None:
            yield kinds.ExpectColumnValuesToBeBetween(
                column=column.name, min_value=column.low, max_value=column.high
            )
    yield kinds.ExpectCompoundColumnsToBeUnique(column_list=list(table.key))
    if due is not None:
        yield kinds.ExpectColumnMaxToBeBetween(
            column=partition_column(table), min_value=datetime.combine(due, time.min)
        )


def _wrong_types(table: Table, rows: pl.DataFrame) -> Iterator[Failure]:
    # Pandas has other types than the lake, so types are compared before the rows are handed over.
    return (
        Failure("type", column.name, 0, f"{rows.schema[column.name]} instead of {column.dtype}")
        for column in table.columns
        if column.name in rows.columns and rows.schema[column.name] != column.dtype
    )


def _pandas(rows: pl.DataFrame) -> Any:
    # Categories make text columns of a million rows as quick to compare as numbers.
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    return rows.with_columns(pl.col(texts).cast(pl.Categorical)).to_pandas()


def _failure(result: Any) -> Failure:
    configuration = result.expectation_config
    keywords = configuration.kwargs
    column = keywords.get("column") or ", ".join(keywords.get("column_list", []))
    detail = result.result or {}
    observed = detail.get("observed_value") if "min_value" in keywords else None
    examples = detail.get("partial_unexpected_list") or detail.get("details") or observed or ""
    examples = examples or result.exception_info or ""
    return Failure(configuration.type, column, int(detail.get("unexpected_count") or 0), str(examples)[:300])
