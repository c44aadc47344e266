"""Grants: whose token a request carries, and where grants come from besides a re-auth."""
