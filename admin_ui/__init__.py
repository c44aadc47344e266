"""The admin page: mailcore's Streamlit front end. `admin_ui.app` puts it together."""
