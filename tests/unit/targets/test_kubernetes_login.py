"""Which cluster a kubeconfig means, and every way to log in to it."""

from __future__ import annotations

import base64
import datetime
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hotplate.errors import MissingExtra, SettingError, TargetRefused
from hotplate.targets.kubernetes import api
from hotplate.targets.kubernetes.api import Api
from hotplate.targets.kubernetes.kubeconfig import Access, find_access
from hotplate.targets.kubernetes.login import Login


def write(path: Path, **more) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "clusters": [{"name": "c", "cluster": {"server": "https://c.example.org:6443/"}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "models"}}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({**document, **more}))
    return path


def find(*paths: Path, context: str = "") -> Access:
    return find_access(context, environ={"KUBECONFIG": ":".join(map(str, paths)), "HOME": "/nowhere"})


def test_the_current_context_says_cluster_namespace_and_login(tmp_path):
    found = find(write(tmp_path / "a"))
    assert (found.server, found.namespace, found.context) == ("https://c.example.org:6443", "models", "main")
    assert Login(found).header() == {"Authorization": "Bearer secret"}
    assert "secret" not in repr(found)


def test_several_files_are_merged_and_the_first_wins(tmp_path):
    one = tmp_path / "one"
    one.write_text(yaml.safe_dump({"current-context": "far", "users": [{"name": "u", "user": {"token": "first"}}]}))
    far = {"name": "far", "context": {"cluster": "c", "user": "u"}}
    two = write(tmp_path / "two", contexts=[far])
    found = find(one, tmp_path / "missing", two)
    assert (found.context, found.namespace) == ("far", "default")
    assert Login(found).header() == {"Authorization": "Bearer first"}


def test_the_home_has_one_by_itself(tmp_path):
    write(tmp_path / ".kube" / "config")
    assert find_access(environ={"HOME": str(tmp_path)}).context == "main"


def test_paths_are_relative_to_their_file(tmp_path):
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "ca.crt").write_bytes(b"authorities")
    (tmp_path / "token").write_text("from a file\n")
    cluster = {"server": "https://c", "certificate-authority": "pki/ca.crt"}
    path = write(
        tmp_path / "a",
        clusters=[{"name": "c", "cluster": cluster}],
        users=[{"name": "u", "user": {"tokenFile": "token"}}],
    )
    found = find(path)
    assert found.authorities == b"authorities"
    assert Login(found).header() == {"Authorization": "Bearer from a file"}
    (tmp_path / "token").write_text("a new one")  # tokens in files are renewed there
    assert Login(found).header() == {"Authorization": "Bearer a new one"}


def test_in_a_pod_its_account_is_used(tmp_path):
    for name, text in (("token", "pod's"), ("ca.crt", "authorities"), ("namespace", "mine")):
        (tmp_path / name).write_text(text)
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443", "HOME": "/nowhere"}
    found = find_access(environ=environ, account=tmp_path)
    assert (found.server, found.namespace) == ("https://[fd00::1]:443", "mine")
    assert Login(found).header() == {"Authorization": "Bearer pod's"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"current-context": ""}, "no current context"),
        ({"current-context": "gone"}, "There is no context 'gone'"),
        ({"clusters": []}, "names a cluster that is not there"),
        ({"clusters": [{"name": "c", "cluster": {}}]}, "has no address"),
        ({"users": []}, "names a user that is not there"),
        (
            {"clusters": [{"name": "c", "cluster": {"server": "https://c", "certificate-authority": "no"}}]},
            "cannot be read",
        ),
        ({"users": [{"name": "u", "user": {"client-key-data": "?"}}]}, "`client-key` in"),
    ],
)
def test_what_is_wrong_with_a_kubeconfig_is_said(tmp_path, more, words):
    with pytest.raises(SettingError, match=words):
        find(write(tmp_path / "a", **more))


@pytest.mark.parametrize("text", ["{", "[1]", "\0", "!!python/object/apply:os.system [ls]"])
def test_a_file_that_is_no_kubeconfig_is_refused(tmp_path, text):
    (tmp_path / "a").write_text(text)
    with pytest.raises(SettingError):
        find(tmp_path / "a")


def test_no_kubeconfig_is_said_with_the_places_looked_at(tmp_path):
    with pytest.raises(SettingError, match="There is no kubeconfig at .*nothing"):
        find(tmp_path / "nothing")


def plugin(tmp_path: Path, code: str, **more) -> Access:
    program = tmp_path / "login.py"
    program.write_text(code)
    entry = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": [str(program)], **more}
    return Access(server="https://c", user={"exec": entry})


def test_a_program_gives_a_token_and_is_asked_once(tmp_path):
    code = (
        "import json, os, pathlib\n"
        "asked = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "assert asked['spec']['cluster']['server'] == 'https://c' and os.environ['WHO'] == 'me'\n"
        "count = pathlib.Path(__file__).with_name('count')\n"
        "count.write_text(count.read_text() + 'x' if count.exists() else 'x')\n"
        "print(json.dumps({'status': {'token': 'given'}}))\n"
    )
    login = Login(plugin(tmp_path, code, env=[{"name": "WHO", "value": "me"}]))
    assert login.header() == login.header() == {"Authorization": "Bearer given"}
    assert (tmp_path / "count").read_text() == "x"
    login.forget()
    assert login.changes and login.header() and (tmp_path / "count").read_text() == "xx"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit('expired, log in')", "ended with 1: expired, log in"),
        ("print('{}')", "no ExecCredential"),
    ],
)
def test_a_program_that_gives_none_is_said_so(tmp_path, code, words):
    with pytest.raises(TargetRefused, match=words):
        Login(plugin(tmp_path, code)).header()


def test_a_program_that_is_not_there_is_named_with_its_hint(tmp_path):
    with pytest.raises(MissingExtra, match="no-such-program") as caught:
        Login(plugin(tmp_path, "", command="no-such-program", installHint="Get it at example.org")).header()
    assert caught.value.hint == "Get it at example.org"


def test_old_ways_are_refused():
    with pytest.raises(SettingError, match="auth-provider"):
        Login(Access(server="https://c", user={"auth-provider": {"name": "gcp"}}))
    login = Login(Access(server="https://c", user={"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1"}}))
    with pytest.raises(SettingError, match="v1alpha1"):
        login.header()


def test_a_password_is_sent_as_one():
    login = Login(Access(server="https://c", user={"username": "ann", "password": "sesame"}))
    assert base64.b64decode(login.header()["Authorization"].removeprefix("Basic ")) == b"ann:sesame"


class Pki:
    """An authority, and what it signs."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign("authority", self.key, ca=True)

    def _sign(self, name, key, *, ca=False):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if ca else self.certificate.subject
        now = datetime.datetime.now(datetime.UTC)
        made = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
        made = made.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        made = made.add_extension(
            x509.KeyUsage(not ca, *[False] * 4, ca, ca, encipher_only=False, decipher_only=False), critical=True
        )
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return made.add_extension(authority, critical=False).sign(self.key, hashes.SHA256())

    def pair(self, name) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self.pem(self._sign(name, key)), key.private_bytes(*form)

    @staticmethod
    def pem(certificate) -> bytes:
        return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def tls(tmp_path):
    """A server that knows one client by its certificate; its own is for another name than its address."""
    pki = Pki()
    certificate, key = pki.pair("api.example.org")
    (tmp_path / "server.pem").write_bytes(certificate + key)
    (tmp_path / "ca.pem").write_bytes(pki.pem(pki.certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tmp_path / "ca.pem")
    context.load_cert_chain(tmp_path / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *words):
            pass

        def do_GET(self):
            name = dict(part[0] for part in self.connection.getpeercert()["subject"])["commonName"]
            data = b'{"who": "%b"}' % name.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *words: None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield pki, f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_client_certificate_logs_in_and_the_servers_is_checked(tls, monkeypatch):
    monkeypatch.setattr(api, "PAUSE_S", 0.001)
    pki, url = tls
    certificate, key = pki.pair("ann")
    user = {"client-certificate-data": certificate, "client-key-data": key}
    trusted = pki.pem(pki.certificate)
    with Api(Access(server=url, authorities=trusted, server_name="api.example.org", user=user)) as cluster:
        assert cluster.get("/version", "say its version") == {"who": "ann"}
    for authorities in (trusted, Pki.pem(Pki().certificate)):  # of another name, and of another authority
        with (
            Api(Access(server=url, authorities=authorities, user=user)) as cluster,
            pytest.raises(TargetRefused, match="certificate that is not trusted"),
        ):
            cluster.get("/version", "say its version")
    with Api(Access(server=url, insecure=True, user=user)) as cluster:
        assert cluster.get("/version", "say its version") == {"who": "ann"}
