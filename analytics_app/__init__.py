"""The app that a quant opens: pages over the lake. It reads, it never decides or writes.

Reading order: ``app`` (navigation only), ``queries`` (what there is of a book, a market, a chain), the
modules of figures (the numbers of a page, pure: ``book_figures``, ``quality_figures``, ``chain_figures``),
``charts``, ``surface_charts`` and ``week_strip`` (what is drawn, pure), ``position_tables`` and
``chain_tables`` (tables with their widgets), ``pages``.
The lake is enough: pages work while the database is down.
"""
