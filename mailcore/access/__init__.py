"""Access: who may use the admin page."""
