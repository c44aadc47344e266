"""How the audit trail names what is done from the command line."""

BY = "cli"
