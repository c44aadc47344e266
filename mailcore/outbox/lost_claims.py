"""Claims whose answer was lost with the connection. Their messages were not handed over."""

from mailcore.clock import Deadline
from mailcore.errors import DatabaseUnavailable
from mailcore.outbox.claims import give_back
from mailcore.store.database import Database

#: Seconds that giving one back may take.
_PATIENCE = 5.0


class LostClaims:
    """A worker's claims of which it cannot tell whether they were committed.

    Without it their messages would count as unknown once the lease is over, though nobody has
    sent them. It is only a convenience: a worker that dies first leaves them to the lease.

    Args:
        database: where the claims are.
        seconds: for how long a claim may still be carried out, by a server that was frozen.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._names: dict[str, Deadline] = {}

    def add(self, name: str) -> None:
        """Remember a claim."""
        self._names[name] = Deadline(self._seconds)

    def give_back(self) -> None:
        """Put back into the queue what was claimed in vain, once Postgres can be reached."""
        for name, deadline in list(self._names.items()):
            try:
                with self._database.connection(Deadline(_PATIENCE)) as connection:
                    found = give_back(connection, name)
            except DatabaseUnavailable:
                return  # the next look tries again
            if found or deadline.is_over:
                self._names.pop(name, None)
