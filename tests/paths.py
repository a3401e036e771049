"""Where tests find the reference data that lies beside the project."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
KNOWN_ANSWERS = SHARED / "data" / "known_answers"
