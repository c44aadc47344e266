"""Headings: a page's, at the same height on every page, and those of its parts."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def draw(title: str) -> DeltaGenerator:
    """Draw a page's title, which is Markdown, and return the place for what can be done."""
    with st.container(horizontal=True, vertical_alignment="center", key="heading"):
        st.title(title, anchor=False, width="stretch")
        return st.container(horizontal=True, width="content", gap="xsmall")


def section(title: str) -> None:
    """Draw the heading of a part of a page, in Markdown, without the link to itself."""
    st.markdown(f"##### {title}", anchors=False, width="stretch")
