"""`new-api-key`: a key for the JSON API."""

import typer

from mailcore import api_keys


def new_api_key() -> None:
    """Print a new key for the JSON API. It takes effect once it is in PALEMAIL_API_KEYS.

    Give it a label there, and limits if you like: ci:KEY, or app/send/billing-*:KEY.
    """
    typer.echo(api_keys.new_key())
