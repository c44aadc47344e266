"""The redirect URI, the OAuth client, the checks, and the settings."""

import streamlit as st

from admin_ui import access, alert_channels, dialogs, error_notices, heading
from admin_ui.access import Visitor
from admin_ui.markup import escaped, sentence
from mailcore import SEND_SCOPE, ClientInfo, ConfigurationError, FindingState

CONSOLE = "https://console.cloud.google.com/auth/clients"
SERVICE_ACCOUNTS = "https://console.cloud.google.com/iam-admin/serviceaccounts"
DELEGATION = "https://admin.google.com/ac/owl/domainwidedelegation"

_ICONS = {
    FindingState.OK: ":green[:material/check_circle:]",
    FindingState.NOTE: ":orange[:material/info:]",
    FindingState.BROKEN: ":red[:material/error:]",
    FindingState.UNCHECKED: ":gray[:material/help:]",
}


def draw() -> None:
    """Draw the page."""
    visitor = access.visitor()
    heading.draw("Setup")
    _draw_redirect_uri(visitor)
    _draw_client(visitor)
    _draw_doctor(visitor)
    alert_channels.draw(visitor)
    _draw_service_accounts()
    _draw_settings(visitor)


def _draw_redirect_uri(visitor: Visitor) -> None:
    with st.container(border=True):
        heading.section("1. Add the redirect URI in Google's console")
        st.markdown(
            f"In [Google's console]({CONSOLE}), open your OAuth client (type *Web application*) "
            "and add exactly this under **Authorized redirect URIs**:"
        )
        st.code(visitor.core.settings.redirect_uri, language=None, wrap_lines=True)
        if access.can_log_out():
            st.caption("To log in to this page with Google, add this one too:")
            st.code(visitor.core.settings.login_redirect_uri, language=None, wrap_lines=True)
        st.caption(
            "It is `PALEMAIL_PUBLIC_URL` plus `/senders/callback`. `PALEMAIL_PUBLIC_URL` must be "
            "the address in *your* browser's address bar. Also enable the Gmail API in the same "
            "Google Cloud project."
        )


def _draw_client(visitor: Visitor) -> None:
    with st.container(border=True), error_notices.recovering():
        heading.section("2. Set up the OAuth client")
        _draw_client_in_use(visitor)
        upload, typed = st.tabs(["Upload credentials.json", "Enter ID and secret"])
        with upload:
            _draw_upload(visitor)
        with typed:
            _draw_pair(visitor)
        st.caption(
            "If `GOOGLE_CLIENT_ID` or `GOOGLE_CREDENTIALS_FILE` is set in the environment, it "
            "takes precedence over the client stored here."
        )


def _draw_client_in_use(visitor: Visitor) -> None:
    try:
        client = visitor.core.client.current()
    except ConfigurationError as exc:
        error_notices.draw(exc)
        return
    if client is None:
        st.warning(
            "No OAuth client is set up yet, so no sender can be authorised.",
            icon=":material/key_off:",
        )
    else:
        st.success(
            f"In use: {escaped(client.client_id)}, from {escaped(client.source)}",
            icon=":material/key:",
        )


def _draw_upload(visitor: Visitor) -> None:
    upload = st.file_uploader(
        "credentials.json, downloaded from Google's console",
        type="json",
        max_upload_size=1,
    )
    if st.button("Store this client", type="primary", disabled=upload is None) and upload:
        with error_notices.explained():
            text = upload.getvalue().decode("utf-8", errors="replace")
            _tell_stored(visitor, visitor.core.client.store(text, by=visitor.by))


def _draw_pair(visitor: Visitor) -> None:
    with st.form("client-pair", border=False):
        client_id = st.text_input(
            "Client ID", placeholder="1234567890-abc.apps.googleusercontent.com"
        )
        secret = st.text_input("Client secret", type="password")
        if not st.form_submit_button("Store", type="primary"):
            return
    with error_notices.explained():
        client = visitor.core.client.store_pair(client_id.strip(), secret.strip(), by=visitor.by)
        _tell_stored(visitor, client)


def _tell_stored(visitor: Visitor, client: ClientInfo) -> None:
    listed, ours = client.redirect_uris, visitor.core.settings.redirect_uri
    if listed is not None and ours not in listed:
        dialogs.close(f"Stored. Its file doesn't list {escaped(ours)} yet: see the checks.")
    dialogs.close("OAuth client stored")


def _draw_doctor(visitor: Visitor) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            heading.section("3. Check the setup")
            st.button("Check again", icon=":material/refresh:")
        for finding in visitor.core.doctor():
            icon = _ICONS[finding.state]
            with st.container(gap=None):
                st.markdown(f"{icon} **{escaped(finding.name)}:** {sentence(finding.detail)}")
                if finding.remedy:
                    st.caption(sentence(finding.remedy))


def _draw_service_accounts() -> None:
    with st.expander("Senders that need no consent", icon=":material/badge:"):
        st.markdown(
            "In a Google Workspace, a service account can send from the domain's mailboxes. Nobody "
            "has to consent, and its access never expires. Whoever gets hold of its key can send "
            "from every mailbox of the domain, so delete the file once all senders have it.\n\n"
            f"1. In Google's console, open [Service accounts]({SERVICE_ACCOUNTS}) and create one, "
            "in a project with the Gmail API enabled. Note its client ID, a long number.\n"
            "2. Under **Keys → Add key → Create new key**, download its key as JSON.\n"
            "3. As an admin of the Workspace, open "
            f"[Domain-wide delegation]({DELEGATION}) in the Admin console, click **Add new**, and "
            "enter the client ID and this scope:"
        )
        st.code(SEND_SCOPE, language=None, wrap_lines=True)
        st.markdown(
            "If any sender sends drafts, also add "
            "`https://www.googleapis.com/auth/gmail.compose`, after a comma.\n\n"
            "4. Upload the key on the page of each sender, under **Edit**. The sender needs a "
            "Gmail account: the mailbox to send from."
        )


def _draw_settings(visitor: Visitor) -> None:
    with st.expander("Current settings", icon=":material/tune:"):
        rows = [
            {
                "Setting": name,
                "Value": value or "–",
                "From": "environment" if was_set else "default",
            }
            for name, (value, was_set) in visitor.core.settings.sources().items()
        ]
        st.dataframe(rows, hide_index=True, width="stretch")


draw()
