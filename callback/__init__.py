"""Where Google sends people back to, the JSON API, and the health checks.

`routes` is what another Starlette application takes in; `create_app` runs alone.
"""

from callback.app import create_app, routes

__all__ = ["create_app", "routes"]
