"""Tells irises apart by their petals, as a class for OctoAI or Hotplate.

hotplate run
curl localhost:8080/infer -H 'content-type: application/json' -d '{"petal_length": 1.4, "petal_width": 0.2}'
"""

from hotplate import Service


class IrisService(Service):
    def setup(self) -> None:
        self.labels = ("setosa", "versicolor", "virginica")

    def infer(self, petal_length: float, petal_width: float = 0.2) -> dict[str, str | float]:
        """Say which iris has petals of this length and width, in centimetres."""
        size = 2 * petal_length + petal_width
        return {"label": self.labels[0 if size < 5 else 1 if size < 11 else 2], "size": round(size, 2)}
