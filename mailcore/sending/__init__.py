"""Sending: from the call to the recorded outcome."""
