"""Alpaca's corporate actions as rows of our table: splits and cash dividends; the rest is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from alluse_assets.adapters.alpaca.answer_frame import frame_of
from alluse_assets.base.errors import SourceError
from alluse_assets.market_data.tables import CORPORATE_ACTIONS

# Alpaca asks and answers by the day on which it processes an action: the payment, for a dividend.
_PROCESSED_EARLIER = timedelta(days=30)
_PROCESSED_LATER = timedelta(days=150)
_SPLITS = ("forward_splits", "reverse_splits")
_DIVIDENDS = "cash_dividends"


def processing_range(start: date, end: date) -> tuple[date, date]:
    """The days of processing among which all actions with ex-dates from ``start`` to ``end`` are."""
    return start - _PROCESSED_EARLIER, end + _PROCESSED_LATER


def corporate_action_rows(
    answer: Mapping[str, Any], start: date, end: date, source: str
) -> tuple[pl.DataFrame, Counter[str]]:
    """Rows of table corporate_actions with ex-dates from ``start`` to ``end``, and what else there was.

    Dividends of one share on one ex-date, such as a regular and a special one, are one row with their
    sum. What else there was counts actions of other kinds, by kind, whatever their dates.

    Raises:
        SourceError: they are not of the published form.
    """
    for kind, rows in answer.items():
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise SourceError(f"Alpaca: corporate actions: {kind} are not of the published form")
    splits = frame_of(
        "splits",
        [row for kind in _SPLITS for row in _each_once(answer.get(kind, []))],
        {
            "symbol": ("symbol", pl.String),
            "ex_date": ("ex_date", pl.Date),
            "new_rate": ("new_rate", pl.Float64),
            "old_rate": ("old_rate", pl.Float64),
        },
    ).select("symbol", "ex_date", kind=pl.lit("split"), ratio=pl.col("new_rate") / pl.col("old_rate"))
    dividends = frame_of(
        "cash dividends",
        _each_once(answer.get(_DIVIDENDS, [])),
        {
            "symbol": ("symbol", pl.String),
            "ex_date": ("ex_date", pl.Date),
            "amount": ("rate", pl.Float64),
        },
    ).with_columns(kind=pl.lit("dividend"))
    found = (
        pl.concat([splits, dividends], how="diagonal")
        .filter(pl.col("ex_date").is_between(start, end))
        .group_by(CORPORATE_ACTIONS.key)
        .agg(
            ratio=pl.col("ratio").product(),
            amount=pl.col("amount").sum().round(6),
        )
        .with_columns(
            ratio=pl.when(pl.col("kind") == "split").then("ratio"),
            amount=pl.when(pl.col("kind") == "dividend").then("amount"),
            source=pl.lit(source),
        )
    )
    others = Counter(
        {kind: len(rows) for kind, rows in answer.items() if rows and kind not in (*_SPLITS, _DIVIDENDS)}
    )
    return CORPORATE_ACTIONS.conform(found).sort(CORPORATE_ACTIONS.key), others


def _each_once(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Actions by Alpaca's id: pages that overlap must not pay a dividend twice."""
    return list({row.get("id", n): row for n, row in enumerate(rows)}.values())
