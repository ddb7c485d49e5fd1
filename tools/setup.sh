#!/usr/bin/env bash
# Sets up .venv and, where it may, the system's packages. Safe to repeat.
#
#   tools/setup.sh core    what `cuevox` itself needs
#   tools/setup.sh dev     and what its tests need
#   tools/setup.sh all     and the neural voices (torch), and what the benchmarks compare with
#   tools/setup.sh plugin  only what builds Cuevox Return, the DAWs' plug-in
#
# PYTHON=… chooses the interpreter that .venv is made of.
set -euo pipefail
cd "$(dirname "$0")/.."

level=${1:?"usage: tools/setup.sh core|dev|all|plugin"}
case $level in
core) extra="" debian="libportaudio2" brew="" ;;
dev) extra="[dev]" debian="libportaudio2 jackd2 sox ffmpeg" brew="jack sox ffmpeg" ;;
all)
    extra="[dev,neural,sherpa,bench,foreign]" brew="jack sox ffmpeg"
    debian="libportaudio2 jackd2 sox ffmpeg supercollider-server gcc libc6-dev libjack-jackd2-dev ardour mediainfo libflite1 festival festvox-us-slt-hts festvox-kallpc16k"
    debian+=" postgresql" # started by the tests themselves, on a port of their own
    debian+=" dpf-source g++ make pkg-config" # the tests build VST3 plug-ins of their own
    debian+=" liblo-tools chromium supercollider-language" # clients that the tests run
    debian+=" jalv lilv-utils sordi strace g++-mingw-w64-x86-64-posix" # hosts and judges of Cuevox Return
    ;;
plugin) extra="" debian="dpf-source g++ make pkg-config" brew="" ;;
*)
    echo "tools/setup.sh: no level named '$level'; there is: core, dev, all, plugin" >&2
    exit 2
    ;;
esac

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }

as_root() { # runs a command as root where that needs no question, else fails
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

apt() { # jackd2 asks a question unless it is told that nobody is there
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@" >&2
}

missing_debian() { # prints those of its arguments that dpkg does not know as installed
    local package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || printf '%s ' "$package"
    done
}

install_debian() { # installs packages, or says exactly what to type
    local wanted
    wanted=$(missing_debian "$@")
    [ -n "$wanted" ] || return 0
    say "installing system packages: $wanted"
    # shellcheck disable=SC2086 - a list of words is meant
    if as_root true && apt update && apt install -y --no-install-recommends $wanted; then
        return 0
    fi
    say "these packages are missing and can't be installed from here; to install them:"
    echo "    sudo apt-get update && sudo apt-get install -y $wanted" >&2
    return 1
}

install_brew() {
    local formula
    for formula in "$@"; do
        brew list --formula "$formula" >/dev/null 2>&1 || HOMEBREW_NO_AUTO_UPDATE=1 brew install "$formula" >&2 || return 1
    done
}

install_system() { # without its packages Cuevox goes on: null output, and tests that need more are skipped
    if command -v apt-get >/dev/null; then
        # shellcheck disable=SC2086
        install_debian $debian || say "going on without them: no sound card output, tests that need them are skipped"
    elif command -v brew >/dev/null; then
        # shellcheck disable=SC2086
        [ -z "$brew" ] || install_brew $brew || say "going on without: $brew"
    elif [ "$(uname)" = Linux ]; then
        say "no apt-get here; install PortAudio's library (and for tests: $debian) with your package manager. Going on."
    fi
}

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, '"$2"'))' 2>/dev/null; }

find_python() { # the versions that constraints.txt was made for come first
    local candidate
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        fits "$candidate" 14 && { echo "$candidate"; return; }
    done
    fits python3 99 && { echo python3; return; }
    say "Cuevox needs Python 3.11 or newer; there is: $(python3 --version 2>&1 || echo none)"
    exit 1
}

make_venv() {
    local python version
    if [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1; then return; fi
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then # Debian keeps them in a package of their own
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        install_debian "python$version-venv" || exit 1
    fi
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

install_python() {
    say "installing Python packages (pinned by constraints.txt)"
    PIP_BUILD_CONSTRAINT=constraints.txt .venv/bin/python -m pip install --disable-pip-version-check --retries 5 \
        --timeout 60 --quiet --constraint constraints.txt --editable ".$extra"
}

install_mlx() { # on Linux it is only compared with PyTorch; where there is no build of it, those tests are skipped
    PIP_BUILD_CONSTRAINT=constraints.txt .venv/bin/python -m pip install --disable-pip-version-check --retries 5 \
        --timeout 60 --quiet --constraint constraints.txt --editable ".[mlx]" ||
        say "going on without MLX: its tests are skipped"
}

install_node() { # OSC libraries for Node.js, whose clients the tests run where there is Node.js
    command -v npm >/dev/null || { say "no npm here: tests with clients for Node.js are skipped"; return 0; }
    say "installing packages for Node.js"
    npm install --prefix .venv/node --no-audit --no-fund --silent osc@2.4.5 node-osc@11.7.1 oscquery@1.1.1 >&2 ||
        say "going on without them: tests with clients for Node.js are skipped"
}

install_pipewire() { # sends and hears VBAN, as Cuevox does; Debian 12's own is too old, so a newer one lies in .venv, unpacked
    local there=.venv/pipewire release uri folder
    { command -v apt-get && [ ! -d "$there" ] && [ -r /etc/os-release ]; } >/dev/null || return 0
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    uri=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $release" 'Created-By: Packages' | head -n 1)
    folder=$(mktemp -d)
    mkdir -p "$folder"/{lists,cache,debs,tree}
    echo "deb $uri $release-backports main" >"$folder/list"
    say "unpacking PipeWire of $release-backports into $there"
    (
        cd "$folder/debs"
        own=(-q -o Dir::Etc::sourcelist="$folder/list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$folder/lists"
            -o Dir::Cache="$folder/cache" -o APT::Sandbox::User=root)
        apt-get "${own[@]}" update && apt-get "${own[@]}" download pipewire-bin libpipewire-0.3-modules \
            libpipewire-0.3-0 libspa-0.2-modules && for deb in *.deb; do dpkg-deb -x "$deb" "$folder/tree"; done
    ) >&2 && mv "$folder/tree" "$there" || say "going on without it: tests with PipeWire are skipped"
    rm -rf "$folder"
}

compile_code() { # here, so that no first start or note waits for a compiler
    say "compiling the mixer's kernels"
    .venv/bin/python -m compileall -q engine bridge cuevox.py >&2
    .venv/bin/python -m engine.mixer.compile >&2
}

install_system
[ "$level" != plugin ] || exit 0
make_venv
install_python
compile_code
[ "$level" != all ] || install_mlx
[ "$level" != all ] || install_node
[ "$level" != all ] || install_pipewire
case $level in # what a level needs, the ones before it have too
all) touch .venv/.cuevox-core .venv/.cuevox-dev .venv/.cuevox-all ;;
dev) touch .venv/.cuevox-core .venv/.cuevox-dev ;;
core) touch .venv/.cuevox-core ;;
esac
say "ready"
