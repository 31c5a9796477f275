from octoai.client import OctoAI

inputs = {"prompt": "Hello world!"}

def main(endpoint):
    """Run inference against the endpoint."""
    # create an OctoAI client
    client = OctoAI()

    # perform inference
    response = client.infer(endpoint_url=f"{endpoint}/infer", inputs=inputs)

    # show the response
    print(response)
