"""Tells irises apart by their petals, as a module for DEEPaaS. Its entry point is in pyproject.toml.

pip install "hotplate[entry-point]"
hotplate run
curl -X POST 'localhost:8080/v2/models/iris/predict/?petal_length=1.4&petal_width=0.2'
"""

from webargs import fields

LABELS = ("setosa", "versicolor", "virginica")


def get_metadata():
    """Say what this is."""
    return {"name": "iris", "description": "Tells irises apart by their petals"}


def get_predict_args():
    """Give the arguments of `predict`."""
    return {
        "petal_length": fields.Float(required=True, metadata={"description": "in centimetres"}),
        "petal_width": fields.Float(load_default=0.2, metadata={"description": "in centimetres"}),
    }


def predict(petal_length, petal_width):
    """Say which iris it is."""
    size = 2 * petal_length + petal_width
    return {"label": LABELS[0 if size < 5 else 1 if size < 11 else 2], "size": round(size, 2)}
