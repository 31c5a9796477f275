"""Send a picture with text to the service and print what it reads.

While `hotplate run` runs in another terminal: `python test_request.py`. For an endpoint elsewhere:
`python test_request.py --endpoint https://host.example`. For your own picture: `--image scan.png`.
"""

import argparse
from pathlib import Path

from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from hotplate import Client, Image


def bill():
    """Draw a picture to read."""
    picture = PILImage.new("RGB", (640, 480), "white")
    canvas = ImageDraw.Draw(picture)
    canvas.text((40, 40), "Two coffees, one cake", fill="black", font=ImageFont.load_default(size=40))
    canvas.text((40, 340), "Total 11.50 EUR", fill="black", font=ImageFont.load_default(size=40))
    return Image.from_pil(picture, format="PNG")


def main(endpoint, image):
    """Run inference against the endpoint."""
    inputs = {"image": image.model_dump()}
    output = Client().infer(endpoint_url=f"{endpoint}/infer", inputs=inputs)["output"]

    for line in output["lines"]:
        print(f"{line['confidence']:.4f}  {line['text']!r} at {line['box']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", default="http://localhost:8080")
    parser.add_argument("--image", type=Path)
    args = parser.parse_args()
    main(args.endpoint, Image.from_file(str(args.image)) if args.image else bill())
