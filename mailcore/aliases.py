"""Which names a sender may have."""

import re

ALIAS = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

#: Taken by addresses under ``/senders``.
RESERVED = frozenset({"callback", "reauth", "auth"})
