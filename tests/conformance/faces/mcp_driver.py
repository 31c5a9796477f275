"""Runs beside the official client of the Model Context Protocol: calls argv[1], in both ages of it, and prints JSON."""

import asyncio
import json
import sys

from mcp import Client

CALLS = {
    "text": ("shout", {"prompt": "ab"}),
    "default": ("repeat", {"prompt": "ab"}),
    "object": ("box", {"box": {"x": 1, "inside": [{"x": 2}]}}),
    "image": ("invert", {"image": {"data": "iVBORw0KGgoAAAANSUhEUg=="}}),
    "image as text": ("invert", {"image": "iVBORw0KGgoAAAANSUhEUg=="}),
    "several": ("several", {"n": 2}),
    "members": ("members", {"n": 2}),
    "file": ("file", {"n": 3}),
    "stream": ("count", {"n": 3}),
    "words": ("words", {"n": 3}),
    "coroutine": ("wait", {"n": 3}),
    "batch": ("twice", {"n": 4}),
    "wrong": ("repeat", {"prompt": "ab", "times": "many"}),
    "missing": ("repeat", {}),
    "crash": ("crash", {"n": 1}),
    "told": ("told", {"n": 1}),
    "unfit": ("unfit", {"n": 1}),
}


async def ask(mode):
    async with Client(sys.argv[1], mode=mode) as client:
        tools = await client.list_tools()
        found = {
            "version": client.protocol_version,
            "server": client.server_info and client.server_info.name,
            "instructions": client.instructions,
            "tools": {each.name: each.model_dump(by_alias=True, exclude_none=True) for each in tools.tools},
        }
        for name, (tool, arguments) in CALLS.items():
            result = await client.call_tool(tool, arguments)
            found[name] = result.model_dump(by_alias=True, exclude_none=True, mode="json")
        at_once = await asyncio.gather(*[client.call_tool("twice", {"n": n}) for n in range(20)])
        found["at once"] = [each.content[0].text for each in at_once]
        try:
            await client.call_tool("absent", {})
        except Exception as error:
            found["absent"] = [type(error).__name__, str(error)]
        return found


async def main():
    print(json.dumps({mode: await ask(mode) for mode in ("auto", "legacy", "2026-07-28")}))


asyncio.run(main())
