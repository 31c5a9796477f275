"""Send a prompt to the service and print its answer.

While `hotplate run` runs in another terminal: `python test_request.py`. For an endpoint elsewhere:
`python test_request.py --endpoint https://host.example`. For another prompt: `--prompt "..."`.
"""

import argparse

from hotplate import Client


def main(endpoint, prompt):
    """Run inference against the endpoint."""
    response = Client().infer(endpoint_url=f"{endpoint}/infer", inputs={"prompt": prompt})
    print(response)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", default="http://localhost:8080")
    parser.add_argument("--prompt", default="What country is California in?")
    args = parser.parse_args()
    main(args.endpoint, args.prompt)
