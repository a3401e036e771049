"""Wires adapters into core functions: where things lie, how data is prepared, how a book is run.

Used by the command and by Dagster alike, so that both do the same thing. The Dagster parts
(``partitions``, ``resources``, the factories) are the only modules here that import Dagster.
"""
