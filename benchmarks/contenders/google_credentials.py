"""Google's credentials object, for the contenders that build on it."""

from google.oauth2.credentials import Credentials

from benchmarks.place import SCOPE, Place


def credentials(place: Place) -> Credentials:
    return Credentials(  # type: ignore[no-untyped-call]
        "made-up",
        refresh_token="made-up",
        token_uri=place.token_uri,
        client_id="benchmark",
        client_secret="made-up",
        scopes=[SCOPE],
        expiry=place.token_expires_at.replace(tzinfo=None),
    )
