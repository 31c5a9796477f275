"""Tells irises apart by their petals, as functions for proxiML. Their routes are in hotplate.yaml.

hotplate run
curl localhost:8080/classify -H 'content-type: application/json' -d '{"petal_length": 1.4, "petal_width": 0.2}'
"""

LABELS = ("setosa", "versicolor", "virginica")


def classify(length, width):
    """Say which iris has petals of this length and width, in centimetres."""
    size = 2 * length + width
    return {"label": LABELS[0 if size < 5 else 1 if size < 11 else 2], "size": round(size, 2)}
