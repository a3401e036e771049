"""The research file: everything of an installation, as of any day, in one DuckDB file with a dictionary.

Reading order: ``contents`` (what is in it), ``whole_file`` (how it replaces the old one), ``export``.
"""

from alluse_assets.adapters.duckdb_export.export import ExportReport, export_duckdb

__all__ = ["ExportReport", "export_duckdb"]
