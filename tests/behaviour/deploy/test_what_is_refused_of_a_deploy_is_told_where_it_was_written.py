"""Control knows of its fields; who deploys wrote a key in a line of a file, or a flag."""

from __future__ import annotations

import pytest
from installation import FREE_PORTS

FILE = """
endpoint_config:
  name: told
  hardware: {hardware}
  secrets: [{secrets}]
"""


@pytest.mark.parametrize(
    ("hardware", "secrets", "flags", "said"),
    [
        ("gpu.t5", "", (), "octoai.yaml:3: `hardware`: There is no hardware profile 'gpu.t5'."),
        ("cpu", "ABSENT", (), "octoai.yaml:4: `secrets`: There is no secret ABSENT."),
        ("cpu", "", ("--hardware", "gpu.t6"), "--hardware: There is no hardware profile 'gpu.t6'."),
        ("gpu.t5", "", ("--hardware", "gpu.t6"), "--hardware: There is no hardware profile 'gpu.t6'."),
        ("cpu", "", ("--secrets", "ABSENT"), "--secrets: There is no secret ABSENT."),
        ("cpu", "", ("--set", "limits.timeout_s=-1"), "`limits.timeout_s`: must be 0.1 to 3600."),
    ],
)
def test_it_names_the_line_or_the_flag(site, tmp_path, hardware, secrets, flags, said) -> None:
    (tmp_path / "service.py").write_text(
        "from hotplate import Service\nclass Told(Service):\n  def infer(self, n: int) -> int:\n    return n\n"
    )
    (tmp_path / "octoai.yaml").write_text(FILE.format(hardware=hardware, secrets=secrets).lstrip("\n"))
    done = site.run("deploy", *flags, *FREE_PORTS, folder=tmp_path, code=1)
    assert f"error: {said}" in done.err
