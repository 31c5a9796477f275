"""Whatever is wrong, `hotplate run` says what, where in the project, and what to do, and shows no frame of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from serving import Server, serve, write_project

HEAD = "from hotplate import Service\n\n\nclass Model(Service):\n"
INFER = "    def infer(self, x: str) -> str:\n        return x\n"
GOOD = HEAD + INFER


@dataclass(frozen=True, kw_only=True)
class Case:
    """`told` are the last lines of what is printed; `shown` must stand somewhere above them."""

    files: Mapping[str, str]
    words: tuple[str, ...] = ()
    status: int = 1
    told: str
    shown: tuple[str, ...] = ()
    hidden: tuple[str, ...] = field(default=("/src/hotplate/", "pydantic/", "INFO Shutting down"))


def service(text: str) -> Mapping[str, str]:
    return {"service.py": text}


CASES = {
    # the project file
    "a key that is misspelt": Case(
        files={"service.py": GOOD, "hotplate.yaml": "name: x\nprot: 8081\n"},
        status=2,
        told="error: hotplate.yaml:2: Unknown key `prot`.\n  Did you mean `port`?\n",
    ),
    "a key of octoai.yaml that is misspelt": Case(
        files={"service.py": GOOD, "octoai.yaml": "endpoint_config:\n  name: x\n  hardwar: cpu\n"},
        status=2,
        told="error: octoai.yaml:3: Unknown key `hardwar`.\n  Did you mean `hardware`?\n",
    ),
    "more replicas at least than at most": Case(
        files={"service.py": GOOD, "hotplate.yaml": "name: x\nmin-replicas: 5\nmax-replicas: 2\n"},
        status=2,
        told="error: hotplate.yaml:2: `min-replicas` is 5, and `max-replicas` is 2: the least is above the most.\n"
        "  Lower the one or raise the other.\n",
    ),
    "a value of another kind": Case(
        files={"service.py": GOOD, "hotplate.yaml": "workers: two\n"},
        status=2,
        told="error: hotplate.yaml:1: `workers` must be a whole number, not 'two'.\n",
    ),
    "a file that is no YAML": Case(
        files={"service.py": GOOD, "hotplate.yaml": "name: x\n  port: 1\n"},
        status=2,
        told="error: hotplate.yaml:2: This is not YAML: mapping values are not allowed here.\n"
        "  Mend the line or the one before it: a bracket or a quote may be open, or a colon lack its blank.\n",
    ),
    # the command line
    "an option that is misspelt": Case(
        files=service(GOOD), words=("--prot", "1"), status=2,
        told="error: `--prot` is no option of `hotplate run`.\n  Did you mean `--port`?\n",
    ),
    "a host that others can reach": Case(
        files=service(GOOD), words=("--host", "0.0.0.0"), status=2,
        told="error: --host: Listening on 0.0.0.0 would let other machines call the model without a token.\n"
        "  Keep the default 127.0.0.1, or add --i-know when the network is trusted or a proxy checks callers.\n",
    ),
    "a folder that is not there": Case(
        files={}, words=("nowhere",),
        told="error: nowhere: There is no such folder.\n"
        "  Give a folder, or a function as model.py:predict. `hotplate init` starts a new project.\n",
    ),
    "a file that is not there": Case(
        files={}, words=("nowhere.py",), told="error: nowhere.py: There is no such file.\n  Check the spelling.\n"
    ),
    "a function that is misspelt": Case(
        files={"model.py": "def predict(x: int) -> int:\n    return x\n"}, words=("model.py:predit",),
        told="error: model.py: model.py has no predit\n  did you mean predict?\n",
    ),
    "a service module that is not there": Case(
        files=service(GOOD), words=("--service-module", "app.serv"),
        told="error: Module 'app.serv' not found.\n  service_module is looked for in {folder}\n",
    ),
    # the project
    "nothing to serve": Case(
        files={"notes.txt": ""},
        told="error: nothing to serve was found in {folder}; looked for\n"
        "  service: service.py (or the module that service_module names) with a class that derives from Service\n"
        "  function: functions named on the command line, as in model.py:predict\n"
        "  predictor: cortex.yaml and the class that its `path` names, as for Cortex\n"
        "  input_schema: app.py with class InferlessPythonModel, and input_schema.py with INPUT_SCHEMA\n"
        "  entry_point: pyproject.toml, setup.cfg or setup.py with an entry point of the group deepaas.v2.model\n"
        "  routes: routes to functions, given by --route or under routes: in hotplate.yaml, as for proxiML\n"
        "  run hotplate init for a working example, or name a function: model.py:predict\n",
    ),
    "a syntax error": Case(
        files=service(HEAD + "    def infer(self, x: str -> str: return x\n"),
        told="error: service.py:5: service.py is not valid Python: invalid syntax\n  mend that line\n",
    ),
    "a module that is not installed": Case(
        files=service("import zz_not_there\n" + GOOD),
        shown=('  File "{folder}/service.py", line 1, in <module>\n    import zz_not_there\n',),
        told="error: service.py:1: service could not be imported: ModuleNotFoundError: No module named 'zz_not_there'\n"
        "  install it (pip install zz_not_there) and list it in requirements.txt\n",
    ),
    "a package that requirements.txt lists": Case(
        files={"service.py": "import cv2_\n" + GOOD, "requirements.txt": "cv2-==1\n"},
        told="No module named 'cv2_'\n  install what the project needs: pip install -r requirements.txt\n",
    ),
    "a module of the project that is misspelt": Case(
        files={"service.py": "import helpr\n" + GOOD, "helper.py": ""},
        told="No module named 'helpr'\n  did you mean helper?\n",
    ),
    "an error inside a module of the project": Case(
        files={"service.py": "import helper\n" + GOOD, "helper.py": "def f():\n    return 1 / 0\n\n\nf()\n"},
        shown=('  File "{folder}/helper.py", line 2, in f\n',),
        told="error: helper.py:2: service could not be imported: ZeroDivisionError: division by zero\n",
    ),
    "a name that was not imported": Case(
        files=service(HEAD + "    def infer(self, image: Image) -> str:\n        return ''\n"),
        told="NameError: name 'Image' is not defined\n  add: from hotplate import Image\n",
    ),
    "a type that JSON cannot hold": Case(
        files=service("import threading\n" + HEAD + "    def infer(self, x: threading.Event) -> str: ...\n"),
        told="  use str, int, float, bool, list, dict, a dataclass, a pydantic model, "
        "or Image, Audio, Video or File from hotplate\n",
        shown=("error: service.py:6: argument 'x' of infer() is of type Event, which cannot be read from JSON",),
        hidden=("Traceback", "/src/hotplate/", "pydantic/"),
    ),
    "a parameter without a type": Case(
        files=service(HEAD + "    def infer(self, x):\n        return x\n"),
        told="error: service.py:5: infer() requires type annotations for args\n"
        "  annotate 'x': x: str, or x: Any where anything may come\n",
    ),
    "a class without infer": Case(
        files=service(HEAD + "    def predict(self, x: str) -> str:\n        return x\n"),
        told="error: service.py:4: Can't instantiate abstract class Model with abstract method infer\n"
        "  add def infer(self, prompt: str) -> str\n",
    ),
    "an __init__ that raises": Case(
        files=service(HEAD + "    def __init__(self):\n        raise RuntimeError('no gpu')\n\n" + INFER),
        told="error: service.py:6: Model() could not be made: RuntimeError: no gpu\n",
    ),
    # the hooks
    "a setup that raises": Case(
        files=service(GOOD + "\n    def setup(self):\n        self.f()\n\n    def f(self):\n        open('w.bin')\n"),
        shown=(
            "ERROR The project could not be started; nothing is served.\nTraceback (most recent call last):\n"
            '  File "{folder}/service.py", line 9, in setup\n',
        ),
        told="error: service.py:12: setup() failed: FileNotFoundError: [Errno 2] No such file or directory: 'w.bin'\n",
    ),
    "an async setup that raises": Case(
        files=service(GOOD + "\n    async def setup(self):\n        raise ValueError('bad weights')\n"),
        told="error: service.py:9: setup() failed: ValueError: bad weights\n",
    ),
    "an on_server_startup that raises": Case(
        files=service(GOOD + "\n    def on_server_startup(self):\n        {}['k']\n"),
        told="error: service.py:9: on_server_startup() failed: KeyError: 'k'\n",
    ),
    "a setup that exits": Case(
        files=service(GOOD + "\n    def setup(self):\n        import sys\n        sys.exit('no licence')\n"),
        told="error: service.py:10: setup() failed: SystemExit: no licence\n"
        '  keep what is only for the command line under: if __name__ == "__main__":\n',
    ),
    "a setup that ends the process": Case(
        files=service(GOOD + "\n    def setup(self):\n        import os\n        os._exit(4)\n"),
        told="error: The worker exited with status 4 in setup().\n",
    ),
    "a setup that crashes": Case(
        files=service(GOOD + "\n    def setup(self):\n        import ctypes\n        ctypes.string_at(0)\n"),
        shown=("Fatal Python error: Segmentation fault\n", '  File "{folder}/service.py", line 10 in setup\n'),
        told="error: The worker was killed by SIGSEGV in setup().\n",
        hidden=("INFO Shutting down",),
    ),
    "a setup that takes too long": Case(
        files=service(GOOD + "\n    def setup(self):\n        import time\n        time.sleep(60)\n"),
        words=("--setup-timeout", "2s"),
        told="error: setup() did not end within 2 s.\n"
        "  Raise setup_timeout (--setup-timeout 10m) if the model needs longer.\n",
    ),
    "an initialize that raises": Case(
        files={
            "app.py": "class InferlessPythonModel:\n    def initialize(self):\n        self.model = load()\n\n"
            "    def infer(self, inputs):\n        return {'x': 1}\n",
            "input_schema.py": "INPUT_SCHEMA = {'x': {'datatype': 'FP32', 'required': False, 'shape': [1]}}\n",
        },
        shown=('  File "{folder}/app.py", line 3, in initialize\n',),
        told="error: app.py:3: initialize() failed: NameError: name 'load' is not defined\n",
    ),
    "a warm that raises": Case(
        files={
            "pyproject.toml": '[project.entry-points."deepaas.v2.model"]\nm = "model"\n',
            "model.py": "def warm():\n    raise ValueError('no weights')\n\ndef predict(**all):\n    return all\n",
        },
        told="error: model.py:2: warm() failed: ValueError: no weights\n",
    ),
    "a predictor's __init__ that raises": Case(
        files={
            "cortex.yaml": "- name: a\n  kind: RealtimeAPI\n  predictor: {type: python, path: predictor.py}\n",
            "predictor.py": "class PythonPredictor:\n    def __init__(self, config):\n        config['bucket']\n\n"
            "    def predict(self, payload):\n        return payload\n",
        },
        shown=('  File "{folder}/predictor.py", line 3, in __init__\n', "KeyError: 'bucket'\n"),
        told="error: predictor.py:3: error: predictor.py: __init__: 'bucket': runtime exception\n",
    ),
}  # fmt: skip


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("HOTPLATE_")}
    return subprocess.run(
        [sys.executable, "-m", "hotplate.cli", *words],
        cwd=folder,
        env={**env, "HOTPLATE_LOG_FORMAT": "text"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_where_and_what_to_do(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    folder = write_project(tmp_path / "project", case.files)
    folder.mkdir(exist_ok=True)
    port = () if any(word in case.words for word in ("--prot", "--host")) else ("--port", "0")
    done = run(folder, "run", *case.words, *port)
    assert done.stdout.endswith(case.told.format(folder=folder)), done.stdout
    assert done.returncode == case.status
    for text in case.shown:
        assert text.format(folder=folder) in done.stdout, done.stdout
    for text in case.hidden:
        assert text not in done.stdout, done.stdout


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(write_project(tmp_path, service(GOOD)), "run", "--port", str(port))
    assert (done.returncode, done.stdout) == (
        2,
        f"error: Port {port} on 127.0.0.1: Address already in use.\n"
        "  Stop what uses it, or name another port with --port (0 picks a free one).\n",
    )


def test_a_scaffold_that_is_not_there(tmp_path: Path) -> None:
    done = run(tmp_path, "init", "--scaffold", "yolo-v8", "--yes")
    told = "error: --scaffold: There is no scaffold `yolo-v8`.\n  Did you mean `yolov8`?\n"
    assert (done.returncode, done.stdout) == (2, told)
    done = run(tmp_path, "init", "--scaffold", "zz", "--yes")
    assert "There are: hello-world, " in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("inspect", "--load"), ("store-assets",)])
def test_other_commands_that_load_a_project_say_the_same(tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = write_project(tmp_path / "project", service("import zz_not_there\n" + GOOD))
    done = run(folder, *words)
    assert done.returncode == 1
    assert done.stdout == (
        f'Traceback (most recent call last):\n  File "{folder}/service.py", line 1, in <module>\n'
        "    import zz_not_there\n"
        "ModuleNotFoundError: No module named 'zz_not_there'\n"
        "error: service.py:1: service could not be imported: ModuleNotFoundError: No module named 'zz_not_there'\n"
        "  install it (pip install zz_not_there) and list it in requirements.txt\n"
    )


# -- while it serves

FAILING = """
import datetime

from hotplate import Service
from hotplate.errors import ProjectError


class Model(Service):
    def infer(self, x: int) -> int:
        return self._look_up(x)

    def _look_up(self, x):
        return {}[x]

    def unfit(self, x: int) -> int:
        return "seven"

    def no_json(self, x: int) -> dict:
        return {"a": datetime.timedelta}

    def ours(self, x: int) -> int:
        raise ProjectError("a package is missing")

    def segfault(self, x: int) -> int:
        import ctypes

        ctypes.string_at(0)

    def on_server_shutdown(self):
        raise RuntimeError("cannot close")
"""


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(write_project(tmp_path_factory.mktemp("failing"), service(FAILING))) as server:
        yield server


@pytest.mark.parametrize(
    ("route", "lines"),
    [
        ("/infer", ["infer() raised KeyError (request {id})", "in _look_up", "KeyError: 1"]),
        ("/ours", ["ours() raised ProjectError (request {id})", "ProjectError: a package is missing"]),
        (
            "/unfit",
            [
                "unfit() (service.py:15) returned a value that does not fit its annotation (request {id})",
                "Input should be a valid integer, unable to parse string as an integer [type=int_parsing, "
                "input_value='seven', input_type=str]",
            ],
        ),
        ("/no-json", ["no_json() (service.py:18) returned a value that does not fit its annotation (request {id})"]),
    ],
)
def test_the_log_has_under_the_requests_id_what_the_caller_is_not_told(
    failing: Server, route: str, lines: list[str]
) -> None:
    reply = failing.post(route, {"x": 1})
    assert reply.status == 500
    for line in lines:
        failing.wait_for_line(line.format(id=reply.json()["request_id"]))
        assert "KeyError" not in reply.body.decode()
    assert "/hotplate/" not in failing.text()


def test_invoke_names_the_request_to_look_for(failing: Server, tmp_path: Path) -> None:
    done = run(tmp_path, "invoke", f"{failing.url}/infer", "x:=1")
    assert done.returncode == 1
    assert "\nThe server's log has more under request " in done.stdout


def test_a_crash_shows_the_authors_frames_and_a_failing_shutdown_is_told(failing: Server) -> None:
    assert failing.post("/segfault", {"x": 1}).status == 502
    failing.wait_for_line('/service.py", line 27 in segfault')
    failing.wait_for(lambda server: server.get("/readyz").status == 200, "a new worker")
    assert failing.terminate() == 0
    failing.wait_for_line("service.py:30: on_server_shutdown() failed: RuntimeError: cannot close")
