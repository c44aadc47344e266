"""Where Google sends people back to, the JSON API, and the health checks.

`routes` is for another Starlette application, and so is its page `not_found`; `create_app`
runs alone.
"""

from callback.app import create_app, not_found, routes

__all__ = ["create_app", "not_found", "routes"]
