"""Senders: the registry, the list, and what moves a sender from state to state."""
