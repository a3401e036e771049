"""The place of what learns from past weeks: the outcome matrix, predictions, parameter search, proposals.

It will read the week types and trades that ``weeks`` and ``execution`` project. Nothing here yet.
"""
