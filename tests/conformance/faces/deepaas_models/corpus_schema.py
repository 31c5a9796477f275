"""A model with a schema for its answers. The call says what it answers."""

import json

from marshmallow import Schema
from webargs import fields


class Label(Schema):
    label = fields.Str(required=True)
    probability = fields.Float(required=True)


class Response(Schema):
    status = fields.Str(description="Status", required=True)
    predictions = fields.List(fields.Nested(Label))


schema = Response


def get_metadata():
    return {"id": "own-id", "name": "Own name", "description": "With a schema", "links": []}


def get_predict_args():
    return {"answer": fields.Str(required=True)}


def predict(answer):
    return json.loads(answer)
