"""`python -m benchmarks.runtime.streams`: age of a picture when it is drawn, by transport, on this machine.

A time code is drawn into the source picture and read back from the canvas of a headless Chromium; unit and browser
share the machine's cores and its clock.
"""

from __future__ import annotations

from benchmarks.runtime.streams.crowd import crowd
from benchmarks.runtime.streams.measured import HEAD, Wish, unit
from benchmarks.runtime.streams.transports import TRANSPORTS
from benchmarks.runtime.streams.unit import KINDS
from edge.basics.markdown import table
from edge.health.machine import machine_line
from firmware_bridge.command_line import Parser


def main() -> None:
    parser = Parser(prog="python -m benchmarks.runtime.streams", description=__doc__)
    parser.add_argument("--transports", nargs="*", choices=[*TRANSPORTS], default=[*TRANSPORTS], metavar="NAME")
    parser.epilog = f"NAME is one of: {'; '.join(TRANSPORTS)}"
    parser.add_argument("--minutes", type=float, default=1.0, help="for each transport, after five seconds")
    parser.add_argument("--unit", choices=KINDS, default="passthrough", help="raw pictures, or the whole program")
    parser.add_argument("--view", choices=("enhanced", "raw", "pair"), default="enhanced")
    parser.add_argument("--window", default="1920x1080", help="size of the browser's window")
    parser.add_argument("--crowd", action="store_true", help="eight viewers, one stopped dead, in place of a browser")
    args = parser.parse_args()
    print(machine_line())
    if args.crowd:
        head = ("seven of eight viewers", "slowest, pictures/s", "fastest", "unit's memory, MiB")
        print(table(head, crowd(args.minutes * 60)))
        return
    width_px, height_px = (int(side) for side in args.window.split("x"))
    wish = Wish(args.view, (width_px, height_px), args.minutes * 60)
    rows: list[list[object]] = []
    for name in args.transports:
        with unit(args.unit) as (process, address):
            seen = TRANSPORTS[name](process, address, wish)
        rows.append([name, f"{args.unit}, {args.view}", args.window, *seen.row()])
        print(*rows[-1], sep=" | ", flush=True)
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()
