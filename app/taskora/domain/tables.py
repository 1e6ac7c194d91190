"""Tasks as a table: CSV out, and in again. A cell never becomes a formula in a spreadsheet."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from taskora.domain.problems import Invalid
from taskora.domain.tasks import Draft, Task

COLUMNS = ("title", "description", "status", "priority", "due", "tags", "completed_at", "created_at", "id")
READ = frozenset({"title", "description", "status", "priority", "due", "tags"})
ROWS_MOST = 2000
# What a spreadsheet would take for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(tasks: Iterable[Task]) -> str:
    """CSV with a header (RFC 4180). `due` is a day or a time; tags stand with spaces between."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for task in tasks:
        due = task.due
        cells = (
            task.title,
            task.description,
            task.status.value,
            task.priority.value,
            due.isoformat() if due else "",
            " ".join(task.tags),
            task.completed_at.isoformat() if task.completed_at else "",
            task.created_at.isoformat(),
            str(task.id),
        )
        rows.writerow([_harmless(cell) for cell in cells])
    return out.getvalue()


def read(text: str) -> list[tuple[Draft, bool]]:
    """The task of each row, and whether it is done already. Raises `Invalid` with every row that can't be one."""
    try:
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True))
    except csv.Error as error:
        raise Invalid(f"This is no CSV: {error}.") from error
    if len(rows) > ROWS_MOST:
        raise Invalid(f"There are {len(rows)} rows; at most {ROWS_MOST} are read at once.")
    faults: list[dict[str, str]] = []
    found: list[tuple[Draft, bool]] = []
    for number, row in enumerate(rows, start=2):
        try:
            found.append(_task(row))
        except ValidationError as error:
            faults += [
                {
                    "field": f"row {number}: {'.'.join(map(str, one['loc'])) or 'row'}",
                    "message": one["msg"].removeprefix("Value error, "),
                }
                for one in error.errors(include_url=False, include_input=False)
            ]
    if faults:
        raise Invalid("Nothing was imported: some rows can't become tasks.", errors=faults[:100])
    if not found:
        raise Invalid("There is no row with a task: the first line names the columns, and `title` is one of them.")
    return found


def _task(row: dict[Any, Any]) -> tuple[Draft, bool]:
    cells = {name: _said(str(row.get(name) or "")) for name in READ}
    given: dict[str, Any] = {"title": cells["title"], "description": cells["description"]}
    if cells["priority"]:
        given["priority"] = cells["priority"].lower()
    if cells["tags"]:
        given["tags"] = cells["tags"].replace(",", " ").split()
    if cells["due"]:
        given["due_date" if len(cells["due"]) == 10 else "due_at"] = cells["due"]
    return Draft.model_validate(given), cells["status"].lower() == "done"


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) or cell.startswith("'") else cell


def _said(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and (cell[1:].startswith(FORMULA) or cell[1:].startswith("'")) else cell
