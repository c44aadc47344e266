"""The admin page: a Streamlit face of mailcore. `admin_ui.app` puts it together."""
