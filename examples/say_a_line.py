"""Speak one line through the engine that `cuevox run` started, and say how long it sounds.

cuevox run examples/lighthouse/story.yaml
python examples/say_a_line.py "I wish to file a complaint." --voice ghost --track captain
"""

import argparse

from cuevox import Cuevox


def main() -> None:
    """Parse the command line and speak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--voice", default="narrator", help="a voice of `cuevox voices`")
    parser.add_argument("--track", help="whose strip it runs through; default: the track of that voice")
    parser.add_argument("--osc-port", type=int, default=7400)
    options = parser.parse_args()
    with Cuevox(port=options.osc_port) as cuevox:
        seconds = cuevox.say(options.voice, options.text, options.track)
    print(f"{options.voice} speaks for {seconds:.2f} s")  # noqa: T201


if __name__ == "__main__":
    main()
