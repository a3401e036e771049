"""Files that are wrong in a thousand ways: a good partition with its quarantine, or a refusal that says why.

Never a crash, never half a partition, never a row that is lost or believed without reason.
"""

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alluse_assets.adapters.files import SOURCE, IngestReport, ingest
from alluse_assets.adapters.files.kinds import KINDS
from alluse_assets.adapters.files.reading import RefusedFileError
from alluse_assets.adapters.lake import Lake
from alluse_assets.base.calendar import trading_calendar
from alluse_assets.base.quarantine import QUARANTINE
from alluse_assets.base.table_catalog import Table
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

# 23 files, each so often: more than a thousand cases.
CASES = 48
# A thousand lakes need no disk.
MEMORY = Path("/dev/shm")
TEXT_FILES = sorted(VENDORS)
LEAN = sorted(LEAN_FILES)


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    """A lake with the bars that chains without a price of the underlying need."""
    folder = tmp_path_factory.mktemp("bars")
    file = folder / "bars.csv"
    file.write_bytes(as_csv(*VENDORS["aapl_tidy_bars.csv"]))
    write_lean(folder / "lean", "equity/usa/daily/aapl.zip", "equity/usa/minute/aapl/20140606_trade.zip")
    for path in (file, *sorted((folder / "lean").rglob("*.zip"))):
        ingest(path, Lake(folder / "lake"), trading_calendar(), folder / "scratch")
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
    bars: Path, name: str, data: bytes, beside: Callable[[Path], None] = lambda _: None
) -> IngestReport | None:
    """Take a file in, and again; what must hold whatever is in it. None: it was refused."""
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
        table = KINDS[report.kind].table
        stored = lake.read(table, SOURCE)
        _assert_sound(table, stored)
        assert not [one for one in contents(lake.root) if one.endswith(".tmp")]
        once = contents(lake.root)
        again, _ = take_in(path, lake, folder / "scratch")
        assert again is not None
        assert contents(lake.root) == once
        assert (again.rows_written, again.quarantined) == (0, report.quarantined)
        return report


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
