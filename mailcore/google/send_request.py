"""The form of the request that sends a message, as Google's client describes it.

google-api-python-client brings a description of the API, and builds its calls from that. So is
the request here: its own way to build one loads httplib2 and google-auth, which nothing is sent
by, and costs a job a fifth of a second and each message a quarter of a millisecond.
"""

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin

from googleapiclient.discovery_cache import get_static_doc

#: Above this many bytes a message goes through the upload endpoint.
UPLOAD_ABOVE = 4 * 1024 * 1024

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is posted.

    Attributes:
        uri: to which address.
        body: the body.
        content_type: what that is.
    """

    uri: str
    body: bytes | str
    content_type: str

    def headers(self, access_token: str) -> dict[str, str]:
        """Return its headers, for a sender."""
        return {
            "accept": _JSON,
            "content-type": self.content_type,
            "authorization": f"Bearer {access_token}",
        }


class SendRequests:
    """Makes requests of `users.messages.send`.

    https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send

    Args:
        endpoint: the API's root address, Google's or a stand-in's.
    """

    def __init__(self, endpoint: str) -> None:
        document = json.loads(get_static_doc("gmail", "v1"))
        method = document["resources"]["users"]["resources"]["messages"]["methods"]["send"]
        upload = method["mediaUpload"]["protocols"]["simple"]
        root = endpoint.rstrip("/") + "/"
        self._json = _uri(root, document["servicePath"] + method["path"])
        self._media = _uri(root, upload["path"], uploadType="media")
        self._related = _uri(root, upload["path"], uploadType="multipart")

    def of(self, raw: bytes, thread_id: str | None) -> HttpRequest:
        """Return the request that sends a message.

        Args:
            raw: the RFC 5322 message.
            thread_id: Gmail's id of the thread to put it in, or None.
        """
        metadata = {"threadId": thread_id} if thread_id else {}
        if len(raw) <= UPLOAD_ABOVE:
            encoded = base64.urlsafe_b64encode(raw).decode("ascii")
            return HttpRequest(self._json, json.dumps({**metadata, "raw": encoded}), _JSON)
        if not metadata:
            return HttpRequest(self._media, raw, "message/rfc822")
        boundary = secrets.token_hex(16)
        return HttpRequest(
            self._related,
            _related(boundary, metadata, raw),
            f'multipart/related; boundary="{boundary}"',
        )


def _uri(root: str, path: str, **query: str) -> str:
    address = urljoin(root, path.lstrip("/").replace("{userId}", "me"))
    return f"{address}?{urlencode({'alt': 'json', **query})}"


def _related(boundary: str, metadata: dict[str, Any], raw: bytes) -> bytes:
    """Return a multipart upload (RFC 2387).

    https://developers.google.com/workspace/gmail/api/guides/uploads#multipart
    """
    head = (
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
        f"{json.dumps(metadata)}\r\n"
        f"--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n"
    )
    return b"".join([head.encode("ascii"), raw, f"\r\n--{boundary}--\r\n".encode("ascii")])
