"""The mailbox between files and a real socket."""

import socket
import threading

import pytest

from bridge.daws import mailbox as mailbox_module
from bridge.daws.mailbox import Mailbox


class Engine:
    """Takes one connection and its lines."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]

    def accept(self):
        self.connection, _ = self._server.accept()
        self.lines = self.connection.makefile("r", encoding="utf-8")

    def hear(self):
        return self.lines.readline().rstrip("\n")

    def close(self):
        self.lines.close()
        self.connection.close()


@pytest.fixture
def box(tmp_path, monkeypatch):
    monkeypatch.setattr(mailbox_module, "RETRY_SECONDS", 0.01)
    folder = tmp_path / "mail"
    folder.mkdir()
    (folder / "to-engine").touch()
    return folder


def write(folder, text):
    with (folder / "to-engine").open("a", encoding="utf-8") as file:
        file.write(text)


def waited(folder, text, turn=1):
    """Return once the mailbox has written ``text``."""
    path, pause = folder / f"from-engine-{turn}", threading.Event()
    while not (path.exists() and text in path.read_text(encoding="utf-8")):
        pause.wait(0.002)


def started(folder, port):
    thread = threading.Thread(target=Mailbox(folder, "127.0.0.1", port, "Reaper").run)
    thread.start()
    return thread


def test_lines_go_both_ways_and_subscriptions_outlive_a_restart(box):
    engine = Engine()
    running = started(box, engine.port)
    engine.accept()
    assert engine.hear() == '/client/name "Reaper"'
    write(box, "/subscribe /cue//state\n#\n/cue/1/go\n/cue/ha")
    assert [engine.hear(), engine.hear()] == ["/subscribe /cue//state", "/cue/1/go"]
    write(box, "lf/go\n")
    assert engine.hear() == "/cue/half/go"
    engine.connection.sendall('/cue/1/state "pläying"\n'.encode())
    waited(box, "pläying")
    engine.close()
    waited(box, "#absent")
    engine.accept()
    assert [engine.hear(), engine.hear()] == ['/client/name "Reaper"', "/subscribe /cue//state"]
    write(box, "#end\n")
    running.join()
    assert not box.exists()
    engine.close()


def test_what_comes_while_there_is_no_engine_is_told_and_never_sent(box):
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    running = started(box, port)
    waited(box, "#absent\n")
    write(box, "/cue/1/go\n")
    waited(box, "#absent /cue/1/go\n")
    write(box, "#end\n")
    running.join()


def test_a_long_file_is_turned(box, monkeypatch):
    monkeypatch.setattr(mailbox_module, "TURN_BYTES", 40)
    engine = Engine()
    running = started(box, engine.port)
    engine.accept()
    engine.connection.sendall(b"/a " + b"1" * 40 + b"\n")
    waited(box, "#next\n")
    engine.connection.sendall(b"/b 2\n")
    waited(box, "/b 2\n", turn=2)
    write(box, "#end\n")
    running.join()
    engine.close()


def test_a_script_that_died_leaves_nothing_behind(box, monkeypatch):
    monkeypatch.setattr(mailbox_module, "QUIET_SECONDS", 0.02)
    engine = Engine()
    running = started(box, engine.port)
    running.join()
    assert not box.exists()
