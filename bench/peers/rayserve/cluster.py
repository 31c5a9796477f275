"""A Ray of one node for the target `ray`: `python cluster.py TEMP`. Says its address, and stays until a signal."""

import json
import signal
import sys

import ray


def main():
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        object_store_memory=100 * 1024 * 1024,
        _temp_dir=sys.argv[1],
        log_to_driver=False,
    )
    print(json.dumps({"address": ray.get_runtime_context().gcs_address}), flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()


if __name__ == "__main__":
    main()
