"""What docs/benchmarks.md says besides the figures."""

HEAD = """\
# Benchmarks

`make bench` measures sending through pal-e-mail against what people use today and writes this
page. All contenders send to the same stand-in for Gmail on the same machine, which answers in
next to no time, so what is measured is the sending side. What counts are the ratios: figures
differ from machine to machine.

`send_email` is measured whole: it composes the message, reads the sender and its grant from
Postgres, sends, and records the outcome. The others compose and send, and record nothing.
"""

QUICK = "**This was `--quick`: few rounds, so take nothing from it.**\n"

FAULTS = """
## When things go wrong

The same faults for all. What a cell names is the error as the caller catches it.
"""

HOW = """\
## How it is measured

- The stand-in (`benchmarks/stand_in.py`) is a process of its own that reads a request's path
  and length and no more. It uses HTTP without TLS, as all contenders can be made to.
- The contenders take turns, round by round, after a warm-up; a ratio is that of two
  contenders in the same round, and the median of all rounds is shown. So what else the machine
  does slows them all alike.
- The 2 KB are plain text. The 5 MB are a file of random bytes, read anew for each mail.
- Contenders that leave composing to their caller (the Google client, google-auth, bare urllib3,
  and gmail-sdk where there is a file) compose with the standard library's `EmailMessage`, as
  Google's guide does, and post base64 in JSON. gmail-sdk, simplegmail and ezgmail compose with
  the older `MIMEText`, which costs less, and leave the date and the Message-ID to Gmail. The last
  row is bare urllib3 with `MIMEText`: less than that is hardly possible. Large mails
  of `send_email` go through Gmail's upload endpoint as they are, which is why they need less.
- httplib2 is not safe for threads, and requests promises nothing, so the Google client,
  simplegmail and google-auth's session have one connection for each thread. ezgmail has one
  service for the whole process, and takes part with one thread only.
- simplegmail reads every mail back after sending it: that is a second request, and a second
  wait for Gmail.
- gmail-sdk's addresses are constants of its modules and are replaced there. simplegmail and
  ezgmail call Google's `build` without an address; they are given a `build` with one. Nothing
  else in any of them is changed, but for the timeout of gmail-sdk's httpx client. For the faults,
  those that let nobody set a timeout get one by `socket.setdefaulttimeout`.
- google-api-python-client imports oauth2client where it is installed, as it is here for
  ezgmail's sake. Without ezgmail, everyone who uses Google's client starts a little faster.
- A cold start's memory is the kernel's peak for that process. "The libraries that it needs"
  are all modules that a first send loads and that are not pal-e-mail's own, imported by name
  in the same order.
"""

RATIOS = """
## Ratios

Times of bare urllib3, in the same rounds; smaller is faster.
"""

FIGURES = """
## Figures

One thread: milliseconds a mail. Many threads: mails a second. Medians, and in brackets the
middle half of the rounds.
"""

STEPS = """
## Where the time goes

A profile of ordinary sends, 2 KB, one thread, answered at once. It says what stands between
`send_email` and twice the time of bare urllib3 with `MIMEText`: that one is little more than the
POST, which takes `send_email` as long. The two round trips to Postgres, which no other contender
makes, come on top. Each is one prepared statement, sent by psycopg itself; what is left of them
is Postgres at work, and waking up twice for its answers. Behind a pooler in transaction mode
nothing can be prepared, and each statement travels in a batch with its transaction.
"""

COLD = """
## Cold start of a job

A new process imports, sends one mail and ends: seconds from the first import to Gmail's answer,
and the most memory it ever had.
"""

RENEWING = "gmail-sdk, simplegmail and ezgmail renew for each client that is made."
