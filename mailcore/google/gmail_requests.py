"""The form of the requests to Gmail, as Google's client describes it.

google-api-python-client brings a description of the API, and builds its calls from that. So are
the requests here: its own way to build one loads httplib2 and google-auth, which nothing is sent
by, and costs a job a fifth of a second and each message a quarter of a millisecond.
"""

import base64
import json
import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from googleapiclient.discovery_cache import get_static_doc

#: Above this many bytes a message goes through the upload endpoint.
UPLOAD_ABOVE = 4 * 1024 * 1024

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is asked of Gmail.

    Attributes:
        uri: at which address.
        body: the body, or None.
        content_type: what that is.
    """

    uri: str
    body: bytes | str | None = None
    content_type: str = _JSON

    def headers(self, access_token: str) -> dict[str, str]:
        """Return its headers, for a sender."""
        headers = {"accept": _JSON, "authorization": f"Bearer {access_token}"}
        if self.body is not None:
            headers["content-type"] = self.content_type
        return headers


class GmailRequests:
    """Makes requests of `users.messages` and `users.drafts`.

    https://developers.google.com/workspace/gmail/api/reference/rest

    Args:
        endpoint: the API's root address, Google's or a stand-in's.
    """

    def __init__(self, endpoint: str) -> None:
        self._root = endpoint.rstrip("/") + "/"

    def send(self, raw: bytes, thread_id: str | None) -> HttpRequest:
        """Return the request that sends a message.

        Args:
            raw: the RFC 5322 message.
            thread_id: Gmail's id of the thread to put it in, or None.
        """
        metadata = {"threadId": thread_id} if thread_id else {}
        if len(raw) <= UPLOAD_ABOVE:
            return self._send.json({**metadata, "raw": _encoded(raw)})
        return self._send.uploaded(metadata, raw)

    def create_draft(self, raw: bytes, thread_id: str | None) -> HttpRequest:
        """Return the request that makes a draft.

        Args:
            raw: as for `send`.
            thread_id: as for `send`.
        """
        metadata = {"threadId": thread_id} if thread_id else {}
        if len(raw) <= UPLOAD_ABOVE:
            return self._create.json({"message": {**metadata, "raw": _encoded(raw)}})
        return self._create.uploaded({"message": metadata} if metadata else {}, raw)

    def send_draft(self, draft_id: str) -> HttpRequest:
        """Return the request that sends a draft."""
        return HttpRequest(self._draft_uri("send"), json.dumps({"id": draft_id}))

    def get_draft(self, draft_id: str) -> HttpRequest:
        """Return the request that looks for a draft."""
        return HttpRequest(self._draft_uri("get", draft_id, format="minimal"))

    def delete_draft(self, draft_id: str) -> HttpRequest:
        """Return the request that deletes a draft."""
        return HttpRequest(self._draft_uri("delete", draft_id))

    def find_drafts(self, message_id: str) -> HttpRequest:
        """Return the request that finds drafts by their Message-ID."""
        return HttpRequest(self._draft_uri("list", q=f"rfc822msgid:{message_id.strip('<>')}"))

    @cached_property
    def _described(self) -> dict[str, Any]:
        return json.loads(get_static_doc("gmail", "v1"))  # type: ignore[no-any-return]

    @cached_property
    def _send(self) -> "_Upload":
        return _Upload(
            self._root, self._described["servicePath"], self._methods("messages")["send"]
        )

    @cached_property
    def _create(self) -> "_Upload":
        return _Upload(
            self._root, self._described["servicePath"], self._methods("drafts")["create"]
        )

    def _upload(self, of: str, method: str) -> "_Upload":
        return _Upload(self._root, self._described["servicePath"], self._methods(of)[method])

    def _methods(self, of: str) -> dict[str, Any]:
        resources = self._described["resources"]["users"]["resources"]
        return resources[of]["methods"]  # type: ignore[no-any-return]

    def _draft_uri(self, method: str, draft_id: str = "", **query: str) -> str:
        path = self._methods("drafts")[method]["path"].replace("{id}", quote(draft_id, safe=""))
        return _uri(self._root, self._described["servicePath"] + path, **query)


class _Upload:
    """A method that takes a message."""

    def __init__(self, root: str, service: str, method: dict[str, Any]) -> None:
        path = method["mediaUpload"]["protocols"]["simple"]["path"]
        self._json = _uri(root, service + method["path"])
        self._media = _uri(root, path, uploadType="media")
        self._related = _uri(root, path, uploadType="multipart")

    def json(self, document: dict[str, Any]) -> HttpRequest:
        return HttpRequest(self._json, json.dumps(document))

    def uploaded(self, metadata: dict[str, Any], raw: bytes) -> HttpRequest:
        if not metadata:
            return HttpRequest(self._media, raw, "message/rfc822")
        boundary = secrets.token_hex(16)
        return HttpRequest(
            self._related,
            _related(boundary, metadata, raw),
            f'multipart/related; boundary="{boundary}"',
        )


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii")


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
