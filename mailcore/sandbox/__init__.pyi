# The public names, and where each one lives. Loaded at first use; see __init__.py.

from . import faults
from .consent_client import ConsentRefused
from .counts import RequestCounts
from .deployment_sandbox import DeploymentSandbox
from .drafts import SandboxDraft
from .faults import Ending, Fault
from .gates import Gate
from .google_sandbox import DEFAULT_ACCOUNTS, GoogleSandbox
from .outbox import SandboxMessage
from .records import Client, ServiceAccount

__all__ = [
    "DEFAULT_ACCOUNTS",
    "Client",
    "ConsentRefused",
    "DeploymentSandbox",
    "Ending",
    "Fault",
    "Gate",
    "GoogleSandbox",
    "RequestCounts",
    "SandboxDraft",
    "SandboxMessage",
    "ServiceAccount",
    "faults",
]
