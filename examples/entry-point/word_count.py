"""A module with the interface of DEEPaaS: it counts the words of a text or of an uploaded file.

pip install "hotplate[entry-point]"
hotplate run examples/entry-point
curl -X POST 'localhost:8080/v2/models/word_count/predict/?text=one+two+two&most=1'
curl -F file=@README.md -H 'accept: text/csv' localhost:8080/v2/models/word_count/predict/
"""

import re
from collections import Counter

from webargs import fields, validate

COMMON: set[str] = set()

schema = {
    "words": fields.Int(required=True),
    "most": fields.List(fields.List(fields.Raw()), required=True),
}


def get_metadata():
    """Say what this is."""
    return {"name": "Word count", "description": "Counts words", "author": ["Hotplate"], "version": "1.0"}


def warm():
    """Load what predictions need, once in each worker."""
    COMMON.update(("a", "an", "and", "of", "the"))


def get_predict_args():
    """Give the arguments of `predict`."""
    return {
        "text": fields.Str(load_default="", metadata={"description": "The text itself"}),
        "file": fields.Field(
            load_default=None, metadata={"type": "file", "location": "form", "description": "A text file"}
        ),
        "most": fields.Int(load_default=3, validate=validate.Range(min=1, max=100)),
        "accept": fields.Str(
            load_default="application/json",
            validate=validate.OneOf(["application/json", "text/csv"]),
            metadata={"location": "headers"},
        ),
    }


def predict(text, file, most, accept):
    """Count words that are not too common."""
    if file is not None:
        with open(file.filename, encoding="utf-8", errors="replace") as opened:
            text += opened.read()
    counts = Counter(word for word in re.findall(r"\w+", text.lower()) if word not in COMMON)
    if accept == "text/csv":
        return "".join(f"{word},{count}\n" for word, count in counts.most_common(most))
    return {"words": counts.total(), "most": [list(pair) for pair in counts.most_common(most)]}
