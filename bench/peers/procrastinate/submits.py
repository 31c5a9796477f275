"""Tasks deferred with procrastinate in PostgreSQL: `python submits.py URL SECONDS CLIENTS PROMPT`.

CLIENTS tasks of one event loop defer one call each at a time, over as many connections; a server with
synchronous_commit flushes for several of them at once. No worker runs. Writes a JSON object: how many, and in how
many seconds.
"""

import asyncio
import json
import sys
import time

import procrastinate

url, seconds, clients, prompt = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
connector = procrastinate.PsycopgConnector(conninfo=url, min_size=clients, max_size=clients)
app = procrastinate.App(connector=connector)


@app.task
async def infer(prompt):
    return prompt


async def defer_until(end: float) -> int:
    count = 0
    while time.perf_counter() < end:
        await infer.defer_async(prompt=prompt)
        count += 1
    return count


async def main() -> None:
    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        for setting in ("fsync", "synchronous_commit"):
            row = await connector.execute_query_one_async(f"SHOW {setting}")
            assert list(row.values()) == ["on"], setting
        await asyncio.gather(*(defer_until(time.perf_counter() + 0.3) for _ in range(clients)))
        begun = time.perf_counter()
        counts = await asyncio.gather(*(defer_until(begun + seconds) for _ in range(clients)))
        took = time.perf_counter() - begun
    print(json.dumps({"count": sum(counts), "seconds": took}))


asyncio.run(main())
