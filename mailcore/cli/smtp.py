"""`smtp`: takes messages in from programs that speak SMTP; and the same within `up`."""

import importlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

import mailcore
from mailcore import ConfigurationError
from mailcore.cli import output
from mailcore.cli.ports import require_free
from mailcore.cli.signals import until_stopped, wait_for_signal

#: Where it listens without TLS.
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_DEFAULT_PORT = 2525


def smtp(
    host: Annotated[
        str | None,
        typer.Option(
            help="The address to listen on; any address other than loopback needs a certificate. "
            "By default PALEMAIL_SMTP_HOST, or loopback.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help=f"The port to listen on. By default PALEMAIL_SMTP_PORT, or {_DEFAULT_PORT}.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Take in messages by SMTP, with a sender's alias and an API key, and queue them."""
    with until_stopped():
        given = {"smtp_host": host, "smtp_port": port}
        settings = mailcore.Settings().model_copy(
            update={name: value for name, value in given.items() if value is not None}
        )
        if settings.smtp_port is None:
            settings = settings.model_copy(update={"smtp_port": _DEFAULT_PORT})
        with closing(mailcore.Mailcore(settings)) as core:
            if not core.is_migrated():
                raise ConfigurationError(
                    "The database schema is not up to date.", remedy="Run `pal-e-mail migrate`."
                )
            check_smtp(settings)
            with taking_in(core):
                wait_for_signal()


def check_smtp(settings: "mailcore.Settings") -> None:
    """Check that it can be served as the settings say, before anything is started.

    Raises:
        ConfigurationError: it cannot; the text says why.
    """
    if settings.smtp_port is None:
        return
    if settings.smtp_host not in _LOOPBACK and settings.smtp_certificate is None:
        raise ConfigurationError(
            f"SMTP on {settings.smtp_host} would let API keys cross the network in the clear.",
            remedy="Set PALEMAIL_SMTP_CERTIFICATE and PALEMAIL_SMTP_KEY, or listen on 127.0.0.1.",
        )
    if not settings.api_keys:
        raise ConfigurationError(
            "Nobody could send by SMTP: this deployment has no API keys.",
            remedy="Make one with `pal-e-mail new-api-key`, and put it into PALEMAIL_API_KEYS as "
            "app/send:KEY.",
        )
    require_free(settings.smtp_host, settings.smtp_port)


@contextmanager
def taking_in(core: "mailcore.Mailcore") -> Iterator[None]:
    """Serve SMTP while the context lasts, if a port is set. What `check_smtp` checks is known.

    Raises:
        ConfigurationError: the port or the certificate cannot be used, or the extra that brings
            it is not installed.
    """
    settings = core.settings
    if settings.smtp_port is None:
        yield
        return
    try:
        server = importlib.import_module("mailcore.smtp.server")
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"The SMTP server is not installed ({exc.name} is missing).",
            remedy="Run: pip install 'pal-e-mail[smtp]'",
        ) from exc
    certificate = settings.smtp_certificate
    options = server.SmtpOptions(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=server.tls_context(certificate, settings.smtp_key) if certificate else None,
        other_from=settings.smtp_from,
    )
    with server.serving(core, options):
        output.result(f"Taking in messages by SMTP on {settings.smtp_host}:{settings.smtp_port}.")
        yield
