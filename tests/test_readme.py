"""The README says what is there: its commands, options, targets, files and addresses exist."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.cli.main import app
from bridge.routes import ROUTES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```[a-z]*\n(.*?)```", README, re.DOTALL)
COMMANDS = {each.name for each in (*app.registered_commands, *app.registered_groups)}
IN_README = sorted(
    {line.strip() for block in BLOCKS for line in block.splitlines() if line.startswith("cuevox ")}
    | set(re.findall(r"`(cuevox [^`]+)`", README))
)


@pytest.mark.parametrize("line", IN_README)
def test_a_command_exists_with_its_options(line):
    _, name, *arguments = shlex.split(line)
    assert name in COMMANDS
    shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    for option in (a for a in arguments if a.startswith("--") and a != "--"):
        assert option in shown


def test_every_command_is_in_the_table():
    table = set(re.findall(r"^\| `cuevox ([a-z]+)", README, re.MULTILINE))
    assert table == COMMANDS


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))))
def test_a_make_target_exists(target):
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)h][^)]*)\)", README))
def test_a_link_leads_somewhere(link):
    assert (ROOT / link).exists()


@pytest.mark.parametrize("address", sorted(set(re.findall(r"(?:send |\")(/[a-z/]+)", README))))
def test_an_osc_address_is_in_the_table(address):
    parts = address.split("/")
    fits = [
        route.address
        for route in ROUTES
        if len(pattern := route.address.split("/")) == len(parts)
        and all(p.startswith("{") or p == part for p, part in zip(pattern, parts, strict=True))
    ]
    assert fits


def test_ci_runs_what_the_readme_says():
    ci = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"make ([a-z-]+)", ci) == ["test", "test-all"]
    assert all(f"make {target}" in README for target in ("test", "test-all"))


def test_python_in_the_readme_uses_what_there_is():
    import cuevox

    (block,) = (b for b in BLOCKS if "import Cuevox" in b)
    used = set(re.findall(r"cuevox\.([a-z]+)\(", block))
    assert used
    assert used <= set(dir(cuevox.Cuevox))
