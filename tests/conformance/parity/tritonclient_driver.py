"""Runs beside NVIDIA's tritonclient: asks the server at argv[1] for one answer and prints it as JSON."""

import json
import sys

import numpy as np
import tritonclient.http as http

client = http.InferenceServerClient(sys.argv[1])
inputs = []
for name, array, datatype in (
    ("text", np.array(["ü"], object), "BYTES"),
    ("times", np.array([3], np.int64), "INT64"),
    ("scale", np.array([1.5]), "FP64"),
    ("loud", np.array([True]), "BOOL"),
    ("numbers", np.array([4, 5], np.int64), "INT64"),
):
    value = http.InferInput(name, list(array.shape), datatype)
    value.set_data_from_numpy(array, binary_data=name != "times")
    inputs.append(value)
result = client.infer("parity", inputs)
found = {output["name"]: result.as_numpy(output["name"]).tolist() for output in result.get_response()["outputs"]}
print(json.dumps(found, default=bytes.decode))
