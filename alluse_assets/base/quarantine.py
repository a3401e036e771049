"""Screening rows: the good go on, the others land in quarantine with the rule that caught them.

Here: the quarantine table, rules made from a table's description, and the one function that splits a
frame. A domain adds its own rules in its cleaning module. No row vanishes: rows in = good + quarantined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from alluse_assets.base.errors import DataError
from alluse_assets.base.table_catalog import Column, Table

QUARANTINE = Table(
    name="quarantine",
    description="Rows that were refused, each with the first rule it broke and the row as it came.",
    grain="one refused row; rows that are equal are counted by occurrence",
    layer="raw",
    key=("table", "rule", "row_json", "occurrence"),
    columns=(
        Column("session", pl.Date, "Date of the refused row; null when it had none.", "date", nullable=True),
        Column("table", pl.String, "Table that the row was meant for."),
        Column("rule", pl.String, "Id of the rule, for example ask_below_bid or range.close."),
        Column("rule_text", pl.String, "The rule in words."),
        Column("row_key", pl.String, "The row's key columns, joined by |; ? for a missing value."),
        Column("row_json", pl.String, "The row as it came, all of its columns, as JSON."),
        Column("occurrence", pl.Int32, "1 for the first of equal refused rows, 2 for the next.", low=1),
        Column("source", pl.String, "Where the row came from."),
    ),
)

# A damaged date may be of any year, even one without a name in ISO 8601; outside of these it counts as none.
PLAUSIBLE_DAYS = (date(1900, 1, 1), date(2199, 12, 31))
DUPLICATE = ("duplicate", "the same row was there before; the first of them is kept")
CONFLICT = ("conflicting_duplicate", "several different rows share this key; none of them is believed")
_KINDS: Mapping[str, tuple[type[pl.DataType], ...]] = {
    "a number": (pl.Float64, pl.Float32, pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.UInt64, pl.UInt32),
    "text": (pl.String, pl.Categorical, pl.Enum),
    "true or false": (pl.Boolean,),
    "a date": (pl.Date,),
    "an instant with a time zone": (pl.Datetime,),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """``broken`` is true for rows that break the rule; null counts as not broken."""

    id: str
    text: str
    broken: pl.Expr


def typed_columns(frame: pl.DataFrame, table: Table, derived: Sequence[str] = ()) -> pl.DataFrame:
    """``frame`` in the table's types, row by row; a value that does not fit becomes null.

    Columns of ``derived`` are the caller's to add; other columns of the frame are kept as they are.
    ``screen`` finds the values that became null by comparing with ``frame``.

    Raises:
        DataError: a required column is absent, or is of another kind altogether (text for a number).
    """
    wanted = [c for c in table.columns if c.name not in derived]
    missing = [c.name for c in wanted if not c.nullable and c.name not in frame.columns]
    if missing:
        raise DataError(
            f"table {table.name}: missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"found {', '.join(frame.columns)}"
        )
    for column in wanted:
        if column.name in frame.columns:
            _require_kind(table, column, frame.schema[column.name])
    return frame.with_columns(
        (pl.col(c.name) if c.name in frame.columns else pl.lit(None))
        .cast(c.dtype, strict=False)
        .alias(c.name)
        for c in wanted
    )


def screen(
    original: pl.DataFrame, prepared: pl.DataFrame, table: Table, rules: Sequence[Rule], source: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split rows into those of ``table`` and those of ``QUARANTINE``.

    Args:
        original: the rows as they came; they are what quarantine keeps.
        prepared: the same rows in the same order in the table's types, derived columns included.
        table: its types, bounds and key are rules, too.
        rules: the domain's own, in the order in which they should be named.
        source: written on quarantined rows.
    """
    flags = _type_flags(original, prepared, table)
    texts = {name: f"the value of {name.partition('.')[2]} does not fit its type" for name in flags.columns}
    finite, bounds = _bound_rules(table)
    for rule in (*finite, *rules, *bounds):
        texts[rule.id] = rule.text
    flags = flags.with_columns(
        prepared.select(rule.broken.fill_null(False).alias(rule.id) for rule in (*finite, *rules, *bounds))
    )
    passed = flags.select(pl.any_horizontal(pl.all()).not_()).to_series()
    texts |= dict((DUPLICATE, CONFLICT))
    candidates = table.conform(prepared.filter(passed))
    verdict = _duplicates(table, candidates)
    good = candidates.filter(verdict.is_null())
    first_rule = pl.coalesce(pl.when(pl.col(name)).then(pl.lit(name)) for name in flags.columns)
    refused = passed.not_()
    row_rules = flags.filter(refused).select(first_rule.alias("rule")).to_series()
    repeated = verdict.is_not_null()
    quarantined = pl.concat(
        [
            _quarantine_rows(original.filter(refused), prepared.filter(refused), table, row_rules),
            _quarantine_rows(
                original.filter(passed).filter(repeated),
                prepared.filter(passed).filter(repeated),
                table,
                verdict.drop_nulls(),
            ),
        ]
    ).with_columns(
        rule_text=pl.col("rule").replace_strict(texts, return_dtype=pl.String),
        occurrence=pl.int_range(1, pl.len() + 1).over("rule", "row_json"),
        source=pl.lit(source),
    )
    return good, QUARANTINE.conform(quarantined)


def _require_kind(table: Table, column: Column, found: pl.DataType) -> None:
    """Refuse a column whose values could only be guessed: text for a price, an instant without a zone."""
    for words, kinds in _KINDS.items():
        if column.dtype in kinds:
            zoneless = isinstance(found, pl.Datetime) and found.time_zone is None and pl.Datetime in kinds
            if (found in kinds and not zoneless) or found == pl.Null:
                return
            raise DataError(
                f"table {table.name}: column {column.name} is {found}, but {words} is needed; "
                "write the file again with that type"
            )


def _type_flags(original: pl.DataFrame, prepared: pl.DataFrame, table: Table) -> pl.DataFrame:
    flags = {}
    for column in table.columns:
        if column.name not in original.columns or original.schema[column.name] == column.dtype:
            continue
        before, after = original[column.name], prepared[column.name]
        lost = before.is_not_null() & after.is_null()
        if before.dtype.is_float() and after.dtype.is_integer():
            lost |= (before.cast(pl.Float64) != after.cast(pl.Float64)).fill_null(False)
        flags[f"type.{column.name}"] = lost
    return (
        pl.DataFrame(flags)
        if flags
        else pl.DataFrame({"type": pl.repeat(False, original.height, eager=True)})
    )


def _bound_rules(table: Table) -> tuple[list[Rule], list[Rule]]:
    """Rules from the description: that numbers are finite; then nulls, allowed values and bounds."""
    finite, bounds = [], []
    for column in table.columns:
        name, value = column.name, pl.col(column.name)
        if column.dtype == pl.Float64:
            finite.append(Rule(f"not_finite.{name}", f"{name} is a finite number", value.is_finite().not_()))
        if not column.nullable:
            empty = value.is_null()
            if column.dtype == pl.String:
                empty |= value.str.strip_chars() == ""
            bounds.append(Rule(f"null.{name}", f"{name} is present", empty))
        if column.allowed:
            text = f"{name} is one of {', '.join(column.allowed)}"
            bounds.append(Rule(f"allowed.{name}", text, value.is_in(list(column.allowed)).not_()))
        if column.low is not None or column.high is not None:
            text = f"{name} is within {_bound(column.low)} to {_bound(column.high)} {column.unit}".strip()
            broken = pl.lit(False)
            if column.low is not None:
                broken |= value < column.low
            if column.high is not None:
                broken |= value > column.high
            bounds.append(Rule(f"range.{name}", text, broken))
    return finite, bounds


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def _duplicates(table: Table, rows: pl.DataFrame) -> pl.Series:
    """For each row the id of the duplicate rule that it breaks, else null."""
    repeated = rows.select(table.key).is_duplicated()
    if not repeated.any():
        return pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    groups = rows.with_row_index("__row__").filter(repeated)
    variants = pl.struct(pl.exclude("__row__")).n_unique().over(table.key)
    first = pl.col("__row__") == pl.col("__row__").min().over(table.key)
    verdicts = groups.select(
        "__row__",
        verdict=pl.when(variants > 1).then(pl.lit(CONFLICT[0])).when(first.not_()).then(pl.lit(DUPLICATE[0])),
    )
    index = pl.DataFrame({"__row__": pl.int_range(rows.height, dtype=pl.UInt32, eager=True)})
    return index.join(verdicts, on="__row__", how="left", maintain_order="left")["verdict"]


def _quarantine_rows(
    original: pl.DataFrame, prepared: pl.DataFrame, table: Table, rule: pl.Series
) -> pl.DataFrame:
    key = pl.concat_str((pl.col(k).cast(pl.String).fill_null("?") for k in table.key), separator="|")
    date_column = next((c.name for c in table.columns if c.dtype == pl.Date), None)
    day = pl.col(date_column) if date_column else pl.lit(None, pl.Date)
    return prepared.select(
        session=pl.when(day.is_between(*PLAUSIBLE_DAYS)).then(day),
        table=pl.lit(table.name),
        rule=rule.cast(pl.String),
        row_key=key,
        row_json=_as_json(original),
    )


def _as_json(rows: pl.DataFrame) -> pl.Series:
    """Each row as a JSON object. JSON has no NaN: in rows with one, numbers are written as text."""
    floats = [name for name, dtype in rows.schema.items() if dtype.is_float()]
    plain = pl.struct(pl.all()).struct.json_encode()
    if not floats:
        return rows.select(plain).to_series()
    as_text = pl.struct(pl.exclude(floats), *(pl.col(name).cast(pl.String) for name in floats))
    finite = pl.all_horizontal(pl.col(name).is_finite().fill_null(True) for name in floats)
    return rows.select(
        pl.when(finite).then(plain).otherwise(as_text.struct.json_encode()).alias("row_json")
    ).to_series()
