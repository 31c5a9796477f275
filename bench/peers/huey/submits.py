"""Tasks handed to huey in its SQLite storage, each on disk before the next: `python submits.py FILE SECONDS PROMPT`.

Writes a JSON object: how many, and in how many seconds. `fsync=True` is SQLite's synchronous=FULL, in WAL as is its
default. No consumer runs: every cycle is for submits. More threads would only wait for each other, since SQLite has one
writer and huey a transaction for each task.
"""

import json
import sys
import time

from huey import SqliteHuey

file, seconds, prompt = sys.argv[1], float(sys.argv[2]), sys.argv[3]
huey = SqliteHuey(filename=file, fsync=True)


@huey.task()
def infer(prompt):
    return prompt


connection = huey.storage.conn
assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "not flushed"
assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
for _ in range(50):
    infer(prompt)
before = huey.pending_count()
count = 0
begun = time.perf_counter()
while time.perf_counter() < begun + seconds:
    infer(prompt)
    count += 1
took = time.perf_counter() - begun
assert huey.pending_count() == before + count
print(json.dumps({"count": count, "seconds": took}))
