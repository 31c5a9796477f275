"""Raw ASGI with msgspec: no framework, no router, no second process."""

import time

import msgspec


class Prompt(msgspec.Struct):
    prompt: str


class Picture(msgspec.Struct):
    image: bytes  # msgspec decodes the base64


class Output(msgspec.Struct):
    output: str | int | tuple[int, int]


decode_prompt = msgspec.json.Decoder(Prompt).decode
decode_picture = msgspec.json.Decoder(Picture).decode
encode = msgspec.json.Encoder().encode
TOKENS = 100


async def app(scope, receive, send):
    path = scope["path"]
    chunks = []
    while True:
        message = await receive()
        chunks.append(message["body"])
        if not message.get("more_body"):
            break
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if path == "/stream":
        await stream(send)
        return
    if path == "/infer":
        answer = encode(Output(decode_prompt(body).prompt))
    elif path == "/image":
        answer = encode(Output(len(decode_picture(body).image)))
    elif path == "/raw":
        answer = encode(Output(len(body)))
    elif path == "/hop":
        answer = encode(Output((time.monotonic_ns(), len(body))))
    else:
        answer = b""
    status = 200 if answer else 404
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def tokens():
    for _ in range(TOKENS):
        yield "token"


async def stream(send):
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for token in tokens():
        await send({"type": "http.response.body", "body": b"data: " + encode(token) + b"\n\n", "more_body": True})
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
