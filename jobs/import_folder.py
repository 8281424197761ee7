"""Ready-made: load all files of an export, each into its module."""

from __future__ import annotations

from pathlib import Path

from zmigrate import Argument, Flow, LoadFile, Option, read_folder


class ImportFolder(Flow):
    """Load the files of a folder, one after the other, as a mapping file says.

    The mapping has a [[load]] for each file: its module, what to do, where each column goes. Files that
    others refer to (`ref`, `find`) are loaded first. A file of the folder without a load is refused, unless
    the mapping's `ignore_files` names it.
    """

    folder: Path = Argument(help="Folder with the files.")
    mapping: Path | None = Option(
        default=None, metavar="FILE.toml", help="Mapping file (mapping.toml in the folder, unless named)."
    )

    @property
    def reads(self) -> tuple[Path, ...]:
        return (self.mapping or self.folder / "mapping.toml",)

    def jobs(self) -> list[LoadFile]:
        return [LoadFile(load) for load in read_folder(self.folder, self.mapping)]
