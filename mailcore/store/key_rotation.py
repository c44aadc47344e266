"""Sealing what is stored anew, after a key was added in front."""

from sqlmodel import Session, col, select

from mailcore.clock import Deadline
from mailcore.errors import ConfigurationError
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.store.models import AuthorizationRequestRow, DeploymentRow, SenderRow

#: Seconds that it may take: it rewrites every sender, and is done by hand.
_TIME_LIMIT = 3600.0


def rotate(database: Database, vault: Vault) -> int:
    """Rewrite every sealed column with the newest key. The arguments as in `Mailcore`.

    Raises:
        ConfigurationError: no keys are set, or none opens a stored secret.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    if not vault.seals:
        raise ConfigurationError("PALEMAIL_ENCRYPTION_KEYS is not set: there is no key to use.")
    with database.session(Deadline(_TIME_LIMIT)) as session:
        return sum(_rotate(session, vault))


def _rotate(session: Session, vault: Vault) -> list[bool]:
    senders = session.exec(select(SenderRow).order_by(col(SenderRow.id)).with_for_update()).all()
    deployment = session.exec(select(DeploymentRow).with_for_update()).all()
    # Re-auths that are under way when the old key goes would fail otherwise.
    requests = session.exec(
        select(AuthorizationRequestRow)
        .where(col(AuthorizationRequestRow.consumed_at).is_(None))
        .with_for_update()
    ).all()
    return [
        *(_reseal(row, "code_verifier", vault) for row in requests),
        *(
            _reseal(row, "token_json", vault)
            | _reseal(row, "credentials_json", vault)
            | _reseal(row, "grant_client_json", vault)
            for row in senders
        ),
        *(
            _reseal(row, "credentials_json", vault) | _reseal(row, "page_key", vault)
            for row in deployment
        ),
    ]


def _reseal(
    row: SenderRow | DeploymentRow | AuthorizationRequestRow, column: str, vault: Vault
) -> bool:
    stored = getattr(row, column)
    if stored is None:
        return False
    setattr(row, column, vault.seal(vault.open(stored)))
    return True
