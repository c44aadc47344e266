"""A stand-in for Google over real HTTP, for tests and for trying things out.

It shows a consent page, exchanges codes, refreshes tokens, accepts messages as Gmail does, and
fails on request in every way that Google does. No mail leaves the machine. It needs the extra
``pal-e-mail[sandbox]``. In a test of your own::

    from mailcore.sandbox import GoogleSandbox, faults

    with GoogleSandbox(accounts=["alerts@example.com"]) as google:
        for name, value in google.environment.items():
            monkeypatch.setenv(name, value)          # pal-e-mail now talks to the sandbox

        back = google.consent(authorization_url)     # a person clicks Continue
        back = google.consent(authorization_url, untick=["gmail.send"])
        back = google.consent(authorization_url, cancel=True)
        tokens = google.issue_grant("alerts@example.com")    # or: tokens without clicking

        google.expire_grant("alerts@example.com")    # refresh: invalid_grant; send: 401
        google.expire_access_tokens()                # send: 401; refresh works
        google.fail("send", faults.RATE_LIMIT_EXCEEDED)              # the next send
        google.fail("token", faults.SERVICE_UNAVAILABLE, times=None) # all, until heal()
        google.fail("send", faults.CLOSE_AFTER)      # accepted, but never answered
        google.fail("get_draft", faults.CLOSE_AFTER)     # drafts can be made and lost, too

        with google.hold("send") as gate:            # sends wait here
            ...                                      # start the sending thread
            gate.wait_for_arrivals(1)
            google.revoke_grant("alerts@example.com")    # ... and meanwhile
        google.stop(); google.start()                # Google was down

        assert google.requests.refreshes("alerts@example.com") == 1
        [sent] = google.outbox                       # or google.wait_for_outbox(1)
        assert sent.email["Subject"] == "Disk is full"
        assert not any(secret in caplog.text for secret in google.secrets)

The consent form's fields are described in `mailcore.sandbox.consent`, the switches by HTTP
in `mailcore.sandbox.switches`, the faults in `mailcore.sandbox.faults`. The sandbox's home
page, at ``google.url``, has a button for each switch and shows the outbox.
"""

import lazy_loader

# Loaded at first use: the pytest plugin is imported by every test run, whether it serves or not.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
