"""How an expected error ends a command: its message on stderr, no traceback, its own exit code.

0 done, 1 the thing asked about is false, 2 wrong use or bad input. What is no ``AlluseError`` is a
defect of ours and keeps its traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from alluse_assets.base.errors import AlluseError


@contextmanager
def expected_errors() -> Iterator[None]:
    """Around a whole command (also as a decorator): print an ``AlluseError`` and exit with its code.

    Raises:
        SystemExit: an expected error happened.
    """
    try:
        yield
    except AlluseError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        # A disk that is full, a folder that may not be written: the machine's business, not a defect of ours.
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        raise SystemExit(AlluseError.exit_code) from None
