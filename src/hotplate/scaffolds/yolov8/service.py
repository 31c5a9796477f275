"""YOLOv8: an image in, the boxes and names of the things in it and a marked picture out."""

import os

import numpy as np
from PIL import Image as PILImage
from PIL import ImageOps
from pydantic import BaseModel, Field
from ultralytics import YOLO

from hotplate import Image, Service

MODEL = os.environ.get("YOLOV8_MODEL", "yolov8l.pt")
"""One of Ultralytics' models (yolov8n.pt is the smallest) or the path of your own."""


class Box(BaseModel):
    """Corners of a box in pixels of the picture, measured from its top left."""

    x1: float
    x2: float
    y1: float
    y2: float


class Detection(BaseModel):
    """One thing in the picture: what it is called, the number of that class, and how sure the model is (0 to 1)."""

    name: str
    class_: int = Field(..., alias="class")
    confidence: float
    box: Box


class YOLOResponse(BaseModel):
    """What is in the picture, and the picture with the boxes drawn in."""

    detections: list[Detection]
    image_with_boxes: Image


class YOLOv8Service(Service):
    """Detects objects with YOLOv8 by Ultralytics. Their code and weights are under the AGPL-3.0 licence."""

    # Uncomment this to have the weights downloaded once, when the endpoint is deployed, into its volume; then no
    # replica waits for the download.
    # def store_assets(self):
    #     """Download the weights."""
    #     self.setup()

    def setup(self):
        """Download the weights, unless they are here already, and load them."""
        self.model = YOLO(MODEL)

    def infer(self, image: Image) -> YOLOResponse:
        """Find the objects in `image`."""
        # Phones store a photograph as the sensor saw it and say in its EXIF data how to turn it.
        picture = ImageOps.exif_transpose(image.to_pil()).convert("RGB")
        result = self.model(picture, verbose=False)[0]
        # plot() gives blue, green, red.
        marked = PILImage.fromarray(np.ascontiguousarray(result.plot()[:, :, ::-1]))
        return YOLOResponse(
            detections=[Detection(**found) for found in result.summary()],
            image_with_boxes=Image.from_pil(marked),
        )
