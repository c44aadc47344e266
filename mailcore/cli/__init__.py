"""The command line, `pal-e-mail`. What a command needs is loaded when it runs."""

from mailcore.cli.app import main

__all__ = ["main"]
