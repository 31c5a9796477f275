"""OpenAI's own package talks to functions: generators, plain ones, coroutines and batches; sync and async clients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance.faces.test_open_inference_with_real_clients import drive
from tests.peers import openai_python
from tests.serving import serve, write_project

HERE = Path(__file__).parent
HEAD = """
from collections.abc import AsyncIterator, Iterator
from typing import Any
from hotplate import batch
from hotplate.errors import UserError

class Teapot(Exception):
    status_code, detail, headers = 418, "I am a teapot", None

def words(messages, temperature, max_tokens, twice):
    text = messages[-1]["content"]
    if text == "teapot":
        raise Teapot
    if text == "crash":
        raise RuntimeError("a secret of the model")
    yield from [f"{word.upper()} " for word in text.split() * (2 if twice else 1)]
    if text == "half":
        raise RuntimeError("a secret of the model")
    yield f"at {temperature} for {max_tokens}"
"""
SHAPES = {
    "generators": """
def chat(
    messages: list[dict[str, Any]], temperature: float = 1.0, max_tokens: int = 16, twice: bool = False
) -> Iterator[str]:
    yield from words(messages, temperature, max_tokens, twice)

def complete(prompt: str, max_tokens: int = 3) -> Iterator[str]:
    yield from prompt[::-1][:max_tokens]

def embed(input: list[str]) -> list[list[float]]:
    return [[len(each) / 2, -1.0] for each in input]
""",
    "plain": """
def chat(messages: list[dict[str, Any]], temperature=1.0, max_tokens=16, twice=False) -> str:
    return "".join(words(messages, temperature, max_tokens, twice))

def complete(prompt: str, max_tokens: int = 3) -> dict[str, str]:
    return {"text": prompt[::-1][:max_tokens]}

def embed(text: str) -> list[float]:
    return [len(text) / 2, -1.0]
""",
    "coroutines": """
async def chat(
    messages: list[dict[str, Any]], temperature: float = 1.0, max_completion_tokens: int = 16, twice: bool = False
) -> AsyncIterator[dict[str, Any]]:
    for word in words(messages, temperature, max_completion_tokens, twice):
        yield {"content": word}

async def complete(prompt: str, max_tokens: int = 3) -> AsyncIterator[str]:
    for letter in prompt[::-1][:max_tokens]:
        yield letter

@batch(max_size=8)
async def embeddings(texts: list[str]) -> list[list[float]]:
    return [[len(each) / 2, -1.0] for each in texts]
""",
}
SHAPES["generators in threads"] = SHAPES["generators"]
YAML = "slots: {slots}\nname: loud\nfaces: [openai]\nfunctions: [model.py:chat, model.py:complete, model.py:{embed}]\n"


@pytest.mark.peer
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_answers_the_real_client(tmp_path, shape):
    embed = "embeddings" if shape == "coroutines" else "embed"
    files = {
        "model.py": HEAD + SHAPES[shape],
        "hotplate.yaml": YAML.format(embed=embed, slots=2 if "threads" in shape else 1),
    }
    with serve(write_project(tmp_path / "loud", files)) as server:
        both = drive(openai_python(), HERE / "openai_driver.py", server.url)
        log = server.text()
    for found in both.values():
        told = found["refused"]
        whole = found["whole"]
        assert whole["choices"][0]["message"]["content"] == "HELLO DEAR WORLD at 0.25 for 9"
        assert whole["choices"][0]["message"]["role"] == "assistant"
        assert (whole["choices"][0]["finish_reason"], whole["object"], whole["model"]) == (
            "stop",
            "chat.completion",
            "loud",
        )
        used = whole["usage"]
        assert used["prompt_tokens"] > 0
        assert used["completion_tokens"] == 8  # 30 characters, four to a token
        assert used["total_tokens"] == used["prompt_tokens"] + 8
        assert whole["id"].startswith("chatcmpl-")

        assert found["streamed"] == "HELLO DEAR WORLD HELLO DEAR WORLD at 1.0 for 16"
        assert found["ids"] == 1
        assert found["roles"] == ["assistant", *[None] * (len(found["roles"]) - 1)]
        assert found["finish"] == [*[None] * (len(found["finish"]) - 1), "stop"]
        assert found["usage"][:-1] == [None] * (len(found["usage"]) - 1)
        assert found["usage"][-1] > 0
        assert len(found["finish"]) == (2 if shape == "plain" else 8)

        assert found["text"] == ["cb", "stop", "text_completion"]
        assert "".join(text for text, _ in found["text_pieces"]) == "cba"
        assert found["text_pieces"][-1] == ["", "stop"]
        assert found["vectors"] == [[1.5, -1.0], [2.5, -1.0]]
        assert found["floats"] == [2.0, -1.0]
        assert found["embedding_usage"] > 0
        assert (found["models"], found["model"]) == (["loud"], "loud")

        text = "The model `gpt-4` does not exist. There is `loud`."
        kind, said, *rest = told["model"]
        assert (kind, rest) == ("NotFoundError", ["invalid_request_error", "model", "model_not_found", 404])
        assert text in said
        assert told["no such model"][0] == told["path"][0] == "NotFoundError"
        for name, param in (
            ("messages", "messages"),
            ("missing", "messages"),
            ("prompts", "prompt"),
            ("dimensions", "dimensions"),
            ("nothing", "input"),
            ("stream", "stream"),
        ):
            kind, _, error_type, place, _, status = told[name]
            assert (kind, error_type, place.split(".")[0], status) == (
                "BadRequestError",
                "invalid_request_error",
                param,
                400,
            ), name
        assert told["tokens"][0] == "BadRequestError"
        if shape != "plain":  # whose temperature may be anything
            assert told["temperature"][:1] + told["temperature"][3:4] == ["BadRequestError", "temperature"]
        assert (told["author"][0], told["author"][5]) == ("APIStatusError", 418)
        assert "I am a teapot" in told["author"][1]
        assert (told["crash"][0], told["crash"][2], told["crash"][5]) == ("InternalServerError", "server_error", 500)
        assert told["on the way"][0] == ("InternalServerError" if shape == "plain" else "APIError")
        assert all("secret" not in json.dumps(each) for each in told.values())
    assert log.count("RuntimeError: a secret of the model") == 4


MESSAGES = """
from typing import Any

CALL = {"id": "call-1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Jena"}'}}

def chat(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None, n: int = 1) -> Any:
    if tools:
        return {"tool_calls": [CALL], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}
    if n > 1:
        return [f"answer {number}" for number in range(n)]
    if messages[-1]["content"] == "whole":
        return {"choices": [{"message": {"role": "assistant", "content": "as OpenAI"}, "finish_reason": "length"}]}
    if messages[-1]["content"] == "wrong":
        return {"score": 0.5}
    return {"role": "assistant", "content": "short", "finish_reason": "length"}
"""


def test_messages_may_be_objects(tmp_path):
    files = {"model.py": MESSAGES, "hotplate.yaml": "faces: [openai]\nfunctions: [model.py:chat]\nname: m\n"}
    with serve(write_project(tmp_path / "m", files)) as server:

        def ask(content="", **more):
            body = {"model": "m", "messages": [{"role": "user", "content": content}], **more}
            return server.post("/v1/chat/completions", body)

        tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
        found = ask(tools=tools).json()
        assert found["choices"][0]["finish_reason"] == "tool_calls"
        assert found["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "weather"
        assert found["choices"][0]["message"]["content"] is None
        assert found["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
        events = ask(tools=tools, stream=True).body.decode().split("\n\n")
        delta = json.loads(events[0].removeprefix("data: "))["choices"][0]["delta"]
        assert delta["tool_calls"][0]["index"] == 0
        assert events[-2:] == ["data: [DONE]", ""]
        several = ask(n=2).json()["choices"]
        assert [(each["index"], each["message"]["content"]) for each in several] == [(0, "answer 0"), (1, "answer 1")]
        whole = ask("whole").json()
        assert (whole["choices"][0]["finish_reason"], whole["choices"][0]["index"]) == ("length", 0)
        assert ask().json()["choices"][0]["finish_reason"] == "length"
        wrong = ask("wrong")
        assert (wrong.status, wrong.json()["error"]["code"]) == (500, "invalid_output")
        server.wait_for_line("and got an object of score")
        for body, status in ((b"{", 400), (b"[]", 400), (b'"a"', 400), (b"\xff", 400), (b'{"model": 3}', 400)):
            reply = server.post("/v1/chat/completions", body)
            assert (reply.status, reply.json()["error"]["type"]) == (status, "invalid_request_error"), body
        reply = server.post("/v1/chat/completions", b"a=1", headers={"content-type": "text/plain"})
        assert (reply.status, reply.json()["error"]["code"]) == (415, "unsupported_media_type")
        reply = server.get("/v1/chat/completions")
        assert (reply.status, reply.json()["error"]["message"]) == (405, "Method Not Allowed")


REFUSED = {
    "def predict(x: int) -> int: return x": (
        "faces has openai, but no route chats, completes or embeds. The routes are: predict(x), predict(x).",
        "model.py:1",
    ),
    "\ndef chat(text: str) -> str: return text": (
        "chat(text) cannot answer /v1/chat/completions: text takes str",
        "model.py:2",
    ),
    "def embed(input: list[str]):\n    yield [0.5]": (
        "embed(input) cannot answer /v1/embeddings: it is a generator.",
        "model.py:1",
    ),
    "from hotplate import Image\ndef complete(prompt: str) -> Image: ...": (
        "complete(prompt) cannot answer /v1/completions: it returns Image.",
        "model.py:2",
    ),
}


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_a_function_that_does_not_fit_is_an_error_with_its_place(tmp_path, number):
    text, (error, place) = list(REFUSED.items())[number]
    name = text.partition("def ")[2].partition("(")[0]
    files = {"model.py": text + "\n", "hotplate.yaml": f"faces: [openai]\nfunctions: [model.py:{name}]\n"}
    with serve(write_project(tmp_path / "m", files), wait=False) as server:
        assert server.process.wait(30) == 1
        server.wait_for(lambda running: running.ended, "the end")
        assert error in server.text()
        assert place in server.text()


def test_two_that_could_be_meant_and_how_to_choose(tmp_path):
    text = "def one(prompt: str): return 1\ndef two(prompt: str): return 'two'\n"
    files = {"model.py": text, "hotplate.yaml": "faces: [openai]\nfunctions: [model.py:one, model.py:two]\n"}
    folder = write_project(tmp_path / "m", files)
    with serve(folder, wait=False) as server:
        assert server.process.wait(30) == 1
        server.wait_for(lambda running: running.ended, "the end")
        assert "several routes take 'prompt': one(prompt), two(prompt)" in server.text()
        assert "openai: {complete: one}" in server.text()
    (folder / "hotplate.yaml").write_text(files["hotplate.yaml"] + "openai: {complete: two}\n")
    with serve(folder) as server:
        assert server.post("/v1/completions", {"prompt": "a"}).json()["choices"][0]["text"] == "two"
    (folder / "hotplate.yaml").write_text(files["hotplate.yaml"] + "openai: {complete: three}\n")
    with serve(folder, wait=False) as server:
        assert server.process.wait(30) == 1
        server.wait_for(lambda running: running.ended, "the end")
        assert "openai: complete: three in hotplate.yaml names no route. The routes are: one, two." in server.text()
