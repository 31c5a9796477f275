"""Send a photograph to the service, print where its faces are, and save it with their boxes drawn in.

While `hotplate run` runs in another terminal: `python test_request.py`. For an endpoint elsewhere:
`python test_request.py --endpoint https://host.example`. For another picture: `--image my.jpg`.

astronaut.jpg is NASA's portrait of the astronaut Eileen Collins, in the public domain.
"""

import argparse
from pathlib import Path

from hotplate import Client, Image

PHOTOGRAPH = Path(__file__).with_name("astronaut.jpg")


def main(endpoint, photograph):
    """Run inference against the endpoint."""
    inputs = {"image": Image.from_file(str(photograph)).model_dump()}
    output = Client().infer(endpoint_url=f"{endpoint}/infer", inputs=inputs)["output"]

    print(f"{len(output['faces'])} face(s) in {photograph}")
    for face in output["faces"]:
        print(f"  {face['confidence']:.4f}  {face['box']}")

    Image.from_endpoint_response(output, "image_with_boxes").to_file("faces.jpg")
    print("Saved as faces.jpg")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", default="http://localhost:8080")
    parser.add_argument("--image", type=Path, default=PHOTOGRAPH)
    args = parser.parse_args()
    main(args.endpoint, args.image)
