"""The app that a quant and an operator open: pages over the lake and the journal. It reads, it never decides.

Reading order: ``app`` (navigation only), ``queries`` (what there is of a book, a market, a chain),
``protocol_queries`` (what the protocol engine did in a book: its journal as it is now, else the lake), the
modules of figures (the numbers of a page, pure: ``book_figures``, ``quality_figures``, ``chain_figures``,
``protection_figures``, ``asked_figures``) with ``protocol_words``, ``charts``, ``surface_charts``,
``drawdown_chart`` and ``week_strip`` (what is drawn, pure), ``position_tables``, ``chain_tables``,
``protection_tables``, ``asked_tables`` and ``script_table`` (tables with their widgets), ``book_choice``,
``pages``. The lake is enough: pages work while the database is down, and say what is missing then.
"""
