"""Send a photograph to the service, print what is in it, and save it with the boxes drawn in.

While `hotplate run` runs in another terminal: `python test_request.py`. For an endpoint elsewhere:
`python test_request.py --endpoint https://host.example`. For another picture: `--image my.jpg`.
"""

import argparse

from hotplate import Client, Image

PHOTOGRAPH = "https://ultralytics.com/images/bus.jpg"


def main(endpoint, photograph):
    """Run inference against the endpoint."""
    if photograph.startswith(("http://", "https://")):
        image = Image.from_url(photograph, b64=True, follow_redirects=True)
    else:
        image = Image.from_file(photograph)
    response = Client().infer(endpoint_url=f"{endpoint}/infer", inputs={"image": image.model_dump()})

    output = response["output"]
    for found in output["detections"]:
        print(f"{found['confidence']:.2f}  {found['name']}  {found['box']}")

    Image.from_endpoint_response(output, "image_with_boxes").to_file("detections.jpg")
    print("Saved as detections.jpg")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", default="http://localhost:8080")
    parser.add_argument("--image", default=PHOTOGRAPH)
    args = parser.parse_args()
    main(args.endpoint, args.image)
