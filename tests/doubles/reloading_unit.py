"""Stands for a running unit: serves `/health` and, on SIGHUP, loads the profile again, as `edge-enhance --live` does.

    python reloading_unit.py --live MODELS PORT_FILE BEHAVIOUR [TOLD]

TOLD: the folder of models that it says it has; MODELS by default.
BEHAVIOUR: take, refuse (the profile in use stays), die, or deaf (the signal is ignored).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from edge.models.profile import load_profile, profile_roots

_, _, models, port_file, behaviour, *told = sys.argv
roots = profile_roots(models)
state = {"pid": os.getpid(), "profile": "live", "model_sha256": load_profile("live", roots).sha256, "reload": None}
state["models"] = os.path.realpath(told[0] if told else models)
num_reloads = 0


def reload(*_: object) -> None:
    global num_reloads
    num_reloads += 1
    if behaviour == "die":
        os._exit(3)
    if behaviour == "take":
        state["model_sha256"] = load_profile("live", roots).sha256
    ok = behaviour == "take"
    state["reload"] = {"count": num_reloads, "at": "", "ok": ok, "reason": "" if ok else "the standby engine failed"}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = json.dumps(state).encode()
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


signal.signal(signal.SIGHUP, signal.SIG_IGN if behaviour == "deaf" else reload)
server = HTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
part = Path(port_file + ".part")
part.write_text(str(server.server_port))
part.rename(port_file)
while True:
    signal.pause()
