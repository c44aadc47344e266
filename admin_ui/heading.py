"""Headings of pages and of their sections."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def draw(title: str) -> DeltaGenerator:
    """Draw a page's title, in Markdown, and return the place for its buttons."""
    with st.container(horizontal=True, vertical_alignment="center", key="heading"):
        st.title(title, anchor=False, width="stretch")
        return st.container(horizontal=True, width="content", gap="xsmall")


def section(title: str) -> None:
    """Draw a section's heading, in Markdown, without an anchor link."""
    st.markdown(f"## {title}", anchors=False, width="stretch")
