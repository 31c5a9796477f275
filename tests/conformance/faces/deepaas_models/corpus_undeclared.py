"""A model that declares `accept` as DEEPaaS's documentation shows it: without a location."""

from webargs import fields, validate


def get_predict_args():
    kinds = ["application/zip", "image/png", "application/json"]
    return {"accept": fields.Str(missing="application/zip", validate=validate.OneOf(kinds))}


def predict(**kwargs):
    return (
        {"accept": kwargs["accept"]} if kwargs["accept"] in ("application/json", "*/*") else kwargs["accept"].encode()
    )
