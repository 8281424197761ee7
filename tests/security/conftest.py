"""A command line in a folder of its own, as in the tests of the commands."""

from tests.cli.conftest import credentials, emulator, folder, typed, zmigrate

__all__ = ["credentials", "emulator", "folder", "typed", "zmigrate"]
