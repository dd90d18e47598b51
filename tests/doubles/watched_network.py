"""A machine's network with somebody who writes down all that leaves it; as root.

    python watched_network.py REPORT SECONDS COMMAND...

The command runs in a network namespace whose only way out is a cable to another one. There a name server answers every
name, and every IP packet that arrives is written down, whatever its protocol and port: REPORT gets a line for each,
such as `dns collector.example`, `tcp 192.0.2.9:443`. After SECONDS the command is told to end, by SIGTERM. Its network
outlives it until all that it sent has arrived.
"""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

GUARD_S = 300
"""As of `tests.doubles.waiting`."""
OURS, ANSWERED, THEIRS = "192.0.2.1", "192.0.2.9", "192.0.2.2"
OURS_6, THEIRS_6 = "fd00:192::1", "fd00:192::2"
ETH_P_ALL, IPV4, IPV6 = 3, 0x0800, 0x86DD
PACKET_OUTGOING = 4
TCP, UDP, ICMP_6 = 6, 17, 58
LAST = f"udp {OURS}:9"
"""What is sent when the command has ended: behind it nothing comes."""
SEND_LAST = f"import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'last', ('{OURS}', 9))"
OF_THE_CABLE = range(130, 144)
"""ICMPv6 by which the kernel finds its neighbours and routers."""


def watched(command, report, seconds, **options):
    """Run a command so; the completed process. `report` is the file that is written."""
    own = [sys.executable, __file__, str(report), str(seconds), *map(str, command)]
    begin = ["unshare", "--net", "--mount", "--propagation", "private"]
    return subprocess.run([*begin, *own], capture_output=True, text=True, timeout=seconds + 2 * GUARD_S, **options)


def why_not():
    """Why this machine cannot do it; empty where it can."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    try:
        done = subprocess.run(
            ["unshare", "--net", "--mount", "ip", "link", "add", "name", "out0", "type", "veth", "peer", "name", "in0"],
            capture_output=True,
            text=True,
        )
    except OSError as error:
        return f"needs unshare and ip: {error}"
    return f"no network namespace with a cable: {done.stderr.strip()}" if done.returncode else ""


class Watch:
    """Writes down what arrives at our end of the cable. Attributes: is_over: set when the last of it has come."""

    def __init__(self, report):
        self._report, self.is_over = report, threading.Event()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.bind(("out0", 0))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with self._report.open("a", buffering=1) as file:
            while True:
                frame, (_, kind, direction, *_) = self._socket.recvfrom(65536)
                line = "" if direction == PACKET_OUTGOING else described(kind, frame[14:])
                if line == LAST:
                    self.is_over.set()
                elif line:
                    file.write(f"{line}\n")


def described(kind, packet):
    """One line for an IP packet; nothing for those of the cable itself."""
    if kind == IPV4:
        protocol, header = packet[9], (packet[0] & 15) * 4
        target = socket.inet_ntop(socket.AF_INET, packet[16:20])
    elif kind == IPV6:
        protocol, header = packet[6], 40
        target = socket.inet_ntop(socket.AF_INET6, packet[24:40])
        if protocol == 0:  # a hop-by-hop header, before what the kernel says of its groups
            protocol, header = packet[40], 40 + (packet[41] + 1) * 8
        if protocol == ICMP_6 and packet[header] in OF_THE_CABLE:
            return ""
    else:
        return ""
    if protocol not in (TCP, UDP):
        return f"protocol-{protocol} {target}"
    port = struct.unpack("!H", packet[header + 2 : header + 4])[0]
    if protocol == UDP and port == 53:
        return f"dns {name_in(packet[header + 8 :])}"
    return f"{'tcp' if protocol == TCP else 'udp'} {target}:{port}"


def name_in(query):
    """The name that a DNS query asks for."""
    labels, rest = [], query[12:]
    while rest and rest[0]:
        labels.append(rest[1 : rest[0] + 1].decode(errors="replace"))
        rest = rest[rest[0] + 1 :]
    return ".".join(labels)


def answer_names():
    """Every name is at `ANSWERED`, so that who looked one up goes on to connect."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((OURS, 53))

    def run():
        while True:
            query, asker = server.recvfrom(4096)
            end = query.index(b"\0", 12) + 5
            is_a = query[end - 4 : end - 2] == b"\0\1"
            head = query[:2] + b"\x81\x80" + struct.pack("!HHHH", 1, int(is_a), 0, 0)
            found = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(ANSWERED) if is_a else b""
            server.sendto(head + query[12:end] + found, asker)

    threading.Thread(target=run, daemon=True).start()


def ip(*words, inside=None):
    where = ["nsenter", f"--net=/proc/{inside}/ns/net"] if inside else []
    subprocess.run([*where, "ip", *words], check=True)


def lay_cable():
    ip("link", "set", "lo", "up")
    ip("link", "add", "out0", "type", "veth", "peer", "name", "in0")
    for address in (OURS, ANSWERED):
        ip("address", "add", f"{address}/24", "dev", "out0")
    ip("-6", "address", "add", f"{OURS_6}/64", "dev", "out0", "nodad")
    ip("link", "set", "out0", "up")
    ip("route", "add", "local", "default", "dev", "lo")  # every address is ours, and refuses at once


def plug_in(pid):
    ip("link", "set", "in0", "netns", str(pid))
    ip("link", "set", "lo", "up", inside=pid)
    ip("address", "add", f"{THEIRS}/24", "dev", "in0", inside=pid)
    ip("-6", "address", "add", f"{THEIRS_6}/64", "dev", "in0", "nodad", inside=pid)
    ip("link", "set", "in0", "up", inside=pid)
    ip("route", "add", "default", "via", OURS, inside=pid)
    ip("-6", "route", "add", "default", "via", OURS_6, inside=pid)


def name_server():
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(f"nameserver {OURS}\noptions timeout:1 attempts:1\n")
        file.flush()
        subprocess.run(["mount", "--bind", file.name, os.path.realpath("/etc/resolv.conf")], check=True)


def main(report, seconds, command):
    lay_cable()
    name_server()
    answer_names()
    Path(report).touch()
    watch = Watch(Path(report))
    waits = ["unshare", "--net", "sh", "-c", 'read go; exec "$@" </dev/null', "sh", *command]
    child = subprocess.Popen(waits, stdin=subprocess.PIPE)
    mine = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{child.pid}/ns/net").readlink() == mine:
        time.sleep(0.01)
    plug_in(child.pid)
    network = os.open(f"/proc/{child.pid}/ns/net", os.O_RDONLY)
    child.stdin.write(b"go\n")
    child.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(float(seconds))
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    code = child.wait(GUARD_S)
    time.sleep(0.3)  # for what is still on the cable
    inside = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{network}"]
    subprocess.run([*inside, sys.executable, "-c", SEND_LAST], check=True)
    if not watch.is_over.wait(GUARD_S):
        raise SystemExit("what the command sent did not arrive")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
