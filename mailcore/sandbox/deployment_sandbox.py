"""A whole deployment for tests: Postgres, a stand-in for Google, and senders that work."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url

from mailcore import Mailcore, Sender, Settings
from mailcore.sandbox.google_sandbox import GoogleSandbox
from mailcore.sandbox.outbox import SandboxMessage
from mailcore.store import embedded_postgres

#: Who registers and authorises senders, as the audit trail names it.
_PERSON = "pytest"


@dataclass(frozen=True)
class DeploymentSandbox:
    """What a test of a job's mail needs.

    Attributes:
        google: the stand-in for Google, with every fault as a switch.
        mailcore: the deployment that the job's `mailcore.send_email` uses, to look into
            deliveries and senders.
    """

    google: GoogleSandbox
    mailcore: Mailcore

    @property
    def outbox(self) -> list[SandboxMessage]:
        """What was sent so far, oldest first."""
        return self.google.outbox

    def add_sender(self, alias: str, account: str | None = None) -> Sender:
        """Register a sender and authorise it: it can send.

        Args:
            alias: the name that the job uses.
            account: its mailbox; by default the alias at example.com.

        Raises:
            SenderExists: the alias is taken.
            InvalidSender: the alias or the account is not valid.
        """
        account = account or f"{alias}@example.com"
        if account not in self.google.accounts:
            self.google.add_account(account)
        self.mailcore.senders.register(alias, gmail_account=account, by=_PERSON)
        return self.authorise(alias)

    def authorise(self, alias: str) -> Sender:
        """Re-authorise a sender, as a person does in the browser."""
        begun = self.mailcore.authorizations.begin(alias, by=_PERSON)
        back = parse_qs(urlsplit(self.google.consent(begun.url)).query)
        done = self.mailcore.authorizations.complete(
            state=back["state"][0], code=back["code"][0], error=None
        )
        return done.sender

    def expire(self, alias: str) -> None:
        """Make a sender's grant expire: its next send raises `mailcore.ReauthRequired`."""
        account = self.mailcore.senders.get(alias).gmail_account
        if account is not None:
            self.google.expire_grant(account)


class Databases:
    """Databases for tests, migrated and empty.

    Args:
        server: the address of any database on the server; its user may create others.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._template = _name()

    @classmethod
    @contextmanager
    def served(cls) -> Iterator["Databases"]:
        """Make databases on the server of ``TEST_DATABASE_URL``, or on an embedded one.

        Raises:
            ConfigurationError: it is unset, and the extra ``embedded`` is not installed.
        """
        if given := os.environ.get("TEST_DATABASE_URL"):
            with cls(_address(given)).prepared() as databases:
                yield databases
            return
        # Short, since the path of the socket in it may have no more than 107 characters.
        with (
            tempfile.TemporaryDirectory(prefix="pem-") as directory,
            embedded_postgres.started(Path(directory)) as url,
            cls(url).prepared() as databases,
        ):
            yield databases

    @contextmanager
    def prepared(self) -> Iterator["Databases"]:
        """Build the tables once, for all the databases to come."""
        with self._database(self._template, of="template0") as url:
            core = Mailcore(Settings(database_url=url))
            core.migrate()
            core.close()
            yield self

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Yield the address of a new database; it is dropped at the end."""
        with self._database(_name(), of=self._template) as url:
            yield url

    @contextmanager
    def _database(self, name: str, *, of: str) -> Iterator[str]:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(
                SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(of))
            )
            try:
                yield _address(self._server, name)
            finally:
                connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def _name() -> str:
    return f"palemail_test_{secrets.token_hex(8)}"


def _address(url: str, database: str | None = None) -> str:
    """Return a plain ``postgresql://`` address, of another database if one is named."""
    address = make_url(url).set(drivername="postgresql")
    if database is not None:
        address = address.set(database=database)
    return address.render_as_string(hide_password=False)
