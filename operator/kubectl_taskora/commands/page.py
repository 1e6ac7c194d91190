"""`open`: the address, and a browser on it where there is one."""

from __future__ import annotations

import sys
import webbrowser
from argparse import Namespace

from kubectl_taskora.answer import Answer
from kubectl_taskora.errors import CommandError
from kubectl_taskora.reading import instance_here
from kubectl_taskora.session import Session


async def open_page(session: Session, asked: Namespace) -> Answer:
    here = await instance_here(session.connection)
    url = here.status.url
    if url is None:
        raise CommandError("It has no address yet: `kubectl taskora status` tells what it waits for.")
    if not asked.print and not session.json and sys.stdout.isatty():
        webbrowser.open(url)
    return Answer(url, {"url": url})
