"""OctoAI's session to its end: init, build, run, an edited Dockerfile, --setup, push, containers, scale, rollback."""

from __future__ import annotations

import json
import shlex
import threading

import pytest
import registry_rig
from registry_rig import PASSWORD, USERNAME, registry_server
from support.engine_rig import CERTIFICATES
from support.installation import FREE_PORTS, PROGRAMS, installation
from support.targets_rig import wait_for

pytestmark = [
    pytest.mark.xdist_group("engine"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(not registry_rig.installed(), reason=registry_rig.REASON),
]
LONG_S = 400.0
SETUP = """
        from pathlib import Path
        path = Path.home() / "weights"
        if not path.exists():
            path.write_text("downloaded")
"""
INFER = """
        import subprocess, time
        if prompt == "slow":
            time.sleep(5)
        if prompt == "apt":
            return subprocess.run("hello", capture_output=True, text=True).stdout
        if prompt == "weights":
            from pathlib import Path
            return (Path.home() / "weights").read_text()
        return prompt
"""


@pytest.fixture(scope="module")
def site(engine):
    with installation() as made:
        made.variables = {
            **engine.environ,
            "HOTPLATE_BASE_IMAGE": engine.base(),
            "HOTPLATE_BUILD_NETWORK": "host",
            "HOTPLATE_CERTIFICATES": str(CERTIFICATES),
        }
        yield made


def test_from_init_to_a_rollback_of_containers(engine, site, tmp_path):
    folder = tmp_path / "hello"

    def hotplate(*words: str, **more):
        return site.run(*words, folder=folder, patience_s=LONG_S, **more)

    def output(prompt: str, name: str = "hello") -> str:
        status, answer = site.call(f"/{name}/infer", {"prompt": prompt}, site.admin)
        assert status == 200, answer
        return answer["output"]

    def containers(name: str = "hello") -> list[str]:
        return engine.docker("ps", "--quiet", "--filter", f"label=org.hotplate.endpoint={name}").split()

    with registry_server() as server:
        words = ("--registry", server.host, "--repository", "ann/hello", "--regcred", "ours")
        site.run("init", "--path", str(folder), "--name", "hello", *words, "--yes")
        service = folder / "service.py"
        text = service.read_text().replace("        return prompt\n", INFER)
        service.write_text(text.replace('        print("Setting up.")\n', SETUP))

        tag = json.loads(hotplate("build", "--image").out)["tag"]
        assert tag.startswith(f"{server.host}/ann/hello:")
        ask = shlex.join(["sh", "-c", f"{PROGRAMS / 'python'} test_request.py --endpoint $HOTPLATE_URL"])
        ran = hotplate("run", "--image", "--network", "host", "-p", "0", "--command", ask)
        assert "'output': 'Hello world!'" in ran.out

        # Their own Dockerfile, with a package of the system more, and what setup() downloads.
        hotplate("build", "-g", "--setup")
        dockerfile = folder / "Dockerfile"
        more = "RUN apt-get update && apt-get install -y --no-install-recommends hello\n\n"
        dockerfile.write_text(
            dockerfile.read_text().replace("FROM system AS packages", f"{more}FROM system AS packages")
        )
        built = hotplate("build", "--image", "--setup")
        assert "Using the project's own Dockerfile" in built.err
        tag = json.loads(built.out)["tag"]
        for words in (["hello"], ["cat", "/opt/project/home/weights"]):
            said = engine.docker("run", "--rm", "--network=none", "--entrypoint", words[0], tag, *words[1:])
            assert said in ("Hello, world!", "downloaded")

        hotplate("up", "--detach", *FREE_PORTS)
        login = ("--registry", server.host, "--username", USERNAME)
        assert "There is no registry credential ours" in hotplate("push", code=2).err
        hotplate("regcred", "create", "--name", "ours", *login, given=f"{PASSWORD}\n")
        assert hotplate("push").out.startswith(f"{server.host}/ann/hello:")
        assert len(server.tags("ann/hello")) == 1

        # On the target docker: from nothing to two, and back.
        scale = ("--max-replicas", "2", "--scaledown-secs", "2", "--concurrency-per-replica", "1")
        done = hotplate("deploy", "--target", "docker", "--push", "--wait", "200", *scale)
        assert f"Pushed {server.host}/ann/hello:" in done.err
        assert (output("apt"), output("weights")) == ("Hello, world!\n", "downloaded")
        threads = [threading.Thread(target=output, args=("slow",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(containers()) == 2, "two containers")
        for thread in threads:
            thread.join()
        wait_for(lambda: not containers(), "no container")

        # Another revision, and back to the one before.
        before = site.run("revisions", "hello", "-o", "json").json()[0]["revision"]
        service.write_text(service.read_text().replace("return prompt", "return prompt.upper()"))
        hotplate("deploy", "--target", "docker", "--wait", "200", *scale)
        assert output("Hello") == "HELLO"
        hotplate("rollback", "--name", "hello", "--wait", "200")
        assert output("Hello") == "Hello"
        assert site.run("revisions", "hello", "-o", "json").json()[-1]["percent"] == 100

        # The image that was pushed is deployed by its name alone, from any folder.
        engine.docker("image", "rm", "--force", tag, f"hotplate/revision:{before[:32]}", check=False)
        words = ("deploy", "--image", tag, "--name", "pulled", "--wait", "200", "--min-replicas", "1")
        done = site.run(*words, folder=tmp_path, code=1, patience_s=LONG_S)
        assert "docker pull" in done.err and "pulled" not in site.run("endpoint", "list").out
        site.run(*words, "--regcred", "ours", folder=tmp_path, patience_s=LONG_S)
        assert output("apt", "pulled") == "Hello, world!\n"
        shown = site.run("endpoint", "get", "--name", "pulled", "-o", "json").json()
        assert shown["target"] == "docker"
        (image,) = {json.loads(engine.docker("inspect", each))[0]["Image"] for each in containers("pulled")}
        digests = json.loads(engine.docker("image", "inspect", image))[0]["RepoDigests"]
        assert any(digest.startswith(f"{server.host}/ann/hello@sha256:") for digest in digests)
        assert PASSWORD not in json.dumps(json.loads(engine.docker("image", "inspect", image)))
        done = site.run("deploy", "--image", engine.base(), "--name", "other", folder=tmp_path, code=2)
        assert "none that Hotplate built" in done.err

        # What nothing names any more goes from the engine, once no endpoint can go back to it.
        site.run("endpoint", "delete", "--name", "pulled", "--force")
        site.run("endpoint", "delete", "--name", "hello", "--force")
        wait_for(lambda: not containers() + containers("pulled"), "no container")
        left = site.run("prune", "--all", "-o", "json").json()
        assert len(left["images"]) == 2, "the third was taken away above"
        tags = engine.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
        assert not set(left["images"]) & set(tags) and engine.base() in tags
