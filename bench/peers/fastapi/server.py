"""The same work as FastAPI's own pages write it."""

import base64
import json

from fastapi import FastAPI, Request, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

app = FastAPI()
TOKENS = 100


class Prompt(BaseModel):
    prompt: str


class Picture(BaseModel):
    image: str


class Text(BaseModel):
    output: str


class Length(BaseModel):
    output: int


@app.post("/infer")
async def infer(body: Prompt) -> Text:
    return Text(output=body.prompt)


@app.post("/image")
async def image(body: Picture) -> Length:
    return Length(output=len(base64.b64decode(body.image)))


@app.post("/upload")
async def upload(image: UploadFile) -> Length:
    return Length(output=len(await image.read()))


@app.post("/raw")
async def raw(request: Request) -> Length:
    return Length(output=len(await request.body()))


def tokens():
    for _ in range(TOKENS):
        yield f"data: {json.dumps('token')}\n\n"
    yield "data: [DONE]\n\n"


async def tokens_async():
    for token in tokens():
        yield token


@app.post("/stream")
async def stream(body: Prompt) -> StreamingResponse:
    return StreamingResponse(tokens(), media_type="text/event-stream")


@app.post("/stream-async")
async def stream_async(body: Prompt) -> StreamingResponse:
    return StreamingResponse(tokens_async(), media_type="text/event-stream")
