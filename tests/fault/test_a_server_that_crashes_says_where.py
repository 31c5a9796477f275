from __future__ import annotations

import signal

from serving import Server


def test_its_log_has_what_each_thread_did(server: Server) -> None:
    server.process.send_signal(signal.SIGSEGV)
    assert server.process.wait(10) == -signal.SIGSEGV
    server.wait_for(lambda s: s.ended, "the end of the log")
    assert "Fatal Python error: Segmentation fault" in server.text()
    assert "run_loop" in server.text()
