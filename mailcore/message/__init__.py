"""Messages: from a caller's arguments to RFC 5322."""
