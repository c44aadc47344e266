"""`open`: the link to the admin page, again."""

import os
import sys
import webbrowser
from contextlib import closing
from html import escape
from pathlib import Path

import typer

import mailcore
from mailcore.cli.serving import PortOption, with_public_url

#: Without one of these, Linux has only browsers that would take over the terminal.
_SCREENS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")


def open_page(port: PortOption = 8501) -> None:
    """Print the link to the admin page, and open it in a browser if there is one."""
    settings = with_public_url(mailcore.Settings(), port)
    link = _link(settings)
    typer.echo(link)
    if sys.platform in {"darwin", "win32"} or any(map(os.environ.get, _SCREENS)):
        # Not the link itself: every user of the machine sees what a program was started with.
        webbrowser.open(_redirect(settings.data_dir.expanduser().absolute(), link).as_uri())


def _link(settings: mailcore.Settings) -> str:
    if settings.admin_emails or settings.user_header:
        return settings.public_url  # there is a login
    with closing(mailcore.Mailcore(settings)) as core:
        return core.page_secrets().link(settings.public_url)


def _redirect(directory: Path, link: str) -> Path:
    """Write a file that leads a browser to the link, and that only its owner may read."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "open.html"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(
        f'<!doctype html><meta http-equiv="refresh" content="0; url={escape(link)}">'
        f'<a href="{escape(link)}">pal-e-mail</a>\n',
        encoding="utf-8",
    )
    return path
