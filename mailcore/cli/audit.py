"""How the audit trail names the command line."""

BY = "cli"
