"""Installing: whole or not at all, told truly, undone without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.plugin.install import NoFolder, NotBuilt, install, status, uninstall


@pytest.fixture
def built(tmp_path: Path) -> Path:
    bundle = tmp_path / "bin" / "CuevoxReturn.vst3" / "Contents"
    bundle.mkdir(parents=True)
    (bundle / "CuevoxReturn.so").write_bytes(b"code")
    (tmp_path / "bin" / "CuevoxReturnMIDI.clap").write_bytes(b"midi")
    return tmp_path / "bin"


def test_what_is_built_is_copied_told_and_taken_away(built: Path, tmp_path: Path) -> None:
    folders = {suffix: tmp_path / "home" / suffix for suffix in (".vst3", ".clap", ".lv2")}
    folders[".vst3"].mkdir(parents=True)
    (folders[".vst3"] / "Other.vst3").write_bytes(b"not ours")
    assert [state for _, state in status(built, folders)] == ["missing", "missing"]
    assert [state for _, state in install(built, folders)] == ["installed", "installed"]
    (built / "CuevoxReturn.vst3/Contents/CuevoxReturn.so").write_bytes(b"newer")
    assert [state for _, state in status(built, folders)] == ["differs", "installed"]
    assert [state for _, state in install(built, folders)] == ["installed", "installed"]
    assert len(uninstall(folders)) == 2
    assert [path.name for path in (tmp_path / "home").rglob("*") if path.is_file()] == ["Other.vst3"]


def test_a_link_is_replaced_and_what_it_leads_to_stays(built: Path, tmp_path: Path) -> None:
    folders = {suffix: tmp_path / "home" / suffix for suffix in (".vst3", ".clap")}
    mine = tmp_path / "mine"
    for folder in (*folders.values(), mine):
        folder.mkdir(parents=True)
    (mine / "code").write_bytes(b"kept")
    (folders[".vst3"] / "CuevoxReturn.vst3").symlink_to(mine)
    (folders[".clap"] / "CuevoxReturnMIDI.clap").symlink_to(tmp_path / "nowhere")
    assert [state for _, state in install(built, folders)] == ["installed", "installed"]
    assert [path.name for path in mine.iterdir()] == ["code"]
    (folders[".clap"] / "CuevoxReturn.clap").symlink_to(tmp_path / "nowhere")
    assert len(uninstall(folders)) == 3
    assert not [*folders[".vst3"].iterdir(), *folders[".clap"].iterdir()]


def test_a_folder_that_is_none_is_named(built: Path, tmp_path: Path) -> None:
    (tmp_path / ".vst3").write_bytes(b"")
    with pytest.raises(NoFolder, match=r"\.vst3 takes no plug-in .*a folder that you may write to"):
        install(built, {".vst3": tmp_path / ".vst3"})


def test_nothing_built_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotBuilt, match="make plugin"):
        install(tmp_path, {".vst3": tmp_path / "home"})
