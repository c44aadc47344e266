"""Which columns are sealed, and what the place of a value in them is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column whose values are sealed where keys are set.

    Attributes:
        table: its table, whose primary key is ``id``.
        name: its name.
        key: the columns that tell the place of a value; a value opens nowhere else. What jobs
            and people name a row by belongs to it, or rows could swap their names.
        where: which rows' values are ever opened again, as SQL.
    """

    table: str
    name: str
    key: tuple[str, ...]
    where: str = "true"

    def at(self, *key: object) -> str:
        """Return the place of one value, by the values of the key's columns."""
        return " ".join((f"{self.table}.{self.name}", *map(str, key)))


SENDER_GRANT = SealedColumn("sender", "token_json", ("alias",))
SENDER_CLIENT = SealedColumn("sender", "credentials_json", ("alias",))
GRANT_CLIENT = SealedColumn("sender", "grant_client_json", ("alias",))
OFFERED_GRANT = SealedColumn("sender", "offered_grant_json", ("alias",))
DEPLOYMENT_CLIENT = SealedColumn("deployment", "credentials_json", ())
PAGE_KEY = SealedColumn("deployment", "page_key", ())
#: Of those that were answered nobody needs the verifier.
CODE_VERIFIER = SealedColumn(
    "authorization_request", "code_verifier", ("id", "alias"), "consumed_at IS NULL"
)
#: By its Message-ID rather than its row's id, which is not known when a key is claimed again.
MESSAGE = SealedColumn("delivery", "body", ("alias", "message_id"))
ALERT_CHANNEL = SealedColumn("alert_channel", "url", ("fingerprint",))

SEALED_COLUMNS = (
    SENDER_GRANT,
    SENDER_CLIENT,
    GRANT_CLIENT,
    OFFERED_GRANT,
    DEPLOYMENT_CLIENT,
    PAGE_KEY,
    CODE_VERIFIER,
    MESSAGE,
    ALERT_CHANNEL,
)
