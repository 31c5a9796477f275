"""Runs beside NVIDIA's tritonclient: calls the server at argv[1] and prints what it got as JSON."""

import json
import sys

import numpy as np
import tritonclient.http as http

client = http.InferenceServerClient(sys.argv[1])
found = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model_ready": client.is_model_ready("kinds"),
    "no_model": client.is_model_ready("other"),
    "server": client.get_server_metadata()["name"],
    "inputs": [tensor["name"] for tensor in client.get_model_metadata("kinds")["inputs"]],
    "config": client.get_model_config("kinds")["name"],
    "index": [each["name"] for each in client.get_model_repository_index()],
}
client.load_model("kinds")


def infer(name, array, datatype, binary_in, binary_out):
    value = http.InferInput(name, list(array.shape), datatype)
    value.set_data_from_numpy(array, binary_data=binary_in)
    wanted = [http.InferRequestedOutput("value", binary_data=binary_out)]
    result = client.infer("kinds", [value], outputs=wanted, request_id="7")
    assert result.get_response()["id"] == "7"
    return result.as_numpy("value").tolist()


ARRAYS = {
    "FP16": np.array([0.5, -2], np.float16),
    "BF16": np.array([0.5, -2], np.float32),
    "FP32": np.array([0.5, 1e10], np.float32),
    "FP64": np.array([0.1, -1e300]),
    "INT8": np.array([-128, 127], np.int8),
    "UINT64": np.array([0, 2**64 - 1], np.uint64),
    "BOOL": np.array([True, False]),
    "BYTES": np.array(["ü", "two"], object),
}
echoed = {}
for datatype, array in ARRAYS.items():
    for binary in (True, False):
        if binary or datatype not in ("FP16", "BF16"):
            got = infer(datatype.lower(), array, datatype, binary, binary)
            if datatype == "BYTES":
                got = [each.decode() if isinstance(each, bytes) else each for each in got]
            echoed[f"{datatype} {binary}"] = (got, array.tolist())
found["echoed"] = echoed
grid = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
found["grid"] = infer("grid", grid, "FP32", True, True) == grid.tolist()
large = np.arange(500_000, dtype=np.int64)
found["large"] = infer("int64", large, "INT64", True, True) == large.tolist()
value = http.InferInput("fp16", [2], "FP16")
value.set_data_from_numpy(ARRAYS["FP16"])
found["default_output"] = client.infer("kinds", [value]).as_numpy("value").tolist()
try:
    client.infer("kinds", [http.InferInput("other", [1], "BYTES").set_data_from_numpy(np.array(["x"], object))])
except http.InferenceServerException as error:
    found["error"] = [error.message(), error.status()]
try:
    client.infer("absent", [value])
except http.InferenceServerException as error:
    found["absent"] = [error.message(), error.status()]
print(json.dumps(found))
