"""Monitoring: how the deployment is doing."""
