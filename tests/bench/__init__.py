"""Benchmarks: ``make bench``. Every line is a ratio of two things measured side by side in this run."""
