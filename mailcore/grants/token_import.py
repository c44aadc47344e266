"""Taking grants over from gmail-sdk's files into the database."""

import re
from datetime import datetime
from pathlib import Path

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from mailcore.clock import Deadline
from mailcore.errors import ConfigurationError, SenderNotFound
from mailcore.grants import token_files
from mailcore.grants.storage import store_grant
from mailcore.grants.token_files import LegacyToken
from mailcore.senders.events import event
from mailcore.senders.picture import no_sender
from mailcore.senders.validation import ALIAS_PATTERN, RESERVED_ALIASES
from mailcore.settings import Settings
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.store.models import SenderEventRow, SenderRow
from mailcore.store.sealed_columns import GRANT_CLIENT
from mailcore.values.senders import JOB, AuditEvent, ImportedToken


def adopt(
    alias: str,
    deadline: Deadline | None = None,
    *,
    settings: Settings,
    database: Database,
    vault: Vault,
) -> None:
    """Give a sender without a grant the one in its token file, if there is one.

    A sender that was ever deleted takes nothing from a file: it does not come back by itself.

    Args:
        alias: the sender, registered or not.
        deadline: when Postgres must have answered; None for the database's own limit.
        settings: where the files are.
        database: where the grant goes.
        vault: seals it.

    Raises:
        SenderNotFound: neither the database nor a file knows the sender.
        ConfigurationError: its file cannot be used.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    if not _possible(alias):
        raise _no_alias(alias)
    try:
        with database.session(deadline) as session:
            row = _row(session, alias)
            deleted_at = _deleted_at(session, alias)
            names = (alias,) if row is None else _file_names(session, row)
            token = None
            if deleted_at is None:
                token = token_files.find(settings.gmail_secrets_dir, names)
            if row is None and token is None:
                raise _unknown(alias, deleted_at)
            if token is not None and (row is None or row.token_json is None):
                _store(session, row, alias, token, vault, who=JOB)
    except IntegrityError:
        return  # another job registered it from its file at the same moment


def import_tokens(
    directory: Path, *, dry_run: bool, by: str, database: Database, vault: Vault
) -> tuple[ImportedToken, ...]:
    """Register every token file of a directory, and take its grant over.

    A sender that has a grant keeps it, and a deleted one stays deleted until it is
    registered again.

    Args:
        directory: gmail-sdk's secrets directory.
        dry_run: only say what would happen.
        by: who does it.
        database: where the grants go.
        vault: seals them.

    Raises:
        ConfigurationError: it is no directory.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    return tuple(
        _import(path, dry_run=dry_run, by=by, database=database, vault=vault)
        for path in token_files.files(directory)
    )


def _import(
    path: Path, *, dry_run: bool, by: str, database: Database, vault: Vault
) -> ImportedToken:
    try:
        token = token_files.read(path)
    except ConfigurationError as exc:
        return ImportedToken(file=path.name, alias=None, outcome="unreadable", detail=str(exc))
    alias = re.sub(r"[^a-z0-9._-]", "-", token.account.lower())[:63]
    try:
        with database.session() as session:
            row = _row(session, alias) or _registered_for(session, token.account)
            alias = alias if row is None else row.alias
            obstacle = _obstacle(session, alias, row)
            if obstacle is None and not dry_run:
                _store(session, row, alias, token, vault, who=by)
    except IntegrityError:
        obstacle = "a job imported it at the same moment"
    outcome = "skipped" if obstacle else "would import" if dry_run else "imported"
    return ImportedToken(
        file=path.name, alias=alias, outcome=outcome, detail=obstacle or "its grant was imported"
    )


def _possible(alias: str) -> bool:
    return ALIAS_PATTERN.fullmatch(alias) is not None and alias not in RESERVED_ALIASES


def _obstacle(session: Session, alias: str, row: SenderRow | None) -> str | None:
    if not _possible(alias):
        return "its name cannot be an alias; register the sender under another name"
    if row is not None and row.token_json is not None:
        return "the sender already has a grant"
    if row is None and _deleted_at(session, alias) is not None:
        return f"the sender was deleted; `pal-e-mail senders add {alias}` brings it back"
    return None


def _store(  # noqa: PLR0917
    session: Session, row: SenderRow | None, alias: str, token: LegacyToken, vault: Vault, who: str
) -> None:
    sender = row or SenderRow(alias=alias)
    sender.gmail_account = sender.gmail_account or _account(token)
    client = vault.seal(token.client.to_json(), GRANT_CLIENT.at(alias))
    store_grant(sender, token.grant, vault=vault, lasts=None, client_json=client)
    session.add(sender)
    session.add(event(alias, AuditEvent.IMPORTED, who=who, detail=f"grant taken from {token.file}"))


def _account(token: LegacyToken) -> str | None:
    return token.account if "@" in token.account else None


def _file_names(session: Session, row: SenderRow) -> tuple[str, ...]:
    """Return how the sender's file may be called, best first.

    The account's local part tells whose file it is only while no other account shares it.
    """
    if row.gmail_account is None:
        return (row.alias,)
    local_part = row.gmail_account.partition("@")[0]
    sharing = session.exec(
        select(func.count(func.distinct(func.lower(SenderRow.gmail_account)))).where(
            func.split_part(func.lower(SenderRow.gmail_account), "@", 1) == local_part.lower()
        )
    ).one()
    names = (row.alias, row.gmail_account)
    return names if sharing > 1 else (*names, local_part)


def _row(session: Session, alias: str) -> SenderRow | None:
    """Find the sender, locked: two jobs that find it without a grant take it over once."""
    return session.exec(select(SenderRow).where(SenderRow.alias == alias).with_for_update()).first()


def _registered_for(session: Session, account: str) -> SenderRow | None:
    """Find the sender that was registered for an account under another name."""
    return session.exec(
        select(SenderRow)
        .where(func.lower(SenderRow.gmail_account) == account.lower())
        .order_by(col(SenderRow.generation), col(SenderRow.id))
        .with_for_update()
    ).first()


def _deleted_at(session: Session, alias: str) -> datetime | None:
    return session.exec(
        select(SenderEventRow.at)
        .where(SenderEventRow.alias == alias, SenderEventRow.what == AuditEvent.DELETED)
        .order_by(col(SenderEventRow.at).desc())
    ).first()


def _unknown(alias: str, deleted_at: datetime | None) -> SenderNotFound:
    if deleted_at is not None:
        return SenderNotFound(
            f"Sender {alias!r} was deleted on {deleted_at:%Y-%m-%d}.",
            remedy=f"Register it again with `pal-e-mail senders add {alias}`, and authorise it.",
            alias=alias,
        )
    return SenderNotFound(
        f"There is no sender {alias!r}.",
        remedy="`pal-e-mail senders list` shows all senders; "
        f"`pal-e-mail senders add {alias}` registers it.",
        alias=alias,
    )


def _no_alias(alias: str) -> SenderNotFound:
    """Say that nobody can be called that; a job's author most likely wrote capitals."""
    meant = alias.lower()
    if not _possible(meant):
        return no_sender(alias)
    return SenderNotFound(
        f"There is no sender {alias!r}. Aliases are in lower case: did you mean {meant!r}?",
        remedy="`pal-e-mail senders list` shows all senders.",
        alias=alias,
    )
