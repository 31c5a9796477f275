"""Tells irises apart by their petals, as a predictor for Cortex.

hotplate run
curl localhost:8080/iris -H 'content-type: application/json' -d '{"petal_length": 1.4, "petal_width": 0.2}'
"""

from cortex_internal.lib.log import logger as log


class PythonPredictor:
    def __init__(self, config):
        self.labels = config["labels"]

    def predict(self, payload):
        """Say which iris has petals of this length and width, in centimetres."""
        size = 2 * payload["petal_length"] + payload.get("petal_width", 0.2)
        label = self.labels[0 if size < 5 else 1 if size < 11 else 2]
        log.info("classified", extra={"label": label})
        return {"label": label, "size": round(size, 2)}
