"""Re-auth: from the link to the stored grant."""
