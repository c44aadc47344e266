"""Frozen values: the only shape in which rows leave mailcore."""
