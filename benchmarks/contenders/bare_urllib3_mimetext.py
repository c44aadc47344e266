"""As `bare_urllib3`, composing with the standard library's older and faster half."""

import base64
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formatdate, make_msgid

from benchmarks.contenders import bare_urllib3
from benchmarks.place import SENDER, Mail


class Contender(bare_urllib3.Contender):
    """What it costs at the very least."""

    def compose(self, mail: Mail) -> str:
        text = MIMEText(mail.text, "plain", "us-ascii")
        message: MIMEText | MIMEMultipart = text
        if mail.attachment is not None:
            file = MIMEApplication(mail.attachment.read_bytes())
            file.add_header("Content-Disposition", "attachment", filename=mail.attachment.name)
            message = MIMEMultipart(_subparts=[text, file])
        message["From"] = SENDER
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain="example.com")
        return base64.urlsafe_b64encode(message.as_bytes()).decode("ascii")
