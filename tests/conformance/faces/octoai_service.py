"""A service as OctoAI's page has them, imported by the real SDK in its environment and by the tests in ours."""

# ruff: noqa: UP006, UP007, UP035, UP017, UP045, B006, PIE790 - as authors wrote it for Python 3.8

import datetime
import enum
import uuid
from typing import Any, Dict, List, Optional, Tuple, Union

from octoai.service import Service, path
from octoai.types import File, Image
from pydantic import BaseModel, Field, field_validator


class Mode(enum.Enum):
    fast = "fast"
    slow = "slow"


class Box(BaseModel):
    x1: int
    x2: int = 10


class Params(BaseModel):
    width: int = Field(gt=0)
    class_: str = Field("cat", alias="class")
    boxes: List[Box] = []

    @field_validator("width")
    @classmethod
    def even(cls, width: int) -> int:
        if width % 2:
            raise ValueError("width must be even")
        return width


class Corpus(Service):
    def infer(self, prompt: str) -> str:
        return prompt

    def raises(self, how: str) -> str:
        from fastapi import HTTPException

        if how == "http":
            raise HTTPException(418, "teapot")
        if how == "object":
            raise HTTPException(status_code=409, detail={"why": ["a", 1]}, headers={"X-Why": "because"})
        if how == "empty":
            raise HTTPException(204)
        if how == "phrase":
            raise HTTPException(404)
        raise RuntimeError("secret")

    def typed(
        self,
        count: int,
        scale: float = 1.5,
        mode: Mode = Mode.fast,
        params: Optional[Params] = None,
    ) -> Dict[str, Any]:
        return {"count": count, "scale": scale, "mode": mode, "width": params and params.width}

    def model(self, params: Params) -> Box:
        return Box(x1=params.width)

    @path("/echo")
    def echo_model(self, params: Params) -> Params:
        return params

    def default(self, x: int = 5, names: List[str] = ["a"], flag: bool = False) -> List[Any]:
        names.append("b")
        return [x, names, flag]

    def union(self, x: Union[int, str, List[float]]) -> str:
        return repr(x)

    def special(self, day: datetime.date, data: bytes = b"", pair: Tuple[int, str] = (1, "a")) -> str:
        return repr((day, data, pair))

    def anything(self, x: Any) -> Any:
        return x

    def number(self, x: float) -> float:
        return x

    def floating(self, x: int) -> float:
        return x

    def values(self, x: str) -> Any:
        return {
            "moment": datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
            "span": datetime.timedelta(seconds=5.5),
            "id": uuid.UUID(int=5),
            "tuple": (1, 2),
            "set": {1},
            "bytes": b"ab",
            "number": float(x),
            "mode": Mode.slow,
            "box": Box(x1=1),
            1: None,
            None: 1,
        }

    def picture(self, image: Image, zoom: int = 1) -> Image:
        return image

    def size(self, image: Image) -> int:
        return len(image.to_bytes())

    def pictures(self, images: List[Image]) -> Dict[str, Image]:
        return {str(number): image for number, image in enumerate(images)}

    def wrong(self, x: str) -> int:
        return {"null": None, "word": "seven", "digits": "7", "list": [1]}[x]

    @path("/form")
    def infer_form_data(self, file: File, metadata: str) -> Dict[str, Any]:
        return {
            "file_name": file.filename,
            "file_content_type": file.content_type,
            "file_size": file.size,
            "metadata": metadata,
            "head": file.file.read()[:8].hex(),
        }
