"""Sending through pal-e-mail, measured against what people send with today."""
