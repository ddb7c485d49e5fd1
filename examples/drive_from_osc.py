"""Play a rhythm on a pad of the lighthouse, exact to the frame, and fade the harmonium while it lasts.

Each stroke travels as a bundle whose time tag lies a little ahead, so that neither the network nor this script's own
hurry is heard: the strokes are as even as the sound card's clock.

    cuevox run examples/lighthouse/story.yaml
    python examples/drive_from_osc.py --strokes 16 --bpm 132
"""

import argparse
import time

from cuevox import Cuevox

AHEAD_SECONDS = 0.25
RHYTHM = (1.0, 0.4, 0.7, 0.4)
"""Velocities, over and over."""


def play(cuevox: Cuevox, bank: str, index: int, strokes: int, bpm: float) -> None:
    """Send each stroke as an eighth note, time-tagged; wait between them."""
    begin = time.time() + AHEAD_SECONDS
    for stroke in range(strokes):
        due = begin + stroke * 30.0 / bpm
        cuevox.set(f"/slot/{bank}/{index}/trigger", RHYTHM[stroke % len(RHYTHM)], at=due)
        time.sleep(max(0.0, due - time.time()))


def main() -> None:
    """Parse the command line and play."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", default="desk")
    parser.add_argument("--index", type=int, default=1)
    parser.add_argument("--strokes", type=int, default=16)
    parser.add_argument("--bpm", type=float, default=132.0)
    parser.add_argument("--osc-port", type=int, default=7400)
    options = parser.parse_args()
    with Cuevox(port=options.osc_port) as cuevox:
        cuevox.wait_ready()
        cuevox.play()
        cuevox.set("/strip/music/gain", -30.0)
        late = cuevox.get("/status")[7]
        play(cuevox, options.bank, options.index, options.strokes, options.bpm)
        cuevox.set("/strip/music/gain", -15.0)
        print(f"{options.strokes} strokes; late starts: {cuevox.get('/status')[7] - late}")  # noqa: T201
        cuevox.stop()


if __name__ == "__main__":
    main()
