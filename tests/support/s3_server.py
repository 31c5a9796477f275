"""A real server of S3's protocol (moto) on loopback, which checks signatures and policies.

Run in moto's environment it is a script: it makes a bucket and a user who may use it, and tells the user's keys.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BUCKET = "jobs-of-a-test"
SETTING_UP = 4
"""Calls that are let through unsigned: the four below."""


@dataclass
class S3Server:
    port: int
    keys: dict[str, str]
    python: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """What a client needs to know, in the environment variables of every S3 tool."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1", **self.keys}

    def boto(self, code: str) -> str:
        """Run a line about the client `s3` of boto3, with the keys of the user, and give what it prints."""
        script = f"import boto3, json\ns3 = boto3.client('s3', endpoint_url={self.url!r})\n{code}"
        env = {**os.environ, **self.env, "AWS_DEFAULT_REGION": "us-east-1"}
        return subprocess.run([self.python, "-c", script], env=env, check=True, capture_output=True, text=True).stdout

    def objects(self) -> list[str]:
        code = f"print(json.dumps([o['Key'] for o in s3.list_objects_v2(Bucket={BUCKET!r}).get('Contents', [])]))"
        return json.loads(self.boto(code))


@contextmanager
def s3_server(python: Path, port: int) -> Iterator[S3Server]:
    env = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(SETTING_UP)}
    command = [python.with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).read()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < end, "moto's server did not start"
                time.sleep(0.05)
        made = subprocess.run([python, __file__, url], check=True, capture_output=True, text=True)
        yield S3Server(port, json.loads(made.stdout), python)
    finally:
        process.kill()
        process.wait(10)


def set_up(url: str) -> None:
    import boto3

    said = {"endpoint_url": url, "region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    boto3.client("s3", **said).create_bucket(Bucket=BUCKET)
    iam = boto3.client("iam", **said)
    iam.create_user(UserName="hotplate")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="hotplate", PolicyName="all", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="hotplate")["AccessKey"]
    print(json.dumps({"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}))


if __name__ == "__main__":
    set_up(sys.argv[1])
