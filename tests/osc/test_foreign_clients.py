"""Clients that nobody here wrote: liblo's tools, sclang, libraries for OSC and OSCQuery, a browser, schemathesis."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from served import Running

from bridge.http.server import HttpServer
from engine import commands as do

pytestmark = pytest.mark.extra

NODE_MODULES = Path(__file__).parents[2] / ".venv" / "node" / "node_modules"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def web(running: Running) -> Iterator[int]:
    server = running.call(HttpServer, running.hub, (running.host, running.port))
    _, port = running.wait(server.start("127.0.0.1", 0))
    yield port
    running.wait(server.close())


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        return int(wire.getsockname()[1])


def lines_until(process: subprocess.Popen[str], word: str) -> str:
    """Return what a program prints until a line holds ``word``."""
    assert process.stdout is not None
    heard = ""
    while word not in heard:  # past Python's buffer, whose lines select does not see
        ready, _, _ = select.select([process.stdout], [], [], 20.0)
        assert ready, f"no {word!r} in:\n{heard}"
        told = os.read(process.stdout.fileno(), 65536)
        assert told, f"ended before {word!r}:\n{heard}"
        heard += told.decode()
    return heard


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="needs liblo-tools")
class TestLiblo:
    def test_oscsend_over_udp_and_tcp(self, running: Running) -> None:
        for number, protocol in enumerate(("osc.udp", "osc.tcp"), 1):
            url = f"{protocol}://127.0.0.1:{running.port}/"
            subprocess.run(["oscsend", url, "/strip/voice/gain", "f", f"-{number}"], check=True, timeout=20.0)
            assert running.engine.wait_for(number)[-1] == (do.SetStripGain(strip="voice", gain_db=-float(number)), None)

    def test_oscdump_hears_what_it_is_subscribed_to(self, running: Running) -> None:
        port = free_port()
        dump = subprocess.Popen(["oscdump", "-L", str(port)], stdout=subprocess.PIPE, text=True)
        try:
            while not _listens(dump.pid, port):
                assert dump.poll() is None
            with running.client() as client:
                client.send("/client/url", f"osc.udp://127.0.0.1:{port}/")
                client.send("/subscribe", "/strip/voice/gain")
                lines_until(dump, "/subscribed")
                client.send("/strip/voice/gain", -4.5)
                assert "/strip/voice/gain f -4.5" in lines_until(dump, "-4.5")
        finally:
            dump.terminate()
            dump.communicate()


def _listens(pid: int, port: int) -> bool:
    """Tell whether a process has bound a UDP socket there; trying it ourselves might take the port from it."""
    return any(each.laddr.port == port for each in psutil.Process(pid).net_connections("udp") if each.laddr)


NODE = {
    "osc": """
const osc = require("osc");
const port = new osc.UDPPort({localAddress: "127.0.0.1", localPort: 0, remoteAddress: "127.0.0.1",
                              remotePort: +process.argv[2], metadata: true});
port.on("ready", () => {
  port.send({address: "/subscribe", args: [{type: "s", value: "/strip/voice/gain"}]});
  port.send({timeTag: osc.timeTag(0), packets: [{address: "/strip/voice/gain", args: [{type: "f", value: -9}]}]});
});
port.on("message", m => {
  console.log(m.address, ...m.args.map(a => a.value));
  if (m.address === "/strip/voice/gain" && m.args[0].value === -9) process.exit(0);
});
port.open();
""",
    "osc-websocket": """
const osc = require("osc");
const port = new osc.WebSocketPort({url: `ws://127.0.0.1:${process.argv[2]}/`, metadata: true});
port.on("ready", () => {
  port.send({address: "/subscribe", args: [{type: "s", value: "/strip/voice/gain"}]});
  port.send({address: "/strip/voice/gain", args: [{type: "f", value: -9}]});
});
port.on("message", m => {
  console.log(m.address, ...m.args.map(a => a.value));
  if (m.address === "/strip/voice/gain" && m.args[0].value === -9) process.exit(0);
});
port.open();
""",
    "node-osc": """
const { Client, Server } = require("node-osc");
const server = new Server(0, "127.0.0.1", () => {
  const client = new Client("127.0.0.1", +process.argv[2]);
  const own = server._sock.address().port;
  client.send("/client/replyport", own, () =>
    client.send("/client/bundles", 0, () =>
      client.send("/subscribe", "/strip/voice/gain", () =>
        client.send("/strip/voice/gain", -9.5, () => {}))));
});
server.on("message", m => { console.log(...m); if (m[0] === "/strip/voice/gain" && m[1] === -9.5) process.exit(0); });
""",
}


@pytest.mark.skipif(not NODE_MODULES.is_dir() or shutil.which("node") is None, reason="needs Node.js and its packages")
@pytest.mark.parametrize("library", NODE)
def test_node_libraries(library: str, running: Running, web: int, tmp_path: Path) -> None:
    script = tmp_path / "client.cjs"
    script.write_text(NODE[library])
    port = web if library == "osc-websocket" else running.port
    env = {**os.environ, "NODE_PATH": str(NODE_MODULES)}
    done = subprocess.run(["node", str(script), str(port)], env=env, capture_output=True, text=True, timeout=60.0)
    assert done.returncode == 0, done.stdout + done.stderr
    assert isinstance(running.engine.commands[0], do.SetStripGain)


QUERY = """
const { OSCQueryDiscovery } = require("oscquery");
(async () => {
  const service = await new OSCQueryDiscovery().queryNewService("127.0.0.1", +process.argv[2]);
  const gain = service.resolvePath("/strip/voice/gain");
  const leaves = service.flat();
  console.log(JSON.stringify({
    port: service.hostInfo.oscPort, value: gain.getValue(0), leaves: leaves.length,
    range: leaves.find(l => l.full_path === "/strip/voice/gain").arguments[0].range,
  }));
  process.exit(0);
})();
"""


@pytest.mark.skipif(not (NODE_MODULES / "oscquery").is_dir(), reason="needs the package oscquery for Node.js")
def test_an_oscquery_client_for_node(running: Running, web: int, tmp_path: Path) -> None:
    running.call(running.engine.apply, do.SetStripGain(strip="voice", gain_db=-7.5))
    script = tmp_path / "query.cjs"
    script.write_text(QUERY)
    env = {**os.environ, "NODE_PATH": str(NODE_MODULES)}
    done = subprocess.run(["node", str(script), str(web)], env=env, capture_output=True, text=True, timeout=60.0)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["port"], told["value"]) == (running.port, -7.5)
    assert (told["range"]["min"], told["range"]["max"]) == (-100, 12)
    exist = {leaf.address for leaf in running.hub.tree.every("", running.engine) if not leaf.route.wrapper}
    assert told["leaves"] == len(exist)


def test_an_oscquery_client_for_python(running: Running, web: int) -> None:
    client_module = pytest.importorskip("pythonoscquery.osc_query_client")
    from zeroconf import ServiceInfo

    kind = "_oscjson._tcp.local."
    found = ServiceInfo(kind, f"Cuevox.{kind}", port=web, addresses=[socket.inet_aton("127.0.0.1")])
    client = client_module.OSCQueryClient(found)
    host = client.get_host_info()
    assert (host.osc_ip, host.osc_port, host.osc_transport) == ("127.0.0.1", running.port, "UDP")
    node = client.query_node("/strip/voice/gain/norm")
    assert node.value == [0.75] and node.are_values_valid([0.5])
    cue = client.query_node("/cue/12a/state")
    assert (cue.value, cue.access.value) == (["ready"], 1)
    with pytest.raises(ValueError, match="container nodes"):
        client.query_node()  # it knows no nodes with a value and others below, as /strip/voice/gain is one


SCLANG = """
var engine = NetAddr("127.0.0.1", %d);
OSCFunc({ |message, time, from|
  (message[0].asString ++ " " ++ message[1]).postln;
  if (message[1] == -9.5) { "heard".postln; 0.exit };
}, "/strip/voice/gain");
engine.sendMsg("/subscribe", "/strip/voice/gain");
engine.sendMsg("/strip/voice/gain", -3);
engine.sendBundle(2.0, ["/strip/voice/gain", -9.5], ["/cue/1/go"]);
SystemClock.sched(30, { "nothing heard".postln; 1.exit });
"""


@pytest.mark.skipif(shutil.which("sclang") is None, reason="needs supercollider-language")
@pytest.mark.timeout(180)
def test_sclang_sends_bundles_that_are_met_together_and_hears_what_it_subscribed_to(
    running: Running, tmp_path: Path
) -> None:
    script = tmp_path / "client.scd"
    script.write_text(SCLANG % running.port)
    homes = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    env = {**os.environ, **homes, "QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1"}
    done = subprocess.run(["sclang", str(script)], env=env, capture_output=True, text=True, timeout=150.0)
    assert done.returncode == 0 and "heard" in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]
    (plain, at_once), (later, frame), (cue, same) = running.engine.wait_for(3)
    assert (plain, at_once) == (do.SetStripGain(strip="voice", gain_db=-3.0), None)
    assert (later, cue) == (do.SetStripGain(strip="voice", gain_db=-9.5), do.GoCue(cue="1"))
    assert frame == same and frame is not None


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.timeout(240)
def test_the_page_in_a_browser(running: Running, web: int) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"http://127.0.0.1:{web}/")
        page.wait_for_selector("#state:has-text('live')")
        page.fill("#filter", "/strip/voice/gain")
        slider = page.locator('[data-address="/strip/voice/gain"] input[type=range]')
        slider.evaluate("s => { s.value = -12.5; s.dispatchEvent(new Event('input')); }")
        assert running.engine.wait_for(1)[-1] == (do.SetStripGain(strip="voice", gain_db=-12.5), None)
        running.call(running.engine.apply, do.SetStripGain(strip="voice", gain_db=3.0))
        page.wait_for_function(
            "() => +document.querySelector('[data-address=\"/strip/voice/gain\"] input').value === 3"
        )
        page.fill("#filter", "/cue/1/go")
        page.click('[data-address="/cue/1/go"] button')
        running.engine.wait_for(3)
        assert do.GoCue(cue="1") in running.engine.commands
        browser.close()
        assert problems == []


@pytest.mark.timeout(400)
def test_schemathesis_finds_nothing(web: int, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    program = Path(sys.executable).with_name("schemathesis")
    command = [
        str(program), "run", f"http://127.0.0.1:{web}/openapi.json", "--include-path-regex", "command|connect|speech",
        "--max-examples", "25", "--generation-deterministic", "--phases", "examples,fuzzing",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=380.0, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
