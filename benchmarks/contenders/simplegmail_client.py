"""simplegmail. It passes no address on to Google's client, so its `build` is given one."""

import threading
from functools import partial

from googleapiclient.discovery import build
from simplegmail import Gmail, gmail

from benchmarks.contenders.google_credentials import credentials
from benchmarks.place import SENDER, Mail, Place


class Contender:
    """A `Gmail` for each thread, as it is built on httplib2."""

    def __init__(self, place: Place) -> None:
        gmail.build = partial(build, client_options={"api_endpoint": place.gmail})
        self._credentials = credentials(place)
        self._own = threading.local()

    def send(self, mail: Mail) -> None:
        if not hasattr(self._own, "gmail"):
            self._own.gmail = Gmail(credentials=self._credentials)
        self._own.gmail.send_message(
            sender=SENDER,
            to=mail.to,
            subject=mail.subject,
            msg_plain=mail.text,
            attachments=[str(mail.attachment)] if mail.attachment else None,
        )
