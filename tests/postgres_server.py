"""A real PostgreSQL for tests: started on a free port of loopback, gone afterwards; skipped where there is none."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = ("postgres", "nobody")
"""PostgreSQL refuses to run as root: then one of these runs it."""


def binaries():
    """Return the folder of PostgreSQL's programs, None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    path = found[-1] if found else shutil.which("initdb")
    return Path(path).parent if path else None


@contextmanager
def free_port():
    """Lend a port of loopback that nobody else is given meanwhile; who binds to it as PostgreSQL does gets it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        if sys.platform != "linux":
            held.close()  # elsewhere nobody could bind beside it
        yield port


class Server:
    def __init__(self, programs, folder, as_user):
        self.data, self.programs, self.as_user = folder / "data", programs, as_user
        self.call("initdb", "-D", self.data, "-U", "studio", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        with free_port() as self.port:
            options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
            self.call("pg_ctl", "-D", self.data, "-w", "-t", "60", "-l", folder / "log", "-o", options, "start")

    def call(self, program, *arguments):
        command = [str(self.programs / program), *map(str, arguments)]
        done = subprocess.run(command, user=self.as_user, cwd="/", capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stdout + done.stderr

    def database(self, name):
        """Make an empty database and return its URL."""
        self.call("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "studio", name)
        return f"postgresql://studio@127.0.0.1:{self.port}/{name}"

    def stop(self):
        self.call("pg_ctl", "-D", self.data, "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def postgres():
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    as_user = None
    folder = Path(tempfile.mkdtemp(prefix="cuevox-pg-"))
    if os.getuid() == 0:
        import pwd

        as_user = next(user.pw_name for user in pwd.getpwall() if user.pw_name in NOBODY)
        shutil.chown(folder, as_user)
    server = Server(programs, folder, as_user)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
