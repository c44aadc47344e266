"""ezgmail. It passes no address on to Google's client, so its `build` is given one."""

from functools import partial
from pathlib import Path

import ezgmail
from googleapiclient.discovery import build

from benchmarks.place import Mail, Place


class Contender:
    """The module itself: it keeps one service for the process."""

    def __init__(self, place: Place) -> None:
        ezgmail.build = partial(build, client_options={"api_endpoint": place.gmail})
        folder = Path(place.folder)
        ezgmail.init(
            tokenFile=str(folder / "token.json"), credentialsFile=str(folder / "credentials.json")
        )

    def send(self, mail: Mail) -> None:
        ezgmail.send(
            mail.to,
            mail.subject,
            mail.text,
            attachments=[str(mail.attachment)] if mail.attachment else None,
        )
