import json
import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alluse_assets.base.errors import DataError
from alluse_assets.base.quarantine import QUARANTINE, Rule, screen, typed_columns
from alluse_assets.base.table_catalog import Column, Table

ROWS = Table(
    name="rows",
    description="Rows.",
    grain="an id",
    layer="raw",
    key=("id",),
    columns=(
        Column("id", pl.Int64, "Id."),
        Column("kind", pl.String, "Kind.", allowed=("a", "b")),
        Column("price", pl.Float64, "Price.", "USD", low=0.01, high=100),
        Column("size", pl.Int64, "Size.", nullable=True, low=0),
    ),
)
CHEAP_B = Rule("cheap_b", "a b costs 10 or more", (pl.col("kind") == "b") & (pl.col("price") < 10))


def split(frame):
    return screen(frame, typed_columns(frame, ROWS), ROWS, [CHEAP_B], "test")


def row(**changed):
    return {"id": 1, "kind": "a", "price": 1.0, "size": 5} | changed


def rules_of(*rows):
    good, bad = split(pl.DataFrame(list(rows), schema=ROWS.schema))
    assert good.height + bad.height == len(rows)
    return dict(zip(bad["row_key"], bad["rule"], strict=True))


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"kind": None}, "null.kind"),
        ({"kind": " "}, "null.kind"),
        ({"kind": "c"}, "allowed.kind"),
        ({"price": None}, "null.price"),
        ({"price": -1.0}, "range.price"),
        ({"price": 100.01}, "range.price"),
        ({"price": math.nan}, "not_finite.price"),
        ({"price": math.inf}, "not_finite.price"),
        ({"size": -1}, "range.size"),
        ({"kind": "b"}, "cheap_b"),
    ],
)
def test_a_bad_row_is_refused_by_its_rule_and_the_good_one_passes(changed, rule):
    assert rules_of(row(id=7, **changed), row(id=8)) == {"7": rule}


def test_bounds_are_inclusive_and_a_nullable_column_may_be_null():
    assert rules_of(row(id=1, price=0.01), row(id=2, price=100.0), row(id=3, size=None)) == {}


def test_equal_duplicates_keep_the_first_and_different_ones_are_all_refused():
    found = rules_of(row(id=1), row(id=1), row(id=2), row(id=2, size=6), row(id=3))
    assert found == {"1": "duplicate", "2": "conflicting_duplicate"}


def test_a_broken_row_does_not_make_its_sound_twin_a_duplicate():
    good, bad = split(pl.DataFrame([row(), row(price=-1.0)], schema=ROWS.schema))
    assert good.to_dicts() == [row()]
    assert bad["rule"].to_list() == ["range.price"]


def test_a_refused_row_is_kept_whole_with_columns_that_we_do_not_know():
    frame = pl.DataFrame([row(price=-2.5) | {"vendor_note": 'say "hi"'}])
    (kept,) = split(frame)[1].to_dicts()
    assert json.loads(kept["row_json"]) == row(price=-2.5) | {"vendor_note": 'say "hi"'}
    assert kept["rule_text"] == "price is within 0.01 to 100 USD"
    assert (kept["table"], kept["source"], kept["occurrence"]) == ("rows", "test", 1)


def test_numbers_that_json_cannot_say_are_kept_as_text():
    (kept,) = split(pl.DataFrame([row(price=math.nan)], schema=ROWS.schema))[1].to_dicts()
    assert json.loads(kept["row_json"])["price"] == "NaN"


def test_equal_refused_rows_are_counted_so_that_none_vanishes():
    bad = split(pl.DataFrame([row(price=-1.0)] * 3, schema=ROWS.schema))[1]
    assert bad["occurrence"].to_list() == [1, 2, 3]
    assert bad.select(QUARANTINE.key).is_duplicated().any() is False


def test_a_fraction_in_a_whole_number_column_is_refused_not_rounded():
    frame = pl.DataFrame({"id": [1, 2], "kind": ["a", "a"], "price": [1.0, 1.0], "size": [5.0, 5.5]})
    good, bad = split(frame)
    assert good["size"].to_list() == [5]
    assert bad["rule"].to_list() == ["type.size"]


def test_a_missing_column_and_text_for_a_number_are_errors_that_name_the_column():
    frame = pl.DataFrame([row()])
    with pytest.raises(DataError, match="table rows: missing columns kind, price; found id, size"):
        split(frame.drop("kind", "price"))
    with pytest.raises(DataError, match="column price is String, but a number is needed"):
        split(frame.with_columns(price=pl.lit("1.0")))
    assert split(frame.drop("size"))[0]["size"].to_list() == [None]


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.none() | st.integers(0, 3),
                "kind": st.sampled_from(["a", "b", "c", None, ""]),
                "price": st.sampled_from([0.0, 1.0, 50.0, 101.0, math.nan, -math.inf, None]),
                "size": st.none() | st.integers(-1, 1),
            }
        ),
        max_size=12,
    )
)
def test_no_row_vanishes_and_what_passes_keeps_the_contract(rows):
    good, bad = split(pl.DataFrame(rows, schema=ROWS.schema))
    assert good.height + bad.height == len(rows)
    assert good.schema == ROWS.schema
    assert not good.select("id").is_duplicated().any()
    assert good.select(pl.col("id", "kind", "price").null_count()).row(0) == (0, 0, 0)
    assert good["price"].is_between(0.01, 100).all()
    assert good["kind"].is_in(["a", "b"]).all()
    assert bad.select("rule", "rule_text", "row_json").null_count().row(0) == (0, 0, 0)
    assert not bad.select(QUARANTINE.key).is_duplicated().any()
