"""Projects written for OctoAI: those that its server starts, and those that it does not."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

HEAD = """from typing import Any, Dict, List, Optional, Union
from octoai.service import Service, path
from octoai.types import Audio, File, Image, Video
from pydantic import BaseModel, Field
"""
INFER = "    def infer(self, prompt: str) -> str: return prompt\n"


def project(text: str) -> str:
    return HEAD + dedent(text).replace("INFER", INFER.strip())


WORKING: Mapping[str, str] = {
    "hello": project(
        """
        class HelloService(Service):
            '''An OctoAI service extends octoai.service.Service.'''
            def setup(self):
                '''Perform intialization.'''
                print("Setting up.")
            INFER
        """
    ),
    "alphabet": project(
        """
        class Beta(Service):
            INFER
        class Alpha(Service):
            INFER
        class Gamma(Beta):
            INFER
        """
    ),
    "form": project(
        """
        class FormDataService(Service):
            INFER
            @path("/infer-form-data")
            def infer_form_data(self, file: File, metadata: str = "x") -> Dict[str, Any]: return {}
        """
    ),
    "routes": project(
        """
        class Mixin:
            def mixed_in(self, x: int) -> int: return x
        class Many(Mixin, Service):
            INFER
            @path("/new-route")
            def my_new_route(self, input_text: str) -> str: return input_text
            def my_new_route2(self, input_text: str, times: int = 2) -> str: return input_text
            def trailing_(self, x: str) -> str: return x
            @classmethod
            def of_class(cls, x: str) -> str: return x
            @staticmethod
            def still(x: str) -> str: return x
            def _private(self, x): return x
            @path("/ping")
            def post_ping(self, x: str) -> str: return x
        """
    ),
    "path on infer": project(
        """
        class Elsewhere(Service):
            @path("/elsewhere")
            def infer(self, prompt: str) -> str: return prompt
        """
    ),
    "same path twice": project(
        """
        class Twice(Service):
            INFER
            @path("/x")
            def b(self, of_b: str) -> str: return "b"
            @path("/x")
            def a(self, of_a: str) -> str: return "a"
            @path("/infer")
            def c(self, of_c: str) -> str: return "c"
        """
    ),
    "models": project(
        """
        class Box(BaseModel):
            x1: float
            class_: int = Field(..., alias="class")
        class Answer(BaseModel):
            boxes: List[Box]
            picture: Image
        class Detector(Service):
            def infer(self, image: Image, boxes: List[Box], limit: Optional[int] = None,
                      which: Union[int, str] = "all", raw: bytes = b"") -> Answer: ...
            def hear(self, audio: Audio) -> str: return ""
            def watch(self, video: Video) -> str: return ""
        """
    ),
    "keyword only": project(
        """
        class Keywords(Service):
            def infer(self, a: str, *, b: int, c: float = 1.0) -> str: return a
        """
    ),
    "text hints": "from __future__ import annotations\n"
    + project(
        """
        class Later(Service):
            def infer(self, a: str) -> "str": return a
        """
    ),
}
"""Where the server of octoai-sdk starts, Hotplate chooses the same class and the same routes."""

BROKEN: Mapping[str, tuple[str, str]] = {
    "no argument": (
        project("class S(Service):\n    def infer(self) -> str: return ''"),
        "infer() requires at least one argument",
    ),
    "no hint": (
        project("class S(Service):\n    def infer(self, x) -> str: return x"),
        "requires type annotations for args",
    ),
    "no infer": (
        project("class S(Service):\n    pass"),
        "Can't instantiate abstract class S with abstract method infer",
    ),
    "form without path": (
        project("class S(Service):\n    INFER\n    def infer_form_data(self, file: File) -> str: ..."),
        "infer_form_data() must be decorated with @path() when using form-data inference.",
    ),
    "form at infer": (
        project(
            "class S(Service):\n    INFER\n    @path('/infer')\n    def infer_form_data(self, f: File) -> str: ..."
        ),
        "Cannot use /infer for form-data inference.",
    ),
    "form with a number": (
        project("class S(Service):\n    INFER\n    @path('/f')\n    def infer_form_data(self, n: int) -> str: ..."),
        "Only File and str params are supported for form data.",
    ),
    "form without parameters": (
        project("class S(Service):\n    INFER\n    @path('/f')\n    def infer_form_data(self) -> str: ..."),
        "infer_form_data() must have at least one parameter.",
    ),
}
"""Neither starts, and both say the same."""

MENDED: Mapping[str, tuple[str, str, dict[str, list[str]]]] = {
    "no return hint": (
        project(
            "class S(Service):\n    INFER\n    @path('/new-route')\n    def my_new_route(self, text: str): return text"
        ),
        "my_new_route() requires a return type annotation",
        {"/infer": ["prompt"], "/new-route": ["text"]},
    ),
    "a helper": (
        project("class S(Service):\n    INFER\n    def prepare(self, text): return text"),
        "requires type annotations for args",
        {"/infer": ["prompt"]},
    ),
    "a helper without arguments": (
        project("class S(Service):\n    INFER\n    def reload(self) -> None: ..."),
        "reload() requires at least one argument",
        {"/infer": ["prompt"]},
    ),
    "a helper with a type of its own": (
        project("class S(Service):\n    INFER\n    def crop(self, pixels: range) -> range: ..."),
        "schema",
        {"/infer": ["prompt"]},
    ),
    "a class below an abstract one": (
        project("class Base(Service):\n    def setup(self): ...\nclass S(Base):\n    INFER"),
        "abstract method infer",
        {"/infer": ["prompt"]},
    ),
}
"""octoai-sdk stops with this text; Hotplate serves these routes. Argued in docs/coming-from-octoai.md."""
