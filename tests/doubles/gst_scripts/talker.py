"""Writes many lines, as GStreamer with a high debug level does; they have a password in them."""

import sys

for number in range(500):
    sys.stderr.write(f"{number} rtspsrc: cannot open rtsp://doc:Geheim4711@10.0.0.2/x with Geheim4711\n")
