from webargs import fields


def get_predict_args():
    return {"prompt": fields.Str(required=True)}


def predict(prompt):
    return prompt
