"""What MkDocs needs to make a site of docs/: the files beside it, and links that lead out of it."""

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parent.parent
#: Files of the repository that are pages of the site, too.
_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
}
_LINK = re.compile(r"(?<!!)\[(?P<label>[^\]]+)\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie outside of docs/."""
    for name, page in _PAGES.items():
        text = (_ROOT / name).read_text(encoding="utf-8")
        # Pictures and pages of docs/ are at the top here.
        content = _with_links(text.replace("](docs/", "]("), _ROOT)
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Make links out of docs/ fit the site."""
    return _with_links(markdown, _ROOT / "docs")


def _with_links(markdown: str, folder: Path) -> str:
    """Lead links to pages of the site there; of those to other files, leave the label."""

    def replaced(link: re.Match[str]) -> str:
        target, anchor = link["target"], link["anchor"] or ""
        if "://" in target or (_ROOT / "docs" / target).exists() or target in _PAGES.values():
            return link[0]
        file = (folder / target).resolve()
        if not file.exists():
            raise PluginError(f"{link[0]}: there is no {file.relative_to(_ROOT)}")
        name = file.relative_to(_ROOT).as_posix()
        return f"[{link['label']}]({_PAGES[name]}{anchor})" if name in _PAGES else link["label"]

    return _LINK.sub(replaced, markdown)
