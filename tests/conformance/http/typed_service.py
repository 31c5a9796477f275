"""A service with types of every kind. Served by a test, whose oracle reads the same annotations."""

import enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from hotplate import File, Image, Service, path


class Mode(enum.Enum):
    fast = "fast"
    slow = "slow"


class Box(BaseModel):
    x1: float
    x2: float = 1.0


class Params(BaseModel):
    width: int = Field(gt=0, le=4096)
    name: str = Field(min_length=1, max_length=20, pattern="^[a-z]+$")
    boxes: list[Box] = Field(default_factory=list, max_length=3)
    class_: str = Field("cat", alias="class")


class Typed(Service):
    def infer(
        self, prompt: str, count: int = 1, scale: float = 1.5, mode: Mode = Mode.fast, tags: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        return {"prompt": prompt, "count": count, "scale": scale, "mode": mode, "tags": tags}

    def params(self, params: Params, flag: bool = False) -> Params:
        return params

    def optional(self, x: int | None, y: Literal["a", "b"] | None = None) -> int | None:
        return x

    def anything(self, x: Any) -> Any:
        return x

    def union(self, x: int | str | list[float]) -> str:
        return repr(x)

    def media(self, image: Image, zoom: int = 1) -> int:
        return zoom  # an image that is a URL is fetched when it is used, and there is nothing to fetch here

    def stream(self, n: Annotated[int, Field(ge=0, le=5)], word: str):
        for _ in range(n):
            yield word

    @path("/form")
    def infer_form_data(self, file: File, text: str) -> dict[str, Any]:
        return {"size": file.size, "text": text}
