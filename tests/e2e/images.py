"""Images made from those that run, and put into the cluster's nodes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def made_from(image: str, *, tag: str, lines: str = "") -> Iterator[str]:
    """The image with more `lines` of a Dockerfile, under another tag of the same name; forgotten at the end."""
    name = f"{image.rpartition(':')[0]}:{tag}"
    recipe = f"FROM {image}\nLABEL taskora.dev/made-for={tag}\n{lines}\n"
    for words, given in (
        (["docker", "build", "-t", name, "-"], recipe),
        (["kind", "load", "docker-image", "--name=taskora", name], ""),
    ):
        done = subprocess.run(words, input=given, capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
    try:
        yield name
    finally:
        subprocess.run(["docker", "rmi", name], capture_output=True, check=False)
