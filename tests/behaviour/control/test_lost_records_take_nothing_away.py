"""A control.db that was lost ends no endpoint: control tells whoever asks what is wrong, and calls are answered on."""

from __future__ import annotations

from control_rig import make_revision, refused_control, running_control, short_home


def test_control_says_what_was_lost_and_goes_on_when_it_is_back():
    with short_home() as home:
        with running_control(home) as control:
            make_revision(home, "a" * 12)
            control.good("POST", "/endpoints/one/deploy", {"revision": "a" * 12})
            control.stop()
        before = home.snapshot.read_bytes()
        backup = home.control_db.rename(home.root / "backup")
        with refused_control(home) as control:
            reply = control.ask("GET", "/endpoints")
            assert reply.status == 503
            assert "one is served" in reply.json()["detail"]
            assert str(home.control_db) in reply.json()["detail"]
            assert control.ask("GET", "/endpoints", headers={"Host": "elsewhere.example"}).status == 403
        assert home.snapshot.read_bytes() == before
        for path in home.root.glob("control.db*"):
            path.unlink()
        backup.rename(home.control_db)
        with running_control(home) as control:
            assert [each["name"] for each in control.good("GET", "/endpoints")] == ["one"]
