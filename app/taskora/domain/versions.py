"""Entity tags (RFC 9110): a task's ETag is its version, compared weakly, so that proxies may weaken it."""

import re

TAG = re.compile(r'(?:W/)?"([^"]*)"')


def etag(version: int) -> str:
    return f'"{version}"'


def allows(if_match: str | None, *, version: int) -> bool:
    """Whether a request with this If-Match may change version `version`. Without the header it always may."""
    if if_match is None or if_match.strip() == "*":
        return True
    return str(version) in TAG.findall(if_match)
