"""Where Ray cannot run a replica, that is said before anything has changed; nodes that see no files get them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.installation import FREE_PORTS, installation
from support.targets_rig import Target

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("ray")]

OTHER_RAY = """#!{python}
import runpy, sys
import ray
ray.__version__ = "2.0.1"
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def refusal(made, folder: Path, *words: str, mark: str = "one") -> str:
    target = Target("ray", made, None)
    done = target.deploy(folder, "refused", *words, mark=mark, code=1)
    return done.out + done.err


def test_the_cluster_is_out_of_reach(tmp_path):
    with installation() as made:
        made.run("up", "--detach", "--target", "ray", "--address", "127.0.0.1:9", *FREE_PORTS)
        assert "No Ray cluster answers at 127.0.0.1:9" in refusal(made, tmp_path / "project")


def test_the_cluster_is_of_another_version(ray_cluster, tmp_path):
    python = tmp_path / "python"
    python.write_text(OTHER_RAY.format(python=ray_cluster.python))
    python.chmod(0o755)
    with installation() as made:
        made.variables = {**ray_cluster.settings, "HOTPLATE_RAY_PYTHON": str(python)}
        made.run("up", "--detach", "--target", "ray", "--address", ray_cluster.address, *FREE_PORTS)
        said = refusal(made, tmp_path / "project")
        assert "of another version" in said
        assert "Ray 2.0.1" in said


def test_an_image_or_a_node_is_not_there(on_ray, tmp_path):
    on_ray.deploy(tmp_path / "one", "refused")
    said = refusal(on_ray.installation, tmp_path / "one", "--set", "limits.ray_placement=node:nowhere", mark="two")
    assert "has no node 'nowhere'" in said
    environment = 'limits.ray_runtime_env={"image_uri": "registry.invalid/none:1"}'
    said = refusal(
        on_ray.installation,
        tmp_path / "one",
        "--set",
        "limits.ray_placement=spread",
        "--set",
        environment,
        mark="three",
    )
    assert "ray_runtime_env" in said
    assert on_ray.output("refused", "mark") == "one"
    on_ray.installation.run("endpoint", "delete", "--name", "refused", "--force")


def test_a_node_that_does_not_see_the_files_is_sent_them(ray_cluster, tmp_path):
    with installation() as made:
        made.variables = {**ray_cluster.settings, "HOTPLATE_RAY_FILES": "ship"}
        made.run("up", "--detach", "--target", "ray", "--address", ray_cluster.address, *FREE_PORTS)
        target = Target("ray", made, None)
        target.deploy(tmp_path / "sent", "sent", "--min-replicas", "1")
        assert target.output("sent", "python", "import os; out = os.getcwd()").startswith(ray_cluster.cache)
        assert target.output("sent", "python", "import hotplate; out = hotplate.__file__").startswith(ray_cluster.cache)
