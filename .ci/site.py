"""A hook of the documents' site: the page of decisions lists them, so that nobody has to."""

from __future__ import annotations

from typing import Any


def on_page_markdown(markdown: str, /, *, page: Any, files: Any, **_: Any) -> str:
    if page.file.src_uri != "decisions/index.md":
        return markdown
    decisions = sorted(
        (
            file
            for file in files.documentation_pages()
            if file.src_uri.startswith("decisions/") and file is not page.file
        ),
        key=lambda file: file.src_uri,
    )
    titles = [(file, file.content_string.splitlines()[0].removeprefix("# ")) for file in decisions]
    return markdown + "\n" + "\n".join(f"- [{title}]({file.name}.md)" for file, title in titles) + "\n"
