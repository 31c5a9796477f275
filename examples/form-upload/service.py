"""A file sent as form data, as a browser's form or `curl -F` sends it.

hotplate run
curl localhost:8080/table -F file=@cities.csv -F separator=,
"""

import csv
import io
from typing import Any

from hotplate import File, Service, path


class TableService(Service):
    """Looks into tables."""

    def infer(self, text: str, separator: str = ",") -> dict[str, Any]:
        """Look into a table sent as text in JSON."""
        return look_into(text, separator)

    @path("/table")
    def infer_form_data(self, file: File, separator: str) -> dict[str, Any]:
        """Look into an uploaded table."""
        return {"file": file.filename, "bytes": file.size, **look_into(file.read().decode(errors="replace"), separator)}


def look_into(text: str, separator: str) -> dict[str, Any]:
    """Give the columns, the number of rows, and the mean of each column of numbers."""
    rows = list(csv.DictReader(io.StringIO(text), delimiter=separator))
    columns = list(rows[0]) if rows else []
    means = {}
    for column in columns:
        try:
            means[column] = sum(float(row[column]) for row in rows) / len(rows)
        except ValueError:
            continue
    return {"columns": columns, "rows": len(rows), "means": means}
