"""Mutual TLS, STOW-RS and dcmtk's storescp: real peers, and what is wrong with them in a line each."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pynetdicom import build_context

from edge.basics.errors import ConfigError
from edge.config import PacsConfig
from edge.pacs.check import tried_out
from edge.pacs.peers import Peer, PeerFailed, associated, pacs_peer
from edge.pacs.ways.commitment import VERIFICATION
from tests.doubles.certificates import Authority
from tests.doubles.orthanc import Orthanc, free_port, needs_orthanc
from tests.doubles.pacs_store import add_pair, pixels, session
from tests.doubles.waiting import wait_until
