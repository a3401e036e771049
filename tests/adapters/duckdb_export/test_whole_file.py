"""A file that is there whole or not at all, and nothing left beside it for longer than the next writer."""

import os
import subprocess
import sys

import pytest

from alluse_assets.adapters.duckdb_export.whole_file import whole_file
from alluse_assets.base.errors import DataError
from tests.paths import ROOT

HOLDS_ON = """
import sys, time
from pathlib import Path
from alluse_assets.adapters.duckdb_export.whole_file import whole_file
with whole_file(Path(sys.argv[1])) as path:
    path.write_text("half")
    print("writing", flush=True)
    time.sleep(600)
"""


def start_writer(out):
    writer = subprocess.Popen([sys.executable, "-c", HOLDS_ON, str(out)], stdout=subprocess.PIPE, cwd=ROOT)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"writing\n"
    return writer


def stop(writer):
    writer.kill()
    writer.wait()
    writer.stdout.close()


def write(out, text):
    with whole_file(out) as path:
        path.write_text(text)


def test_a_new_file_takes_the_old_ones_place_and_who_has_it_open_keeps_it(tmp_path):
    out = tmp_path / "research.duckdb"
    write(out, "old")
    with out.open() as reader:
        write(out, "new")
        assert reader.read() == "old"
    assert out.read_text() == "new"
    assert os.listdir(tmp_path) == ["research.duckdb"]


def test_a_writer_that_fails_changes_nothing(tmp_path):
    out = tmp_path / "research.duckdb"
    write(out, "old")
    with pytest.raises(ZeroDivisionError), whole_file(out) as path:
        path.write_text("half")
        raise ZeroDivisionError
    assert out.read_text() == "old"
    assert os.listdir(tmp_path) == ["research.duckdb"]


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path):
    out = tmp_path / "odd [name].duckdb"
    stop(start_writer(out))
    assert len(os.listdir(tmp_path)) == 1
    assert not out.exists()
    write(out, "new")
    assert os.listdir(tmp_path) == [out.name]


def test_a_writer_that_is_still_at_work_is_left_alone(tmp_path):
    out = tmp_path / "research.duckdb"
    writer = start_writer(out)
    try:
        write(out, "new")
        assert len(os.listdir(tmp_path)) == 2
        assert out.read_text() == "new"
    finally:
        stop(writer)
    write(out, "newer")
    assert os.listdir(tmp_path) == ["research.duckdb"]


def test_files_of_others_stay(tmp_path):
    (tmp_path / ".research.duckdb.notes").write_text("mine")
    (tmp_path / ".other.duckdb.x.partial").mkdir()
    write(tmp_path / "research.duckdb", "new")
    assert len(os.listdir(tmp_path)) == 3


def test_a_folder_that_is_not_there_or_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "nowhere" / "f.duckdb", tmp_path / "file" / "f.duckdb"):
        with pytest.raises(DataError, match=f"there is no folder {out.parent}"):
            write(out, "new")
