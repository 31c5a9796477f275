"""The same work as LitServe's own pages write it. `python server.py TASK PORT`."""

import base64
import json
import sys
import time

import litserve as ls

TOKENS = 100


class Hello(ls.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request["prompt"]

    def predict(self, prompt):
        return prompt

    def encode_response(self, output):
        return {"output": output}


class Batch(Hello):
    def predict(self, prompts):
        time.sleep(0.005 + 0.0001 * len(prompts))
        return prompts


class Picture(Hello):
    def decode_request(self, request):
        return base64.b64decode(request["image"])

    def predict(self, image):
        return len(image)


class Upload(Picture):
    def decode_request(self, request):
        return request["image"].file.read()


class Stream(Hello):
    def predict(self, prompt):
        for _ in range(TOKENS):
            yield "token"

    def encode_response(self, output):
        for token in output:
            yield f"data: {json.dumps(token)}\n\n"
        yield "data: [DONE]\n\n"


def apis(task):
    if task == "hello":
        return Hello(api_path="/infer")
    if task == "batch":
        return Batch(api_path="/infer", max_batch_size=32, batch_timeout=0.005)
    if task == "payload":
        return [Picture(api_path="/image"), Upload(api_path="/upload")]
    if task == "stream":
        return Stream(api_path="/stream", stream=True)
    raise SystemExit(f"no such task: {task}")


if __name__ == "__main__":
    server = ls.LitServer(apis(sys.argv[1]), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
