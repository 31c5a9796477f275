"""The same work on Ray Serve: `python server.py TASK PORT TEMP`.

Ray starts its own processes and lets in who has the token in RAY_AUTH_TOKEN; all that it writes goes below TEMP.

For *ray* there is one replica, always. It takes as many calls at once as there are connections: by Serve's default of
five, the router would try the other calls again after pauses of up to half a second, with the replica idle meanwhile.
What sleeps goes to zero replicas and back: the autoscaler looks as often, and lets a replica go as soon, as its
settings allow.
"""

import signal
import sys
import time

import ray
from pydantic import BaseModel
from ray import serve
from ray.serve.config import AutoscalingConfig, HTTPOptions

AT_ONCE = 100
ASLEEP = AutoscalingConfig(
    min_replicas=0,
    max_replicas=1,
    initial_replicas=0,
    target_ongoing_requests=1,
    upscale_delay_s=0.0,
    downscale_delay_s=0.5,
    downscale_to_zero_delay_s=0.5,
    metrics_interval_s=0.1,
    look_back_period_s=0.2,
)


class Given(BaseModel):
    prompt: str


class Hello:
    async def __call__(self, request):
        given = Given.model_validate_json(await request.body())
        return {"output": given.prompt}


class Slow(Hello):
    """A second of imports and two of loading, as its counterpart has them. A replica's constructor does both."""

    def __init__(self):
        time.sleep(3)


def main():
    task, port, temp = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 * 1024 * 1024,
        _temp_dir=temp,
        log_to_driver=False,
    )
    serve.start(http_options=HTTPOptions(host="127.0.0.1", port=port))
    options = {"max_ongoing_requests": AT_ONCE, "ray_actor_options": {"num_cpus": 0}}
    always = serve.deployment(Hello, num_replicas=1, **options)
    asleep = serve.deployment(Hello, autoscaling_config=ASLEEP, **options)
    slow = serve.deployment(Slow, autoscaling_config=ASLEEP, **options)
    apps = {"ray": {"hello": always, "asleep": asleep}, "zero": {"asleep": asleep, "slow": slow}}
    for name, made in apps[task].items():
        serve.run(made.bind(), name=name, route_prefix=f"/{name}", blocking=False)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()


if __name__ == "__main__":
    main()
