"""What Numba turns into machine code for pricing, and nothing else.

``compilation`` compiles and caches, ``options`` says what an option and an answer are, ``elementary`` and
``normal`` have the functions that all of pricing consists of; then a file of formulas an exercise style and
question, and the loops over columns that others call, ``european_rows``, ``american_rows`` and
``dividend_rows``. No fastmath and no reductions across rows: a row's result depends on that row alone.
Formulas take checked arguments; what is missing, impossible or without a root is judged in the loops and
answered with NaN (and a status), never raised.
"""
