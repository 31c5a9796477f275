"""A registry that lies, stalls, leads elsewhere or has no room: each is a clear error, and there is no tag."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from contextlib import nullcontext

import pytest
from lying_registry import Said, lying_registry

from hotplate.errors import (
    BlockedURL,
    HotplateError,
    ImageInvalid,
    NotFound,
    RegistryRefused,
    RegistryUnreachable,
)
from hotplate.images import base as bases
from hotplate.images import documents
from hotplate.images.blobs import Blobs
from hotplate.images.documents import CONFIG, INDEX, LAYER_GZIP, MANIFEST, Descriptor, Manifest
from hotplate.images.layers import text, write
from hotplate.images.reference import parse
from hotplate.images.registry import Registry
from hotplate.images.registry_auth import Login
from hotplate.images.registry_upload import upload_blob, upload_image

LOGIN = Login("ann", "pass-of-ann", "", "the test")


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
def liar():
    with lying_registry() as found:
        yield found


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "images" / "blobs")


@pytest.fixture
def registry(liar):
    with Registry(liar.host, LOGIN) as found:
        found.door._sleep = lambda _seconds: None
        yield found


def image(blobs: Blobs) -> tuple[bytes, Descriptor]:
    layer = write([text("opt/hello.txt", b"hello")], blobs)
    config = documents.encode(
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]}}
    )
    described = Descriptor(media_type=CONFIG, digest=blobs.put(config), size=len(config))
    made = Manifest(schema_version=2, media_type=MANIFEST, config=described, layers=(layer.blob,))
    return documents.encode(made), layer.blob


# What it sends


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (Said(body=b"{}", headers={"Docker-Content-Digest": digest(b"other")}), "where 'sha256"),
        (Said(body=b"{}", headers={"Content-Type": "text/html"}), "of a kind that is not read"),
        (Said(body=b"[" * 100_000), "of a kind that is not read"),
        (Said(body=b" " * (documents.MAX_DOCUMENT + 1)), "longer than"),
        (Said(body=b"{}", cut=0, headers={"Content-Length": "100"}), "breaks off"),
        (Said(404), "has no image"),
        (Said(418, json.dumps({"errors": [{"code": "TEA\x1b[31m", "message": "a\nb"}]}).encode()), r"TEA\[31m: a b"),
    ],
)
def test_a_manifest_that_is_not_one(liar, registry, said, text):
    liar.answer = lambda _asked: said
    with pytest.raises(HotplateError, match=text) as error:
        registry.document(parse(f"{liar.host}/team/hello:v1"))
    assert isinstance(error.value, ImageInvalid | NotFound | RegistryRefused | RegistryUnreachable)
    assert "\x1b" not in error.value.message and "\n" not in error.value.message


def test_a_manifest_for_a_digest_is_that_one(liar, registry):
    liar.answer = lambda _asked: Said(body=b"{}", headers={"Content-Type": MANIFEST})
    with pytest.raises(ImageInvalid, match="is meant"):
        registry.document(parse(f"{liar.host}/team/hello@{digest(b'wanted')}"))


@pytest.mark.parametrize(
    "change",
    [
        {"layers": [{"mediaType": LAYER_GZIP, "digest": "sha256:../../etc/passwd", "size": 1}]},
        {"layers": [{"mediaType": LAYER_GZIP, "digest": "md5:" + "0" * 32, "size": 1}]},
        {"layers": [{"mediaType": LAYER_GZIP, "digest": digest(b""), "size": -1}]},
        {"layers": [{"mediaType": LAYER_GZIP, "digest": digest(b""), "size": 1 << 60}]},
        {"layers": [{"mediaType": "application/x-something", "digest": digest(b""), "size": 1}]},
        {"layers": [{"mediaType": LAYER_GZIP, "digest": digest(b""), "size": 1}] * 200},
        {"schemaVersion": 1},
        {"config": None},
        {"layers": "many"},
    ],
)
def test_a_manifest_with_what_no_image_has(change):
    good = {"schemaVersion": 2, "config": {"mediaType": CONFIG, "digest": digest(b"{}"), "size": 2}, "layers": []}
    documents.read_manifest(json.dumps(good).encode(), "it")
    with pytest.raises(ImageInvalid):
        documents.read_manifest(json.dumps(good | change).encode(), "it")


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"other", "their digest is wrong"), (b"hell", "sends 4 bytes"), (b"hello and more", "sends more than")],
)
def test_a_blob_that_is_another(liar, registry, blobs, body, text):
    liar.answer = lambda _asked: Said(body=body)
    part = Descriptor(media_type=LAYER_GZIP, digest=digest(b"hello"), size=5)
    with pytest.raises(ImageInvalid, match=text):
        blobs.take(part, registry.blob("team/hello", part), liar.host)
    assert list(blobs.folder.iterdir()) == []


def test_an_endless_blob_is_left_when_it_is_too_long(liar, registry, blobs):
    liar.answer = lambda _asked: Said(body=b"x" * 5_000_000)
    part = Descriptor(media_type=LAYER_GZIP, digest=digest(b"hello"), size=5)
    with pytest.raises(ImageInvalid, match="more than"):
        blobs.take(part, registry.blob("team/hello", part), liar.host)


def test_a_download_goes_on_where_it_broke_off(liar, registry, blobs):
    data = bytes(range(256)) * 400
    part = Descriptor(media_type=LAYER_GZIP, digest=digest(data), size=len(data))

    def answer(asked):
        start = int(asked.headers.get("range", "bytes=0-")[6:-1])
        left = data[start:]
        return Said(206 if start else 200, left, {"Content-Length": str(len(left))}, cut=min(len(left), 30_000))

    liar.answer = answer
    blobs.take(part, registry.blob("team/hello", part), liar.host)
    assert blobs.path(part.digest).read_bytes() == data
    assert len(liar.methods("/blobs/")) == 4


def test_a_download_that_never_comes_on_is_given_up(liar, registry, blobs):
    part = Descriptor(media_type=LAYER_GZIP, digest=digest(b"hello"), size=5)
    liar.answer = lambda _asked: Said(200, b"hello", cut=0)
    with pytest.raises(RegistryUnreachable, match="each time"):
        blobs.take(part, registry.blob("team/hello", part), liar.host)
    assert len(liar.asked) < 20


def test_an_index_that_describes_its_image_wrongly(liar, registry, blobs, tmp_path):
    manifest, _ = image(blobs)
    entry = {"mediaType": MANIFEST, "digest": digest(manifest), "size": len(manifest) + 1}
    entry["platform"] = {"os": "linux", "architecture": "amd64"}
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()

    def answer(asked):
        body, kind = (manifest, MANIFEST) if "sha256" in asked.path else (index, INDEX)
        return Said(body=body, headers={"Content-Type": kind})

    liar.answer = answer
    reference = parse(f"{liar.host}/team/hello:v1")
    with pytest.raises(ImageInvalid, match="wrongly"):
        bases.from_registry(
            reference, "linux/amd64", tmp_path / "images", lambda _ref: nullcontext(registry), lambda *_step: None
        )
    with pytest.raises(ImageInvalid, match="has no image for linux/s390x; it has linux/amd64"):
        bases.from_registry(
            reference, "linux/s390x", tmp_path / "images", lambda _ref: nullcontext(registry), lambda *_step: None
        )


# Where it leads


@pytest.mark.parametrize(
    "place",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/elsewhere",
        "https://[::ffff:10.0.0.1]/x",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://user:pass@127.0.0.1/x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "",
    ],
)
def test_a_redirect_does_not_lead_into_this_network(liar, registry, blobs, place):
    liar.answer = lambda _asked: Said(307, headers={"Location": place})
    part = Descriptor(media_type=LAYER_GZIP, digest=digest(b"hello"), size=5)
    with pytest.raises((BlockedURL, RegistryUnreachable)) as error:
        blobs.take(part, registry.blob("team/hello", part), liar.host)
    assert isinstance(error.value, BlockedURL) or "not known" in error.value.message
    assert len(liar.asked) == 1


def test_redirects_end(liar, registry, blobs):
    liar.answer = lambda asked: Said(307, headers={"Location": asked.path + "x"})
    part = Descriptor(media_type=LAYER_GZIP, digest=digest(b"hello"), size=5)
    with pytest.raises(BlockedURL, match="times"):
        blobs.take(part, registry.blob("team/hello", part), liar.host)
    assert len(liar.asked) == 5


def test_an_authority_may_not_be_in_this_network_and_gets_no_password(liar, registry):
    with lying_registry() as other:
        challenge = f'Bearer realm="http://{other.host}/token",service="x"'
        liar.answer = lambda _asked: Said(401, headers={"WWW-Authenticate": challenge})
        with pytest.raises(BlockedURL, match="no public https address"):
            registry.document(parse(f"{liar.host}/team/hello:v1"))
        assert other.asked == []


def test_a_password_is_not_sent_unasked_and_not_to_another_host(liar, blobs):
    with lying_registry() as other, Registry(liar.host, LOGIN) as registry:
        registry.door._sleep = lambda _seconds: None
        from hotplate.media.addresses import openings

        registry.door._allow = openings(f"127.0.0.0/8:{other.host.partition(':')[2]}")
        other.answer = lambda _asked: Said(body=b"hello")

        def answer(asked):
            if "authorization" not in asked.headers:
                return Said(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            return Said(307, headers={"Location": f"http://{other.host}/store/hello"})

        liar.answer = answer
        part = Descriptor(media_type=LAYER_GZIP, digest=digest(b"hello"), size=5)
        blobs.take(part, registry.blob("team/hello", part), liar.host)
        assert "authorization" not in liar.asked[0].headers and "authorization" in liar.asked[1].headers
        assert "authorization" not in other.asked[0].headers
        assert "pass-of-ann" not in repr(LOGIN)


def test_a_registry_that_never_lets_in_is_not_asked_for_ever(liar, registry):
    count = iter(range(1000))

    def answer(asked):
        if asked.path.startswith("/token"):
            return Said(body=json.dumps({"token": f"t{next(count)}"}).encode())
        return Said(401, headers={"WWW-Authenticate": f'Bearer realm="http://{liar.host}/token",service="x"'})

    liar.answer = answer
    with pytest.raises(RegistryRefused, match="does not let ann in"):
        registry.document(parse(f"{liar.host}/team/hello:v1"))
    assert len(liar.asked) < 10


# A push


def honest(liar, **changes):
    """A registry that takes everything, but for what is changed."""
    has: dict[str, bytes] = {}

    def answer(asked):
        kind = next((name for name in changes if name in f"{asked.method} {asked.path}"), None)
        if kind is not None:
            return changes[kind](asked)
        if asked.method == "HEAD":
            name = asked.path.rpartition("/")[2]
            return Said(200, headers={"Content-Length": str(len(has[name]))}) if name in has else Said(404)
        if asked.method == "POST":
            return Said(202, headers={"Location": "/v2/up/1?state=a"})
        if asked.method == "PUT" and "/manifests/" not in asked.path:
            has[asked.path.partition("digest=")[2].replace("%3A", ":")] = asked.body
        return Said(201)

    liar.answer = answer
    return has


def test_a_push_writes_the_tag_last(liar, registry, blobs):
    manifest, _ = image(blobs)
    has = honest(liar)
    upload_image(registry, parse(f"{liar.host}/team/hello:v1"), manifest, blobs)
    assert len(has) == 2
    assert (liar.asked[-1].method, liar.asked[-1].path) == ("PUT", "/v2/team/hello/manifests/v1")
    assert len(liar.methods("/manifests/")) == 1


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"PUT /v2/up": lambda _asked: Said(507, b"")}, "does not take the part"),
        (
            {"PUT /v2/up": lambda _asked: Said(400, json.dumps({"errors": [{"code": "DIGEST_INVALID"}]}).encode())},
            "DIG",
        ),
        ({"POST /": lambda _asked: Said(403)}, "does not let ann in"),
        ({"POST /": lambda _asked: Said(500)}, "does not take parts"),
        ({"POST /": lambda _asked: Said(202)}, "no place to upload to"),
        ({"POST /": lambda _asked: Said(202, headers={"Location": "https://169.254.169.254/x"})}, "no public https"),
        ({"POST /": lambda _asked: Said(202, headers={"Location": "gopher://x/"})}, "no place to upload to"),
        ({"PUT /v2/up": lambda _asked: Said(201, cut=0, headers={"Content-Length": "9"})}, "never"),
    ],
)
def test_a_push_that_fails_leaves_no_tag(liar, registry, blobs, changes, text):
    manifest, _ = image(blobs)
    honest(liar, **changes)
    if text == "never":
        upload_image(registry, parse(f"{liar.host}/team/hello:v1"), manifest, blobs)
        return
    with pytest.raises(HotplateError, match=text):
        upload_image(registry, parse(f"{liar.host}/team/hello:v1"), manifest, blobs)
    assert liar.methods("/manifests/") == []


def test_a_registry_that_stores_another_manifest_is_found_out(liar, registry, blobs):
    manifest, _ = image(blobs)
    honest(liar, manifests=lambda _asked: Said(201, headers={"Docker-Content-Digest": digest(b"other")}))
    with pytest.raises(ImageInvalid, match="another manifest"):
        upload_image(registry, parse(f"{liar.host}/team/hello:v1"), manifest, blobs)


def test_a_part_in_pieces_goes_on_where_the_registry_says(liar, registry, blobs):
    data = bytes(range(256)) * 40
    with blobs.making() as file:
        file.write(data)
        blobs.name(file, digest(data))
    part = Descriptor(media_type=LAYER_GZIP, digest=digest(data), size=len(data))
    got = bytearray()
    failed = []

    def answer(asked):
        if asked.method == "HEAD":
            return Said(404)
        if asked.method == "POST":
            return Said(202, headers={"Location": "/v2/up/1"})
        if asked.method == "PATCH":
            start, _, end = asked.headers["content-range"].partition("-")
            assert len(got) == int(start) and len(asked.body) == int(end) - int(start) + 1
            if int(start) >= 4000 and not failed:
                failed.append(start)
                got.extend(asked.body[:1000])  # it took some of it, and broke
                return Said(500)
            got.extend(asked.body)
            return Said(202, headers={"Location": "/v2/up/1"})
        if asked.method == "GET":
            return Said(204, headers={"Location": "/v2/up/1", "Range": f"0-{len(got) - 1}"})
        return Said(201)

    liar.answer = answer
    upload_blob(registry, "team/hello", part, blobs.path(part.digest), piece=4000)
    assert bytes(got) == data and failed
    assert liar.methods("/v2/up")[-1] == "PUT"


# Layers of a base


def layer_of(*members: tarfile.TarInfo) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return data.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def look(tmp_path, plain: bytes, diff_id: str = "", kind: str = LAYER_GZIP, packed: bytes | None = None):
    from hotplate.images.rootfs import Rootfs

    path = tmp_path / "layer"
    path.write_bytes(gzip.compress(plain) if packed is None else packed)
    rootfs = Rootfs("base")
    rootfs.add(path, kind, diff_id or digest(plain))
    return rootfs.find([])


def test_a_base_is_looked_into_through_its_links(tmp_path):
    good = layer_of(
        member("bin", tarfile.SYMTYPE, "usr/bin"),
        member("./usr/bin/python3", tarfile.SYMTYPE, "python3.12"),
        member("/usr/bin/python3.12"),
        member("dev/null", tarfile.CHRTYPE),
    )
    found = look(tmp_path, good)
    assert (found.python, found.executable) == ("3.12", "/usr/bin/python3.12")


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        (layer_of(member("../../etc/cron.d/x")), "leads out"),
        (layer_of(member("usr/bin/python3", tarfile.SYMTYPE, "python3")), "no `python3`"),
        (layer_of(member("usr/bin/python3", tarfile.SYMTYPE, "../../../../../../bin/sh")), "no `python3`"),
        (layer_of(member("usr/bin/python3")), "cannot be told which"),
        (layer_of(member("usr/bin/python3.11"), member("usr/bin/.wh.python3.11")), "no `python3`"),
        (b"no archive" * 100, "cannot be read"),
        (layer_of(member("a"))[:700], "no `python3`|cannot be read"),
    ],
)
def test_a_base_that_is_none(tmp_path, plain, text):
    with pytest.raises(ImageInvalid, match=text):
        look(tmp_path, plain)


def test_a_layer_that_unpacks_to_something_else(tmp_path):
    with pytest.raises(ImageInvalid, match="other bytes"):
        look(tmp_path, layer_of(member("usr/bin/python3.11")), diff_id=digest(b"other"))
    with pytest.raises(ImageInvalid, match="cannot be read"):
        look(tmp_path, b"", packed=gzip.compress(layer_of(member("a")))[:40], diff_id=digest(b""))
