"""How a function becomes machine code, and when the code kept on disk is too old to use.

Numba keeps what it compiled beside the source and checks only the file of that one function: a kernel that
calls another file's kernel would go on running the old code after an edit there. Here a function's code
is stamped with the content of all kernels, so that any edit makes all of them be compiled again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

# Division by zero gives infinity or NaN as in NumPy, instead of an exception out of a million rows.
_compile: Any = njit(nogil=True, error_model="numpy")
_compile_inlined: Any = njit(nogil=True, error_model="numpy", forceinline=True)


def compiled(function: Kernel) -> Kernel:
    """``function`` compiled on first use, run without the GIL, kept on disk if one may write."""
    return _kept(_compile(function), function)


def inlined(function: Kernel) -> Kernel:
    """``compiled``, and made part of every caller: a loop over such formulas becomes vector instructions."""
    return _kept(_compile_inlined(function), function)


def source_stamp(own_file: Path, kernels: Path) -> str:
    """A digest of every kernel in the folder ``kernels`` and of ``own_file``: changed by any edit in them."""
    digest = hashlib.sha256(_content(kernels))
    digest.update(own_file.read_bytes())
    return digest.hexdigest()


def _kept(dispatcher: Any, function: Kernel) -> Kernel:
    # Where Numba finds no folder to write to, every process compiles for itself.
    with suppress(RuntimeError):
        dispatcher._cache = _StampedCache(function)
    return cast(Kernel, dispatcher)


@cache
def _content(kernels: Path) -> bytes:
    digests = (hashlib.sha256(path.read_bytes()).digest() for path in sorted(kernels.glob("*.py")))
    return b"".join(digests)


class _StampedCache(FunctionCache):
    """Numba's cache with a wider idea of what a function's source is.

    Numba writes its index and data under temporary names and renames them, and reads an index of another
    stamp as empty: processes that start together at worst compile twice.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        own_file = Path(function.__code__.co_filename)
        self._cache_file = IndexDataCacheFile(  # type: ignore[no-untyped-call]
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=source_stamp(own_file, Path(__file__).parent),
        )
