"""Full-text search in one user's tasks: the best first, paged by (score, id).

No index over the words: the user's own rows are looked through, and writes stay cheap.
"""

from typing import Any, LiteralString

import psycopg

from taskora.domain import cursors
from taskora.domain.lists import Filter
from taskora.domain.search import NEAR, Search
from taskora.store.database import Reading
from taskora.store.lists import HEAD, TAIL, Page, Whose, conditions, page

# With fewer hits than this, words that are nearly those asked for count too.
FEW = 3

RANK: LiteralString = "ts_rank_cd('{0.1, 0.2, 0.4, 1}', search, to_tsquery('simple', %(query)s))"
# The worst of the words decides. Long texts are not compared to their end.
LIKENESS: LiteralString = """(
    SELECT min(word_similarity(word, title || ' ' || left(description, 500))) FROM unnest(%(words)s::text[]) AS word
)"""
HIT: LiteralString = "search @@ to_tsquery('simple', %(query)s)"
NEAR_SCORE: LiteralString = "CASE WHEN " + HIT + " THEN 1 + " + RANK + " ELSE " + LIKENESS + " END"
NEAR_HIT: LiteralString = "(" + HIT + " OR " + LIKENESS + " >= %(near)s)"


async def found(uow: Reading, whose: Whose, *, wanted: Filter, search: Search) -> Page | None:
    """As `lists.listed`. Raises `Invalid` for a bad cursor."""
    if wanted.after:
        return await _page(uow, whose, wanted=wanted, search=search, near=wanted.after[0] == "near")
    exact = await _page(uow, whose, wanted=wanted, search=search, near=False)
    # What must not be there, or stand together, is meant exactly.
    meant = any(term.negated or len(term.words) > 1 for group in search.groups for term in group)
    if exact is None or len(exact.items) + bool(exact.next_cursor) >= FEW or meant or not search.words:
        return exact
    return await _page(uow, whose, wanted=wanted, search=search, near=True)


async def _page(uow: Reading, whose: Whose, *, wanted: Filter, search: Search, near: bool) -> Page | None:
    where, parameters = conditions(wanted)
    score = NEAR_SCORE if near else RANK
    where.append(NEAR_HIT if near else HIT)
    parameters |= {"query": search.tsquery, "words": list(search.words), "near": NEAR}
    if wanted.after:
        where.append("(" + score + ", id) < (%(score)s::real, %(after_id)s)")
        parameters |= {"score": wanted.after[1], "after_id": cursors.an_id(wanted.after[2])}
    body = ", (" + score + ")::real AS score FROM tasks WHERE " + " AND ".join(where) + " ORDER BY score DESC, id DESC"
    parameters |= {**whose.parameters, "limit": wanted.limit + 1}
    rows = await _asked(uow, HEAD + body + TAIL + whose.sql + " ORDER BY score DESC, found.id DESC", parameters)
    return page(rows, wanted.limit, "search", "near" if near else "exact")


async def _asked(uow: Reading, sql: LiteralString, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    try:
        return await uow.tuples(sql, parameters)
    except psycopg.DataError as error:  # the cursor's score: all else was checked before
        raise cursors.unknown() from error
