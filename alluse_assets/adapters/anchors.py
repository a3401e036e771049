"""Signed heads of journals, kept outside the database: one append-only file a book.

A line holds sequence number, hash and seal of a head with an HMAC-SHA256 over them. The key is made on
first use, readable by its owner only. Whoever can rewrite the database but not this folder cannot cut a
journal's tail or rewrite it unseen.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from alluse_assets.base.errors import JournalError
from alluse_assets.journal.chain import Head
from alluse_assets.journal.verify import Anchor


class AnchorFiles:
    """The anchors of one installation, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is made with mode 0700 when it is not there."""
        self._folder = folder

    def add(self, book: str, head: Head) -> None:
        """Anchor ``head`` durably. Anchoring the same head again changes nothing."""
        last = self.read(book)[-1:]
        if head.seq == 0 or (last and last[0].seq >= head.seq):
            return
        fields = {"book": book, "seq": head.seq, "hash": head.hash.hex(), "seal": head.seal.hex()}
        line = json.dumps({**fields, "hmac": self._sign(fields)}) + "\n"
        descriptor = os.open(self._path(book), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # A line that a killed process left without its end would swallow ours.
            if os.fstat(descriptor).st_size and not self._path(book).read_bytes().endswith(b"\n"):
                line = "\n" + line
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, book: str) -> list[Anchor]:
        """All anchors of a book, oldest first; a torn last line is left out, a changed one not genuine.

        Raises:
            JournalError: the file holds something else.
        """
        path = self._path(book)
        if not path.exists():
            return []
        anchors = []
        for line in path.read_text().splitlines():
            try:
                fields = json.loads(line)
                signature = fields.pop("hmac")
                genuine = fields.get("book") == book and hmac.compare_digest(signature, self._sign(fields))
                anchors.append(
                    Anchor(
                        fields["seq"], bytes.fromhex(fields["hash"]), bytes.fromhex(fields["seal"]), genuine
                    )
                )
            except json.JSONDecodeError:
                continue  # a line cut by a kill in mid-write: the head after it was anchored again
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise JournalError(
                    f"{path}: not an anchor file ({error!r}); restore it from a backup"
                ) from error
        return anchors

    def _path(self, book: str) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._folder / f"{book}.jsonl"

    def _sign(self, fields: dict[str, object]) -> str:
        message = json.dumps(fields, sort_keys=True).encode()
        return hmac.new(self._key(), message, hashlib.sha256).hexdigest()

    def _key(self) -> bytes:
        path = self._folder / "anchor.key"
        if not path.exists():
            fresh = path.with_suffix(f".{os.getpid()}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(descriptor, secrets.token_hex(32).encode())
            os.fsync(descriptor)
            os.close(descriptor)
            try:
                os.link(fresh, path)  # whoever comes first; the other one reads it
            except FileExistsError:
                pass
            finally:
                os.unlink(fresh)
        return path.read_bytes()
