"""The app that a quant opens: pages over the lake. It reads, it never decides or writes.

Reading order: ``app`` (navigation only), ``queries`` (what the lake has of a book), ``book_figures`` (the
numbers and tables of a page, pure), ``charts`` and ``week_strip`` (what is drawn, pure), ``pages``.
The lake is enough: pages work while the database is down.
"""
