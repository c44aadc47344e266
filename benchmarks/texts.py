"""What docs/benchmarks.md says besides the figures."""

HEAD = """\
# Benchmarks

`make bench` compares sending through pal-e-mail with what people use today, and writes this
page. All contenders send to the same stand-in for Gmail on the same machine. It responds almost
instantly, so the benchmark measures the sending side. Look at the ratios: absolute figures differ
from machine to machine.

The figures for `send_email` include everything it does: composing the message, reading the sender
and its grant from Postgres, sending, and recording the outcome. The others compose and send, and
record nothing.
"""

QUICK = "**This was a `--quick` run: too few rounds to draw conclusions from.**\n"

FAULTS = """
## When things go wrong

All contenders meet the same faults. Each cell names the error that the caller gets.
"""

HOW = """\
## How it is measured

- The stand-in (`benchmarks/stand_in.py`) is a separate process that reads only a request's path
  and length. It uses HTTP without TLS, which all contenders can be made to use.
- After a warm-up, the contenders take turns, round by round. A ratio compares two contenders
  in the same round, and the median of all rounds is shown. So anything else that the machine
  does slows them all equally.
- The 2 KB are plain text. The 5 MB are a file of random bytes, read again for each mail.
- Contenders that leave composing to their caller (the Google client, google-auth, bare urllib3,
  and gmail-sdk where there is a file) compose with the standard library's `EmailMessage`, as
  Google's guide does, and post base64 in JSON. gmail-sdk, simplegmail and ezgmail compose with
  the older `MIMEText`, which costs less, and leave the date and the Message-ID to Gmail. The last
  row is bare urllib3 with `MIMEText`: it is hard to do less than that. `send_email` sends large
  mails through Gmail's upload endpoint without base64, which is why they cost it less.
- httplib2 is not thread-safe, and requests doesn't promise to be, so the Google client,
  simplegmail and google-auth's session have one connection per thread. ezgmail has one
  service for the whole process, so it is measured with one thread only.
- simplegmail reads every mail back after sending it: that is a second request, and a second
  wait for Gmail.
- gmail-sdk's addresses are constants of its modules and are replaced there. simplegmail and
  ezgmail call Google's `build` without an address; they are given a `build` with one. Nothing
  else in any of them is changed, except the timeout of gmail-sdk's httpx client. For the faults,
  contenders without a timeout setting get one from `socket.setdefaulttimeout`.
- google-api-python-client imports oauth2client if it is installed, as it is here because ezgmail
  needs it. Without ezgmail, everyone who uses Google's client starts a little faster.
- A cold start's memory is the kernel's peak for that process. "The libraries that it needs"
  are all modules that a first send loads, other than pal-e-mail's own, imported by name in the
  same order.
"""

RATIOS = """
## Ratios

Time relative to bare urllib3 in the same rounds; smaller is faster.
"""

FIGURES = """
## Figures

One thread: milliseconds per mail. Many threads: mails per second. Medians, with the middle half
of the rounds in brackets.
"""

STEPS = """
## Where the time goes

A profile of ordinary sends: 2 KB, one thread, immediate responses. It shows why `send_email` takes
more than twice as long as bare urllib3 with `MIMEText`, which is little more than the POST. The
POST takes `send_email` as long, and the two round trips to Postgres, which no other contender
makes, come on top. Each is one prepared statement, sent directly through psycopg; the rest is
Postgres' own work, and waking up twice for its responses. Behind a pooler in transaction mode
nothing can be prepared, and each statement travels in a batch with its transaction.
"""

COLD = """
## Cold start of a job

A new process imports, sends one mail and ends: seconds from the first import to Gmail's response,
and the process's peak memory.
"""

RENEWING = "gmail-sdk, simplegmail and ezgmail refresh once per client object."
