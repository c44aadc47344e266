# The public names, and where each one lives. Loaded at first use; see __init__.py.

from . import faults
from .counts import RequestCounts
from .deployment import GmailSandbox
from .faults import Ending, Fault
from .google import DEFAULT_ACCOUNTS, GoogleSandbox
from .holds import Hold
from .outbox import SandboxMessage
from .person import ConsentRefused
from .records import Client

__all__ = [
    "DEFAULT_ACCOUNTS",
    "Client",
    "ConsentRefused",
    "Ending",
    "Fault",
    "GmailSandbox",
    "GoogleSandbox",
    "Hold",
    "RequestCounts",
    "SandboxMessage",
    "faults",
]
