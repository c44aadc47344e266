"""The contenders: one module each, importing what it needs and nothing else."""

from importlib import import_module

from benchmarks.place import Contender

#: Module → what it is called in the results, ours first and those to measure by last.
NAMES = {
    "pal_e_mail": "pal-e-mail `send_email`",
    "google_client_cached": "google-api-python-client, cached",
    "google_client_built": "google-api-python-client, built for every send",
    "authorized_session": "google-auth `AuthorizedSession`",
    "gmail_sdk_client": "gmail-sdk",
    "simplegmail_client": "simplegmail",
    "ezgmail_client": "ezgmail",
    "bare_urllib3": "bare urllib3",
    "bare_urllib3_mimetext": "bare urllib3, `MIMEText`",
}
OURS = "pal_e_mail"
CACHED = "google_client_cached"
BARE = "bare_urllib3"
BAREST = "bare_urllib3_mimetext"
#: Has one service for the whole process, over one httplib2 connection: not for threads.
ONE_THREAD_ONLY = frozenset({"ezgmail_client"})


def load(name: str) -> type[Contender]:
    """Import a contender, with the libraries that it needs."""
    contender: type[Contender] = import_module(f"{__name__}.{name}").Contender
    return contender
