"""Mappings: where each column goes, in a TOML file or as options, with the same words in both."""

from zmigrate.rows.mapping.folder_mapping import LoadFile, read_folder
from zmigrate.rows.mapping.import_job import ImportJob
from zmigrate.rows.mapping.load import Load, read_mapping
from zmigrate.rows.mapping.load_job import LoadJob

__all__ = ["ImportJob", "Load", "LoadFile", "LoadJob", "read_folder", "read_mapping"]
