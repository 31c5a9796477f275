"""Send a request to the endpoint and show its answer."""

import argparse

from hotplate import Client

inputs = {"prompt": "Hello world!"}


def main(endpoint):
    """Run inference against the endpoint."""
    # create a Hotplate client
    client = Client()

    # perform inference
    response = client.infer(endpoint_url=f"{endpoint}/infer", inputs=inputs)

    # show the response
    print(response)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", type=str, default="http://localhost:8080")
    main(endpoint=parser.parse_args().endpoint)
