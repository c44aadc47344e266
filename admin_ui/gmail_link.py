"""The link that shows, in Gmail, whether a message is in the Sent folder."""

from datetime import timedelta
from urllib.parse import quote, quote_plus

from mailcore import Delivery


def sent_folder_url(account: str, delivery: Delivery) -> str:
    """Return the address of Gmail's search for one message among those that were sent.

    It goes by subject and day: Gmail may have replaced the Message-ID. Gmail's ``after:`` counts
    days of a time zone that nobody knows here, so it begins a day early.

    Args:
        account: the sender's; Gmail shows its mailbox if the browser is logged in to it.
        delivery: the message.
    """
    first_day = (delivery.created_at - timedelta(days=1)).strftime("%Y/%m/%d")
    words = ["in:sent", f"after:{first_day}"]
    if subject := delivery.subject.replace('"', " ").strip():
        words.insert(1, f'subject:"{subject}"')
    elif delivery.recipients:
        words.insert(1, f"to:{delivery.recipients[0]}")
    search = quote_plus(" ".join(words))
    return f"https://mail.google.com/mail/?authuser={quote(account, safe='')}#search/{search}"
