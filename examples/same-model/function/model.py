"""Tells irises apart by their petals, as a function with type hints.

hotplate run model.py:classify
curl localhost:8080/infer -H 'content-type: application/json' -d '{"petal_length": 1.4, "petal_width": 0.2}'
"""

LABELS = ("setosa", "versicolor", "virginica")


def classify(petal_length: float, petal_width: float = 0.2) -> dict[str, str | float]:
    """Say which iris has petals of this length and width, in centimetres."""
    size = 2 * petal_length + petal_width
    return {"label": LABELS[0 if size < 5 else 1 if size < 11 else 2], "size": round(size, 2)}
