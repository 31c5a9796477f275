"""Send a recording to the service and print what is said in it.

While `hotplate run` runs in another terminal: `python test_request.py`. For an endpoint elsewhere:
`python test_request.py --endpoint https://host.example`. For another recording: `--audio my.wav`.

speech.flac was made by the speech synthesiser espeak-ng.
"""

import argparse
from pathlib import Path

from hotplate import Audio, Client

RECORDING = Path(__file__).with_name("speech.flac")


def main(endpoint, recording):
    """Run inference against the endpoint."""
    inputs = {"audio": Audio.from_file(str(recording)).model_dump()}
    response = Client().infer(endpoint_url=f"{endpoint}/infer", inputs=inputs)
    print(response["output"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", default="http://localhost:8080")
    parser.add_argument("--audio", type=Path, default=RECORDING)
    args = parser.parse_args()
    main(args.endpoint, args.audio)
