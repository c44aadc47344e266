"""Gmail senders that never fail silently.

.. code-block:: python

    from mailcore import send_email

    send_email("alerts", to="ops@example.com", subject="Disk is full", text="…")

The module-level functions use one `Mailcore` made from the environment at first use; make
your own for other settings. Everything is loaded at first use, so importing this costs
next to nothing.
"""

import lazy_loader

# The names are in __init__.pyi, for people, type checkers and this line alike.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
