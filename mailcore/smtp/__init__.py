"""SMTP for programs that speak nothing else: a message that is taken is in the queue."""
