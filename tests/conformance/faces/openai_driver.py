"""Runs beside the real openai package: calls the server at argv[1], sync and async, and prints what it got as JSON."""

import asyncio
import inspect
import json
import sys

import openai

HELLO = [{"role": "system", "content": "Be loud."}, {"role": "user", "content": "hello dear world"}]
URL = f"{sys.argv[1]}/v1"


async def settled(value):
    return await value if inspect.isawaitable(value) else value


async def pieces(stream):
    stream = await settled(stream)
    if hasattr(stream, "__aiter__"):
        return [each async for each in stream]
    return list(stream)


async def refused(call, **given):
    try:
        got = await settled(call(**given))
        if given.get("stream"):
            await pieces(got)
    except openai.APIError as error:
        told = [type(error).__name__, error.message, error.type, error.param, error.code]
        return [*told, getattr(error, "status_code", None)]
    return None


async def ask(client):
    chat, texts, embed = client.chat.completions.create, client.completions.create, client.embeddings.create
    asked = {"model": "loud", "messages": HELLO}
    whole = await settled(chat(**asked, temperature=0.25, max_completion_tokens=9, top_p=0.1, seed=3, stop=["x"]))
    streamed = await pieces(
        chat(**asked, stream=True, stream_options={"include_usage": True}, extra_body={"twice": True})
    )
    text = await settled(texts(model="loud", prompt="abc", max_tokens=2, logit_bias={"1": 2}))
    text_pieces = await pieces(texts(model="loud", prompt=["abc"], stream=True))
    vectors = await settled(embed(model="loud", input=["one", "three"]))
    floats = await settled(embed(model="loud", input="four", encoding_format="float"))
    models = (await settled(client.models.list())).data
    return {
        "whole": whole.model_dump(),
        "ids": len({each.id for each in streamed}),
        "streamed": "".join(each.choices[0].delta.content or "" for each in streamed if each.choices),
        "roles": [each.choices[0].delta.role for each in streamed if each.choices],
        "finish": [each.choices[0].finish_reason for each in streamed if each.choices],
        "usage": [each.usage and each.usage.total_tokens for each in streamed],
        "text": [text.choices[0].text, text.choices[0].finish_reason, text.object],
        "text_pieces": [[each.choices[0].text, each.choices[0].finish_reason] for each in text_pieces],
        "vectors": [each.embedding for each in vectors.data],
        "floats": floats.data[0].embedding,
        "embedding_usage": vectors.usage.total_tokens,
        "models": [each.id for each in models],
        "model": (await settled(client.models.retrieve("loud"))).id,
        "refused": {
            "model": await refused(chat, model="gpt-4", messages=HELLO),
            "no such model": await refused(client.models.retrieve, model="gpt-4"),
            "messages": await refused(chat, model="loud", messages="hello"),
            "temperature": await refused(chat, model="loud", messages=HELLO, temperature="hot"),
            "missing": await refused(chat, model="loud", messages=openai.NOT_GIVEN, extra_body={"messages": None}),
            "stream": await refused(texts, model="loud", prompt="a", extra_body={"stream": "yes"}),
            "prompts": await refused(texts, model="loud", prompt=["a", "b"]),
            "tokens": await refused(texts, model="loud", prompt=[1, 2, 3]),
            "dimensions": await refused(embed, model="loud", input="a", dimensions=7),
            "nothing": await refused(embed, model="loud", input=[]),
            "author": await refused(chat, model="loud", messages=[{"role": "user", "content": "teapot"}]),
            "crash": await refused(chat, model="loud", messages=[{"role": "user", "content": "crash"}]),
            "on the way": await refused(
                chat, model="loud", messages=[{"role": "user", "content": "half"}], stream=True
            ),
            "path": await refused(client.images.generate, model="loud", prompt="a"),
        },
    }


async def main():
    settings = {"base_url": URL, "api_key": "none", "max_retries": 0}
    found = {"sync": await ask(openai.OpenAI(**settings))}
    async with openai.AsyncOpenAI(**settings) as client:
        found["async"] = await ask(client)
    print(json.dumps(found))


asyncio.run(main())
