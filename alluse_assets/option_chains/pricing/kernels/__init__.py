"""What Numba turns into machine code for pricing, and nothing else.

``compilation`` compiles and caches, ``options`` says what an option and an answer are, ``normal`` has the
distribution; then a file of formulas an exercise style and question, and ``rows``, the loops that others
call. No fastmath and no reductions across rows: a row's result depends on that row alone. Formulas take
checked arguments; what is missing, impossible or without a root is judged in the loops and answered with
NaN (and a status), never raised.
"""
