"""`zmigrate demo`"""

import typer

from zmigrate.cli.commands import Command


def add_to(app: typer.Typer) -> None:
    @app.command(cls=Command)
    def demo() -> None:
        """The whole story on an embedded emulator that misbehaves."""
