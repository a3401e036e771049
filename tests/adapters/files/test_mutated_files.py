"""Files that are wrong in a thousand ways: a good partition with its quarantine, or a refusal that says why.

Never a crash, never half a partition, never a row that is lost or believed without reason.
"""

import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alluse_assets.adapters.files import SOURCE, IngestReport, ingest
from alluse_assets.adapters.files.kinds import KINDS
from alluse_assets.adapters.files.reading import RefusedFileError
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.config.config_manager import load, with_values
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.base.table_catalog import Table
from alluse_assets.market_data.tables import RAW_BARS
from alluse_assets.option_chains.chain_rules import RULES
from alluse_assets.orchestration.market_preparation import judge_files
from alluse_assets.orchestration.market_steps import Counts, MarketSteps, month_end
from tests.adapters.files.mutations import (
    OF_BYTES,
    OF_TABLES,
    OF_TEXT,
    gz_cut,
    mutated_frame,
    to_table,
    to_text,
)
from tests.adapters.files.vendor_files import LEAN_FILES, VENDORS, as_csv, tidy_parquet, write_lean, zipped
from tests.option_chains.test_chain_rules import chain

# 24 files, each so often: more than a thousand cases.
CASES = 48
# A thousand lakes need no disk.
MEMORY = Path("/dev/shm")
TEXT_FILES = sorted(VENDORS)
_OF_A_CHAIN = ("underlying", "underlying_price", "contract_symbol", "expiry", "right", "strike", "bid", "ask")
RULES_OF_FILES = with_values(load("default", {}).config, {"market.source": SOURCE})
LEAN = sorted(LEAN_FILES)


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    """A lake with the bars that chains without a price of the underlying need, judged."""
    folder = tmp_path_factory.mktemp("bars")
    file = folder / "bars.csv"
    file.write_bytes(as_csv(*VENDORS["aapl_tidy_bars.csv"]))
    write_lean(folder / "lean", "equity/usa/daily/aapl.zip", "equity/usa/minute/aapl/20140606_trade.zip")
    for path in (file, *sorted((folder / "lean").rglob("*.zip"))):
        ingest(path, Lake(folder / "lake"), trading_calendar(), folder / "scratch")
    judge_files(_steps(Lake(folder / "lake")))
    shutil.rmtree(folder / "lake" / QUARANTINE.name)
    return folder / "lake"


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def take_in(path: Path, lake: Lake, scratch: Path) -> tuple[IngestReport | None, str]:
    """The report, or why the file was refused."""
    try:
        return ingest(path, lake, trading_calendar(), scratch), ""
    except RefusedFileError as refused:
        return None, str(refused)


def check(
    bars: Path,
    name: str,
    data: bytes,
    beside: Callable[[Path], None] = lambda _: None,
    rules: set[str] | None = None,
) -> IngestReport | None:
    """Take a file in, and again; what must hold whatever is in it. None: it was refused.

    ``rules``: hears by which rules rows were refused beside their neighbours.
    """
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as temporary:
        folder = Path(temporary)
        path = folder / "in" / name
        path.parent.mkdir(parents=True)
        beside(folder / "in")
        path.write_bytes(data)
        shutil.copytree(bars, folder / "lake")
        lake = Lake(folder / "lake")
        before = contents(lake.root)
        report, reason = take_in(path, lake, folder / "scratch")
        assert not list((folder / "scratch").glob("*"))
        if report is None:
            assert path.name in reason
            assert contents(lake.root) == before
            return None
        assert report.rows_read == report.rows_written + report.rows_unchanged + report.rows_quarantined
        assert lake.read(QUARANTINE, SOURCE).height == report.rows_quarantined
        kind = KINDS[report.kind]
        _assert_sound(kind.stored, lake.read(kind.stored, SOURCE))
        assert not [one for one in contents(lake.root) if one.endswith(".tmp")]
        once = contents(lake.root)
        again, _ = take_in(path, lake, folder / "scratch")
        assert again is not None
        assert contents(lake.root) == once
        assert (again.rows_written, again.quarantined) == (0, report.quarantined)
        if kind.raw:
            found = _judge(lake, kind.raw, kind.table)
            if rules is not None:
                rules |= found
        return report


def _steps(lake: Lake) -> MarketSteps:
    """As ``alluse ingest`` has them."""
    return MarketSteps(lake, RULES_OF_FILES, trading_calendar(), None)


def _judge(lake: Lake, raw: Table, table: Table) -> set[str]:
    """Judge rows beside their neighbours: each is good then or has a rule; those rules."""
    before = lake.read(QUARANTINE, SOURCE)
    steps = _steps(lake)
    judge_files(steps)
    rows, good, refused = (lake.read(one, SOURCE) for one in (raw, table, QUARANTINE))
    _assert_sound(table, good)
    new = refused.join(before, on=QUARANTINE.key, how="anti", nulls_equal=True)
    assert refused.height == before.height + new.height
    assert set(new["table"]) <= {table.name}
    assert rows.height == good.height + new.height
    assert good.join(rows, on=table.key, how="anti").is_empty()
    once = contents(lake.root)
    for month in lake.months(raw, SOURCE):
        # Not by judge_files, which finds nothing to do.
        first = date.fromisoformat(f"{month}-01")
        judge = steps.validate_bars if raw is RAW_BARS else steps.validate_quotes
        judge(first, month_end(first))
    assert judge_files(steps) == Counts(0)
    assert contents(lake.root) == once
    return set(new["rule"])


def _assert_sound(table: Table, rows: pl.DataFrame) -> None:
    """What is stored is within its description; an ask is never below its bid."""
    assert rows.schema == table.schema
    assert not rows.select(table.key).is_duplicated().any()
    for column in table.columns:
        values = rows[column.name]
        assert column.nullable or not values.null_count()
        if values.dtype.is_numeric():
            assert values.is_finite().all()
            assert column.low is None or (values.drop_nulls() >= column.low).all()
            assert column.high is None or (values.drop_nulls() <= column.high).all()
    if {"bid", "ask"} <= set(rows.columns):
        assert (rows["bid"] <= rows["ask"]).all()


def mutated(table: list[list[str]], mutations: list[int], random: Random) -> str:
    for number in mutations:
        if table and table[0]:
            OF_TABLES[number](table, random)
    return to_text(table)


many = settings(max_examples=CASES, suppress_health_check=list(HealthCheck), database=None)
seeds = st.integers(0, 2**32 - 1)
some_mutations = st.lists(st.integers(0, len(OF_TABLES) - 1), max_size=3)


@pytest.mark.parametrize("name", TEXT_FILES)
@many
@given(seed=seeds, mutations=some_mutations, of_bytes=st.integers(0, len(OF_TEXT) - 1))
def test_a_mutated_text_file(bars, name, seed, mutations, of_bytes):
    random = Random(seed)
    header, lines = VENDORS[name]
    text = mutated(to_table(as_csv(header, lines).decode()), mutations, random)
    data = OF_TEXT[of_bytes](text.encode(), random)
    report = check(bars, name, data)
    if report and b'"' not in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        # Counted in another way: each line is a row, or two, or a broken line in quarantine.
        found = len([line for line in re.split(rb"\r\n|\n|\r", data)[1:] if line])
        broken = report.quarantined.get("broken_line", 0)
        rows_a_line = 2 if report.layout == "optionsdx" else 1
        assert report.rows_read == (found - broken) * rows_a_line + broken


def test_a_mutated_chain(bars):
    """The vendors' own lines are too few for rules of a whole chain."""
    quotes = chain().select(pl.col("quote_ts").dt.strftime("%Y-%m-%dT%H:%M:%S%:z"), *_OF_A_CHAIN)
    bid, ask = (len(_OF_A_CHAIN) - 1, len(_OF_A_CHAIN))
    rules: set[str] = set()

    @many
    @given(seed=seeds, mutations=some_mutations, moves=st.lists(st.floats(-3, 3), max_size=4))
    @example(seed=2, mutations=[2], moves=[0.0] * 4)  # Nothing is left of the month.
    def take_in_and_judge(seed, mutations, moves):
        random = Random(seed)
        table = to_table(quotes.write_csv())
        for move in moves:
            row = random.choice(table[1:])
            row[bid], row[ask] = (f"{max(0.0, float(row[side]) + move):.2f}" for side in (bid, ask))
        check(bars, "chain.csv", mutated(table, mutations, random).encode(), rules=rules)

    take_in_and_judge()
    assert rules
    assert rules <= set(RULES)


@pytest.mark.parametrize("name", ["spy_eod_202112.txt", "L2_20211201.csv"])
@many
@given(seed=seeds, mutations=some_mutations)
def test_a_mutated_compressed_file(bars, name, seed, mutations):
    random = Random(seed)
    header, lines = VENDORS[name]
    data = mutated(to_table(as_csv(header, lines).decode()), mutations, random).encode()
    if random.random() < 0.5:
        check(bars, f"{name}.gz", gz_cut(data, random))
    else:
        check(bars, f"{Path(name).stem}.zip", random.choice(OF_BYTES)(zipped({name: data}), random))


@pytest.mark.parametrize("number", range(6))
@many
@given(seed=seeds, mutations=st.integers(0, 3), of_bytes=st.integers(0, len(OF_BYTES) - 1))
def test_a_mutated_parquet_file(bars, number, seed, mutations, of_bytes):
    random = Random(seed + number)
    with tempfile.TemporaryDirectory() as folder:
        path = tidy_parquet(Path(folder))
        frame = pl.read_parquet(path)
        for _ in range(mutations):
            if frame.width:
                frame = mutated_frame(frame, random)
        try:
            frame.write_parquet(path)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return  # It cannot be written, so nobody will be given it.
        data = path.read_bytes()
    check(bars, "quotes.parquet", OF_BYTES[of_bytes](data, random))


@pytest.mark.parametrize("name", [one for one in LEAN if "openinterest" not in one])
@many
@given(seed=seeds, mutations=some_mutations, of_bytes=st.integers(0, len(OF_BYTES) - 1), beside=st.booleans())
def test_a_mutated_lean_zip(bars, name, seed, mutations, of_bytes, beside):
    random = Random(seed)
    entries = dict(LEAN_FILES[name])
    victim = random.choice(sorted(entries))
    # Lean has no header; the mutations leave the first line alone, so it is given one.
    table = [["x"] * 11, *to_table(entries[victim])]
    table[0] = table[0][: len(table[1])]
    entries[victim] = mutated(table, mutations, random).partition("\n")[2]
    if random.random() < 0.1:
        entries[random.choice(("readme.txt", "other.csv"))] = entries.pop(victim)
    data = OF_BYTES[of_bytes](zipped(dict(entries)), random)
    siblings = (
        [one for one in LEAN if one.startswith(name.rsplit("/", 1)[0]) and one != name] if beside else []
    )

    def write_siblings(root: Path) -> None:
        for one in siblings:
            (root / Path(one).name).write_bytes(zipped(dict(LEAN_FILES[one])))

    check(bars, Path(name).name, data, write_siblings)
