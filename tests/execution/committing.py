"""A book in a database, as a live process has it: committed at the barrier, found by the next process."""

from alluse_assets.ledger.book_fold import fold
from alluse_assets.orchestration.replay import SessionRecorder
from tests.execution.scene import book_under


class Killed(BaseException):
    """The process ends here."""


class Committing(SessionRecorder):
    """Commits at the barrier, as a live book's recorder does."""

    def __init__(self, store, state, head):
        super().__init__(state, [])
        self.store, self.head = store, head

    def barrier(self):
        self.head = self.store.append("b", self.events, self.head)
        self.events.clear()


def reopened(store):
    """The book as a new process finds it."""
    rows = list(store.read("b"))
    state = fold((row.event for row in rows), book_under("f"))
    return Committing(store, state, rows[-1].head)
