"""Which class is the service, in source text and after the import alike."""

from __future__ import annotations

import pytest

from hotplate.dialects.base import Project
from hotplate.errors import ProjectError

HEAD = "from hotplate import Service\n"
INFER = "    def infer(self, prompt: str) -> str: return type(self).__name__\n"


def served(folder, text, **named):
    """The class that answers, its contract, and the same from the source text alone."""
    folder.write("service.py", HEAD + text)
    loaded = folder.load(**named)
    assert folder.describe(**named) == loaded.contract
    return loaded.calls[0].function("x"), loaded.contract


def test_of_several_direct_classes_the_last_in_the_alphabet_is_served_and_that_is_said(folder):
    text = f"class Beta(Service):\n{INFER}class Alpha(Service):\n{INFER}"
    name, contract = served(folder, text)
    assert name == "Beta"
    assert contract.entry == "service:Beta"
    assert "Beta (service.py:2) is served" in contract.warnings[0]
    assert "Alpha (service.py:4)" in contract.warnings[0]


def test_a_named_class_is_served_without_remarks(folder):
    name, contract = served(
        folder, f"class Beta(Service):\n{INFER}class Alpha(Service):\n{INFER}", service_class="Alpha"
    )
    assert (name, contract.entry, contract.warnings) == ("Alpha", "service:Alpha", ())


def test_the_class_below_an_abstract_one_is_found(folder):
    text = f"class ZBase(Service):\n    def setup(self): pass\nclass Model(ZBase):\n{INFER}"
    name, contract = served(folder, text)
    assert name == "Model"
    assert contract.lifecycle.setup


def test_the_last_of_a_concrete_line_is_found_where_the_first_is_abstract(folder):
    name, _ = served(folder, f"class Root(Service): pass\nclass A(Root):\n{INFER}class B(A): pass\n")
    assert name == "B"


def test_a_concrete_direct_class_stays_though_another_derives_from_it(folder):
    name, contract = served(folder, f"class Direct(Service):\n{INFER}class Zed(Direct): pass\n")
    assert name == "Direct"
    assert "Zed (service.py:4)" in contract.warnings[0]


def test_several_equal_classes_are_an_error_that_names_them_and_the_choice(folder):
    folder.write("service.py", HEAD + f"class Root(Service): pass\nclass A(Root):\n{INFER}class B(Root):\n{INFER}")
    with pytest.raises(ProjectError, match=r"more than one service: A \(service.py:3\), B \(service.py:5\)") as raised:
        folder.match()
    assert "--service-class" in str(raised.value.hint)


def test_a_served_class_beside_an_abstract_later_one_and_its_child_is_not_guessed(folder):
    folder.write("service.py", HEAD + f"class A(Service):\n{INFER}class Z(Service): pass\nclass Child(Z):\n{INFER}")
    with pytest.raises(ProjectError, match="more than one service: A .*, Child"):
        folder.match()


def test_an_infer_that_is_declared_abstract_is_none(folder):
    abstract = "    @abstractmethod\n    def infer(self, prompt: str) -> str: ...\n"
    text = f"from abc import abstractmethod\nclass Zed(Service):\n{abstract}class Model(Zed):\n{INFER}"
    assert served(folder, text)[0] == "Model"


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ("from octoai.service import Service", "Service"),
        ("from octoai.service import Service as S", "S"),
        ("import octoai.service", "octoai.service.Service"),
        ("import octoai.service as o", "o.Service"),
        ("from octoai import service", "service.Service"),
        ("from hotplate.authoring import *", "Service"),
        ("import hotplate", "hotplate.Service"),
        ("from hotplate.authoring import Service", "Service"),
        ("try:\n    from octoai.service import Service\nexcept ImportError:\n    Service = object", "Service"),
        ("from .base import Root", "Root"),
        ("from app import base", "base.Root"),
        ("from app.base import *", "Root"),
        ("from app import Exported", "Exported"),
    ],
)
def test_the_base_class_is_seen_through_every_way_of_importing_it(folder, head, base):
    folder.write("app/__init__.py", "from .base import Root as Exported")
    folder.write("app/base.py", "from hotplate import Service\nclass Root(Service): pass")
    folder.write("app/main.py", f"{head}\nclass Model({base}):\n{INFER}")
    loaded = folder.load(service_module="app.main")
    assert loaded.contract.entry == "app.main:Model"
    assert loaded.calls[0].function("x") == "Model"
    assert folder.describe(service_module="app.main").routes == loaded.contract.routes


def test_a_service_imported_into_the_module_is_found(folder):
    folder.write("impl.py", HEAD + f"class Model(Service):\n{INFER}")
    folder.write("service.py", "from impl import Model as Renamed")
    assert folder.load().contract.entry == "service:Renamed"


def test_a_base_class_that_only_an_import_shows_is_served_when_the_module_is_named(folder):
    folder.write("service.py", f"import hotplate\nBase = getattr(hotplate, 'Service')\nclass Model(Base):\n{INFER}")
    with pytest.raises(ProjectError, match="nothing to serve"):
        folder.match()
    assert folder.load(service_module="service").contract.entry == "service:Model"


def test_a_module_without_a_service_says_so(folder):
    folder.write("service.py", "class Model: pass")
    with pytest.raises(ProjectError) as raised:
        folder.load(service_module="service")
    text = "Module 'service' contains no classes extending base 'octoai.service.Service'"
    assert (raised.value.message, raised.value.file) == (text, "service.py")
    assert "write class MyService(Service)" in str(raised.value.hint)


def test_functions_in_the_place_of_a_service_are_named_with_how_to_serve_them(folder):
    functions = "def greet(name: str) -> str: ...\ndef _own(): ...\ndef add(a: int) -> int: ...\n"
    folder.write("model.py", "from os.path import join\n" + functions)
    with pytest.raises(ProjectError) as raised:
        folder.load(service_module="model")
    assert raised.value.hint == "to serve its functions, name them: hotplate run model.py:greet model.py:add"


def test_a_named_class_that_is_not_there_says_so(folder):
    folder.write("service.py", HEAD + f"class Model(Service):\n{INFER}")
    with pytest.raises(ProjectError, match="Modle in module 'service' does not exist"):
        folder.load(service_class="Modle")


def test_classes_that_derive_from_themselves_in_the_text_end(folder):
    folder.write("service.py", "class A(B): pass\nclass B(A): pass\nfrom service import C")
    with pytest.raises(ProjectError, match="nothing to serve"):
        folder.match()


def test_matching_and_describing_never_run_the_project(folder):
    folder.write("service.py", HEAD + f"raise SystemExit('ran')\nclass Model(Service):\n{INFER}")
    assert folder.match().entry == "service:Model"
    assert folder.describe().routes[0].path == "/infer"


def test_evidence_points_at_the_class(folder):
    folder.write("service.py", HEAD + f"\n\nclass Model(Service):\n{INFER}")
    (evidence,) = folder.match().evidence
    assert (evidence.file, evidence.line, evidence.text) == ("service.py", 4, "class Model(Service)")


def test_a_folder_that_does_not_exist_is_not_one_without_a_service(tmp_path):
    from hotplate.dialects import registry

    with pytest.raises(ProjectError, match="is not a folder"):
        registry.detect(Project(root=tmp_path / "nowhere"))
