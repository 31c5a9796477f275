"""OCR: an image in, the text in it and where each line stands out. Runs offline."""

import numpy as np
from PIL import Image as PILImage
from PIL import ImageOps
from pydantic import BaseModel
from rapidocr import RapidOCR

from hotplate import Image, Service


class Box(BaseModel):
    """The smallest upright box around a line, in pixels from the picture's top left."""

    x1: float
    y1: float
    x2: float
    y2: float


class Line(BaseModel):
    """One line of text. `corners` are the (x, y) of its four corners, clockwise from the top left of the text."""

    text: str
    confidence: float
    box: Box
    corners: list[tuple[float, float]]


class OCRResponse(BaseModel):
    """All the text, line by line from top to bottom, and each line with its place."""

    text: str
    lines: list[Line]


class OCRService(Service):
    """Reads Chinese, English and other Latin text with PaddleOCR's networks, run by RapidOCR and ONNX Runtime.

    The networks come inside the rapidocr package, the successor of rapidocr-onnxruntime: that one stops at Python
    3.12 and asks for the OpenCV that needs a display's libraries (libGL), this one for the OpenCV without.
    """

    def setup(self):
        """Load the networks: where text is, which way up it is, and what it says."""
        self.reader = RapidOCR(params={"Global.log_level": "error"})

    def infer(self, image: Image) -> OCRResponse:
        """Read the text in `image`."""
        found = self.reader(picture_of(image))
        if found.boxes is None:
            return OCRResponse(text="", lines=[])
        lines = [line(*place) for place in zip(found.txts, found.scores, found.boxes, strict=True)]
        return OCRResponse(text="\n".join(line.text for line in lines), lines=lines)


def picture_of(image: Image) -> np.ndarray:
    """Give the picture upright, on white where it is transparent, as (height, width, 3) in blue, green, red."""
    picture = ImageOps.exif_transpose(image.to_pil()).convert("RGBA")
    paper = PILImage.new("RGBA", picture.size, "white")
    rgb = np.asarray(PILImage.alpha_composite(paper, picture).convert("RGB"))
    return np.ascontiguousarray(rgb[:, :, ::-1])


def line(text: str, confidence: float, corners: np.ndarray) -> Line:
    """Put what RapidOCR says of one line into our words."""
    (x1, y1), (x2, y2) = corners.min(axis=0), corners.max(axis=0)
    return Line(
        text=text,
        confidence=confidence,
        box=Box(x1=x1, y1=y1, x2=x2, y2=y2),
        corners=[(float(x), float(y)) for x, y in corners],
    )
