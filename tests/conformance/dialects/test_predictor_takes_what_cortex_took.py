"""The predictor dialect against the rules and the words of Cortex 0.32: `cortex.yaml`, arguments, start-up errors."""

from __future__ import annotations

import pytest
from predictor_projects import API, INIT, PREDICTOR, made, project

from hotplate.contract.codec import decode_contract, encode_contract
from hotplate.errors import ProjectError

__all__ = ["project"]


class TestServing:
    def test_the_evidence_is_the_entry_and_the_class(self, project):
        match = project().match()
        assert (match.dialect, match.entry) == ("predictor", "cortex.yaml:iris")
        assert [(e.file, e.line) for e in match.evidence] == [("cortex.yaml", 2), ("predictor.py", 2)]

    def test_it_is_described_as_it_is_loaded(self, project):
        described = project().describe()
        assert described == project().load().contract
        assert decode_contract(encode_contract(described)) == described
        (route,) = described.routes
        assert (route.summary, route.description, route.source.line) == ("Answer.", "In full.", 6)
        assert route.aliases == ("/", "/predict", "/iris")

    def test_config_is_a_copy_with_its_types(self, project):
        loaded = made(project(more="config: {a: 1, b: [1.5, true, null, '1']}"))
        (call,) = loaded.calls
        assert call.function(7) == {"payload": 7, "config": {"a": 1, "b": [1.5, True, None, "1"]}}

    def test_arguments_come_by_name_in_any_order(self, project):
        text = "class PythonPredictor:\n  def __init__(self, metrics_client, config):\n    self.m = metrics_client\n"
        text += "  def predict(self, headers, payload): return [headers, payload]\n"
        (call,) = made(project(text)).calls
        assert [each.name for each in call.parameters] == ["headers", "payload"]
        assert call.function({"a": "b"}, 1) == [{"a": "b"}, 1]

    def test_handlers_have_a_route_for_each_verb(self, project):
        text = "class Handler:\n  def __init__(self, config): pass\n  def handle_post(self, payload): return 1\n"
        text += "  def handle_get(self, query_params): return 2\n  def handle_other(self, what): return 3\n"
        folder = project(text, yaml=API.replace("predictor:", "handler:"))
        described = folder.describe()
        assert described == folder.load().contract
        assert [(route.method, route.name) for route in described.routes] == [
            ("POST", "handle_post"),
            ("GET", "handle_get"),
        ]

    def test_batches_and_threads_are_in_the_contract(self, project):
        more = "threads_per_process: 4\nserver_side_batching: {max_batch_size: 8, batch_interval: 0.2s}\n"
        contract = project(more=more + "processes_per_replica: 2").describe()
        assert contract.limits.slots == 4
        assert (contract.routes[0].batching.max_size, contract.routes[0].batching.max_wait_ms) == (8, 200)
        assert "--workers 2" in contract.warnings[0]

    def test_a_method_of_a_base_class_counts(self, project):
        text = PREDICTOR.replace("PythonPredictor", "Base") + "\nclass PythonPredictor(Base): pass\n"
        assert project(text).describe() == project().load().contract

    def test_several_apis_are_never_guessed_among(self, project):
        yaml = API + API.replace("iris", "cifar").lstrip("\n")
        with pytest.raises(ProjectError, match=r"iris \(RealtimeAPI, line 2\), cifar \(RealtimeAPI, line 7\)"):
            project(yaml=yaml).match()
        assert project(yaml=yaml).match(api="cifar").entry == "cortex.yaml:cifar"
        with pytest.raises(ProjectError, match="no API called other"):
            project(yaml=yaml).match(api="other")

    @pytest.mark.parametrize(
        ("method", "said"),
        [
            ("predict(self, payload, headers)", '"headers" is not a supported argument'),
            ("predict(self, payload, t=1)", '"t" is not a supported argument'),
            ("__init__(self)", '"config" is a required argument, but was not provided'),
        ],
    )
    def test_an_async_api_has_rules_of_its_own(self, project, method, said):
        text = "class PythonPredictor:\n    def __init__(self, config): pass\n    def predict(self, payload): pass\n"
        name = method.partition("(")[0]
        lines = [f"    def {method}: pass" if f"def {name}(" in line else line for line in text.splitlines()]
        folder = project("\n".join(lines), yaml=API.replace("RealtimeAPI", "AsyncAPI"))
        with pytest.raises(ProjectError) as raised:
            folder.load()
        assert said in raised.value.message

    def test_an_async_api_may_ask_for_its_request_id(self, project):
        text = "class PythonPredictor:\n    def __init__(self, config, metrics_client): pass\n"
        text += "    def predict(self, request_id, payload): return {}\n    def post_predict(self, anything): pass\n"
        loaded = project(text, yaml=API.replace("RealtimeAPI", "AsyncAPI")).load()
        assert loaded.contract.face == "cortex_async"
        assert [each.name for each in loaded.calls[0].parameters] == ["request_id", "payload"]

    def test_other_kinds_are_passed_over(self, project):
        yaml = API + "- name: all\n  kind: TrafficSplitter\n  apis: []\n"
        assert project(yaml=yaml).match().entry == "cortex.yaml:iris"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (INIT, 'required method "predict" is not defined'),
        (INIT + "    predict = 1\n", '"predict" is defined, but is not a method'),
        (
            "    def __init__(self): pass\n    def predict(self): pass\n",
            'invalid signature for method "__init__(self)": "config" is a required argument, but was not provided',
        ),
        (
            "    def predict(self): pass\n",
            'invalid signature for method "__init__(self)": "config" is a required argument, but was not provided',
        ),
        (
            "    def __init__(self, config, x): pass\n    def predict(self): pass\n",
            'invalid signature for method "__init__(self, config, x)": "x" is not a supported argument',
        ),
        (
            INIT + "    def predict(self, payload, t=1): pass\n",
            'invalid signature for method "predict(self, payload, t)": "t" is not a supported argument',
        ),
        (
            INIT + "    def predict(payload, self): pass\n",
            'invalid signature for method "predict(payload, self)": "self" must be the first argument',
        ),
        (
            INIT + "    def predict(self): pass\n    def post_predict(self, answer): pass\n",
            'invalid signature for method "post_predict(self, answer)": "answer" is not a supported argument',
        ),
        (
            "    def __init__(self, config, python_client): pass\n    def predict(self): pass\n",
            'invalid signature for method "__init__": "python_client" is given only where models are specified',
        ),
    ],
)
def test_a_wrong_signature_is_said_in_cortexs_words(project, body, words):
    with pytest.raises(ProjectError) as raised:
        project(f"class PythonPredictor:\n{body}").load()
    assert raised.value.message.startswith(f"error: error in predictor.py: class PythonPredictor: {words}")
    assert raised.value.file == "predictor.py"


@pytest.mark.parametrize("body", ["def predict(self, *args, **more): return 1", "def predict(self, *, a=2): return a"])
def test_variadic_and_keyword_arguments_are_let_be(project, body):
    (call,) = made(project(f"class PythonPredictor:\n{INIT}    {body}\n")).calls
    assert call.function() in (1, 2)


def test_a_missing_class_is_said(project):
    with pytest.raises(ProjectError, match=r"^error: error in predictor.py: PythonPredictor class is not defined$"):
        project("class Predictor: pass\n").load()


def test_init_that_fails_keeps_its_words_and_place(project):
    text = PREDICTOR.replace("self.config = config", "raise ValueError('no weights')")
    with pytest.raises(ProjectError) as raised:
        made(project(text))
    assert raised.value.message == "error: predictor.py: __init__: no weights: runtime exception"
    assert (raised.value.file, raised.value.line) == ("predictor.py", 4)
    assert isinstance(raised.value.__cause__, ValueError)


MODELS = "predictor: multi_model_reloading"
BATCH = "predictor: server_side_batching"
BATCHING = "server_side_batching: {{max_batch_size: {}, batch_interval: {}}}"
WHERE = "error: cortex.yaml: iris (RealtimeAPI): "


@pytest.mark.parametrize(
    ("more", "top", "words", "line"),
    [
        ("image: x\nscale: 2", "", 'predictor: key "scale" is not supported', 8),
        ("", "  computer: {}\n", 'key "computer" is not supported', 7),
        ("env: {CORTEX_X: a}", "", "predictor: env: CORTEX_X: environment variables starting with CORTEX_", 7),
        ("env: {A: 1}", "", "predictor: env: A: 1: invalid type (expected string; put it in quotes)", 7),
        ("log_level: loud", "", 'predictor: log_level: invalid value (got "loud", must be one of "debug"', 7),
        ("protobuf_path: a.proto", "", "predictor: protobuf_path is not served by Hotplate", 7),
        ("models: {path: m}", "", 'predictor: models: only "tensorflow" and "onnx" predictors', 7),
        ("multi_model_reloading: {}", "", 'predictor: multi_model_reloading: exactly one of "path", "paths"', 7),
        ("multi_model_reloading: {path: m, cache_size: 2}", "", f"{MODELS}: cache_size is not served", 7),
        ("multi_model_reloading:\n  paths: [{name: a}]", "", f"{MODELS}: paths: path: must be defined", 8),
        (BATCHING.format("1", "1s"), "", f"{BATCH}: max_batch_size: must be greater than or equal to 2 (got 1)", 7),
        (BATCHING.format("2", "1"), "", f"{BATCH}: batch_interval: 1: invalid duration", 7),
        ("python_path: src", "", "predictor: python_path: src: does not exist", 7),
        ("threads_per_process: many", "", 'predictor: threads_per_process: "many": invalid type (expected integer)', 7),
        ("", "  autoscaling: {min_replicas: 0}\n", "autoscaling: min_replicas: must be greater than 0 (got 0)", 7),
        ("", "  autoscaling: {window: 15s}\n", "autoscaling: window: must be a multiple of 10s (got 15s)", 7),
        ("", "  networking: {endpoint: /a//b}\n", 'networking: endpoint: "/a//b" must not have two slashes', 7),
    ],
)
def test_a_wrong_field_is_said_with_its_line(project, more, top, words, line):
    with pytest.raises(ProjectError) as raised:
        project(more=more, top=top).match()
    assert raised.value.message.startswith(WHERE + words)
    assert (raised.value.file, raised.value.line) == ("cortex.yaml", line)
    assert "https://docs.cortex.dev/v/0.32/" in raised.value.hint


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: iris", "name: Iris", 'error: cortex.yaml: Iris (RealtimeAPI): name: "Iris" must contain only lower'),
        ("name: iris", "name: b-iris", 'error: cortex.yaml: b-iris (RealtimeAPI): name: must not start with "b-"'),
        ("name: iris", "nam: iris", 'error: cortex.yaml: api at index 0 (RealtimeAPI): key "nam" is not supported'),
        ("kind: RealtimeAPI", "kind: Realtime", 'error: cortex.yaml: iris (Realtime): kind: invalid value (got "Real'),
        ("type: python", "type: keras", WHERE + 'predictor: type: invalid value (got "keras", must be one of "python"'),
        ("    type: python\n", "", WHERE + "predictor: type: must be defined"),
        ("path: predictor.py", "path: other.py", WHERE + "predictor: path: other.py: does not exist"),
        ("path: predictor.py", "path: model.pickle", WHERE + 'predictor: path: "model.pickle" must end with .py'),
        ("path: predictor.py", "path: ../predictor.py", WHERE + "predictor: path: ../predictor.py: does not exist"),
        ("type: python", "type: onnx", WHERE + 'predictor: models: must be defined for "onnx" predictors'),
        (API, "name: iris\n", "error: cortex.yaml: must be a list of APIs"),
        (API, "- 1\n", "error: cortex.yaml: api at index 0: must be `key: value` lines"),
        (API, "- {name: a, kind: TaskAPI}\n", "error: cortex.yaml: none of its APIs has a predictor"),
        (API, "- {a: &x 1}\n", "Anchors and aliases"),
    ],
)
def test_a_wrong_file_is_said(project, old, new, words):
    with pytest.raises(ProjectError) as raised:
        project(yaml=API.replace(old, new)).match()
    assert raised.value.message.startswith(words)


@pytest.mark.parametrize("field", ["server_side_batching", "processes_per_replica", "multi_model_reloading"])
def test_an_async_api_refuses_what_it_refused(project, field):
    value = {"processes_per_replica": "2"}.get(field, "{path: m}")
    with pytest.raises(ProjectError, match=f"{field} key is not supported for AsyncAPI kind"):
        project(yaml=API.replace("RealtimeAPI", "AsyncAPI"), more=f"{field}: {value}").match()
