from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from alluse_assets.option_chains.pricing.kernels.compilation import source_stamp
from tests.paths import ROOT

KERNELS = Path("alluse_assets/option_chains/pricing/kernels")
ASK = """
from alluse_assets.option_chains.pricing.kernels import outer
print(outer.doubled(1.0), sum(outer.doubled.stats.cache_hits.values()))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The kernels alone, with one that calls another file's, as a package of its own."""
    folder = tmp_path / KERNELS
    folder.mkdir(parents=True)
    for package in list(folder.relative_to(tmp_path).parents)[:-1]:
        (tmp_path / package / "__init__.py").touch()
    for name in ("__init__.py", "compilation.py"):
        shutil.copy(ROOT / KERNELS / name, folder / name)
    head = "from alluse_assets.option_chains.pricing.kernels.compilation import compiled\n"
    (folder / "inner.py").write_text(f"{head}@compiled\ndef one(x):\n    return x\n")
    inner = "from alluse_assets.option_chains.pricing.kernels.inner import one\n"
    (folder / "outer.py").write_text(f"{head}{inner}@compiled\ndef doubled(x):\n    return 2 * one(x)\n")
    return tmp_path


def asked(checkout: Path, **environ: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    return subprocess.Popen(
        [sys.executable, "-c", ASK],
        cwd=checkout,
        env={**clean, "PYTHONPATH": str(checkout), **environ},
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen[str]) -> tuple[float, int]:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    value, hits = out.split()
    return float(value), int(hits)


def test_an_edit_in_the_called_kernel_reaches_the_calling_one(checkout: Path) -> None:
    assert answer(asked(checkout)) == (2.0, 0)
    assert answer(asked(checkout)) == (2.0, 1)
    inner = checkout / KERNELS / "inner.py"
    inner.write_text(inner.read_text().replace("return x", "return x + 1"))
    assert answer(asked(checkout)) == (4.0, 0)


def test_processes_that_start_together_agree_and_leave_a_cache_that_serves(checkout: Path) -> None:
    together = [asked(checkout) for _ in range(3)]
    assert {answer(process)[0] for process in together} == {2.0}
    assert answer(asked(checkout)) == (2.0, 1)


def test_an_installation_that_nobody_may_write_to_still_prices(checkout: Path) -> None:
    (checkout / KERNELS / "__pycache__").touch()
    nowhere = str(checkout / KERNELS / "inner.py" / "home")
    assert answer(asked(checkout, HOME=nowhere, XDG_CACHE_HOME=nowhere)) == (2.0, 0)


def test_the_stamp_depends_on_every_kernel_and_on_the_functions_own_file(tmp_path: Path) -> None:
    stamps = set()
    for change in ("", "one", "other", "own"):
        folder = tmp_path / change / "kernels"
        folder.mkdir(parents=True)
        for name in ("one", "other"):
            (folder / f"{name}.py").write_text("edited" if change == name else "as it was")
        own = tmp_path / change / "own.py"
        own.write_text("edited" if change == "own" else "as it was")
        stamps.add(source_stamp(own, folder))
    assert len(stamps) == 4
