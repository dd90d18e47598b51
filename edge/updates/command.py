"""`edge-enhance model`: install a profile on this unit, go back to the one before, and say what is there."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge.access.audit import record, who_runs
from edge.basics.command import say
from edge.basics.errors import EdgeError, ModelError, UsageError
from edge.basics.owner import become_owner_of
from edge.basics.progress import told_if_long
from edge.basics.running import run_command
from edge.config import Config
from edge.config_file import load_config
from edge.guard.confined import Confined, TooLong
from edge.models.age import why_older
from edge.models.bundle import Contents
from edge.models.bundle_file import Bundle, expected_sha256, opened_bundle
from edge.models.manifest import read_manifest
from edge.models.profile import MANIFEST_NAME, SHIPPED, load_profile, profile_in, profile_names, profile_roots
from edge.models.trust import accept, vouched, vouched_contents
from edge.updates.proving import PROOF_S, prove_in, prover
from edge.updates.running_unit import RunningUnit
from edge.updates.show import find_shown
from edge.updates.store import ModelStore
from firmware_bridge.command_line import Parser

PROGRAM = "edge-enhance model"
EXAMPLES = """examples:
  sudo edge-enhance model install live-3.bundle      signed by a key in /etc/edge-enhance/keys
  sudo edge-enhance model install live-3.bundle --unsigned --sha256 794169e2...
  sudo edge-enhance model rollback                   the version before, at once
  edge-enhance model list
  edge-enhance model show live                       its card; or show live-3.bundle, or a folder"""
SHORT = 12


def parser() -> Parser:
    top = Parser(prog=PROGRAM, description=__doc__, epilog=EXAMPLES)
    commands = top.add_subparsers(dest="command")
    install = commands.add_parser("install", help="check a bundle, prove it and put it in use, live where a unit runs")
    install.add_argument("file", type=Path, metavar="FILE", help="made by edge-export bundle")
    install.add_argument("--sha256", metavar="HEX", help="what the file must hash to; else FILE.sha256 says it")
    install.add_argument("--unsigned", action="store_true", help="take it though nobody signed it; is logged")
    install.add_argument("--downgrade", action="store_true", help="take it though it is older; is logged")
    install.set_defaults(run=run_install)
    rollback = commands.add_parser("rollback", help="put the version before in use again")
    rollback.add_argument("profile", nargs="?", metavar="PROFILE", help="by default the configured one")
    rollback.set_defaults(run=run_rollback)
    for command in (install, rollback):
        command.add_argument(
            "--proof-s", type=_seconds, default=PROOF_S, metavar="S", help="what its proof may take, 10 to 3600"
        )
    listing = commands.add_parser("list", help="every profile and its versions")
    listing.set_defaults(run=run_list)
    show = commands.add_parser(
        "show", help="a profile's card: what it is for, made from, how good, what it draws itself"
    )
    show.add_argument("profile", metavar="NAME", help="a profile, its folder, or its bundle")
    show.add_argument("--json", action="store_true", help="the same for programs")
    show.set_defaults(run=run_show)
    for command in (install, rollback, listing, show):
        command.add_argument("--config", type=Path, metavar="FILE", help="the unit's TOML, as for --live")
    return top


def _seconds(text: str) -> float:
    value = float(text) if text.isascii() and text.isdigit() else 0.0
    if not 10 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text[:40]!r}: expected 10 to 3600 seconds")
    return value


def run_install(args: argparse.Namespace, config: Config) -> int:
    store = _store(config)
    with opened_bundle(args.file) as bundle, prover(args.proof_s) as confined:
        contents, person = bundle.contents, who_runs()
        sha256 = expected_sha256(args.file, args.sha256, is_signed=bundle.signature is not None)
        if args.unsigned:
            _accept(bundle, config, person)
        who = vouched_contents(contents, bundle.signature, config.engine.keys, args.file)
        become_owner_of(store.root)  # what root alone may read or write is done

        older = ""

        def proving(part: Path) -> None:
            nonlocal older
            older = _why_older(store, contents.profile, part)
            if older and not args.downgrade:
                raise ModelError(f"{args.file}: older than what is in use: {older}; --downgrade says that it is meant")
            _proven(confined, part, config, args.file)

        with _held(store):
            name, before = store.take(bundle, sha256, proving)
            _put_in_use(store, contents.profile, name, before, config)
    told = f"{contents.profile} {contents.version}, sha256 {contents.model_sha256[:SHORT]}, as {name}"
    if older:
        record(config, "model-downgraded", person, **_named(contents), reason=older)
    record(config, "model-installed", person, **_named(contents), vouched=who)
    say(f"installed: {told}; {who}")
    return 0


def _accept(bundle: Bundle, config: Config, person: str) -> None:
    """Record that a bundle is taken without a signature."""
    if config.engine.keys:
        accept(bundle.contents, Path(config.engine.keys))
    record(config, "model-accepted-unsigned", person, **_named(bundle.contents))


def _named(contents: Contents) -> dict[str, str]:
    """How the audit log names a model."""
    return {"model": f"{contents.profile} {contents.version}", "sha256": contents.model_sha256, "folder": contents.name}


def _why_older(store: ModelStore, profile: str, part: Path) -> str:
    """Why what was unpacked is older than what is in use, installed or shipped; empty where it is not."""
    before = store.in_use(profile)
    try:
        old = read_manifest((store.folder(before) if before else SHIPPED / profile) / MANIFEST_NAME)
    except ModelError:  # damaged, or none ships: there is nothing to be older than
        return ""
    return why_older(read_manifest(part / MANIFEST_NAME), old)


def _proven(confined: Confined, folder: Path, config: Config, origin: object) -> None:
    try:
        with told_if_long(f"{origin}: the model is tried, which may take a minute", say):
            prove_in(confined, folder, config, say, origin)
    except TooLong as error:
        todo = "where the unit is slow or busy give it longer, as in --proof-s 600; a live profile needs seconds"
        raise ModelError(f"not installed: {error}; {todo}") from error
    except ModelError as error:
        raise ModelError(f"not installed: {error}") from error


def run_rollback(args: argparse.Namespace, config: Config) -> int:
    store, profile, person = _store(config), args.profile or config.engine.profile, who_runs()
    with prover(args.proof_s) as confined:
        become_owner_of(store.root)
        told = _rolled_back(store, profile, config, confined)
    record(config, "model-rolled-back", person, model=told)
    say(f"in use again: {told}")
    return 0


def _rolled_back(store: ModelStore, profile: str, config: Config, confined: Confined) -> str:
    """What is in use again, after what, in words."""
    with _held(store):
        before = store.in_use(profile)
        if not before:
            raise ModelError(f"{store.root / profile}: nothing is installed there, so there is nothing to go back from")
        name = store.previous_of(before)
        if name:
            store.checked(name)
            vouched(profile_in(store.folder(name).resolve(), profile), config.engine.keys)
            _proven(confined, store.folder(name), config, store.folder(name))
            store.set_previous(name, before)  # so that rollback undoes a rollback
        else:
            load_profile(profile, (SHIPPED,))
        _put_in_use(store, profile, name, before, config)
    return f"{name or f'the shipped {profile}'}, after {before}"


@contextmanager
def _held(store: ModelStore) -> Iterator[None]:
    """The store, held alone, leftovers removed before and after; what is no leftover is told."""
    with store.locked() as pruned:
        for line in pruned.left:
            say(f"left: {line}")
        try:
            yield
        finally:
            store.prune()


def _put_in_use(store: ModelStore, profile: str, name: str, before: str, config: Config) -> None:
    """Exchange the link, and have a running unit take it; where it does not, the link goes back.

    Raises:
        ModelError: the unit refused; `before` is in use.
    """
    unit, stop = RunningUnit(config.web.listen), threading.Event()
    health = unit.health()
    store.use(profile, name)
    if health is None:
        say(f"no unit answers on {config.web.listen}; it takes effect at the next start")
        return
    theirs = health.get("models")
    if isinstance(theirs, str) and theirs != os.path.realpath(store.root):
        of = f"those of {theirs}" if theirs else "the shipped ones alone"
        say(f"the unit that answers on {config.web.listen} (process {health['pid']}) takes {of}; it is left alone")
        return
    is_taken, reason = False, "interrupted"
    try:
        with told_if_long("the running unit takes it", say):
            outcome = unit.reload(health, stop)
        is_taken, reason = outcome.ok, outcome.reason
    finally:
        if not is_taken:
            store.use(profile, before)
    if not is_taken:
        raise ModelError(f"the running unit did not take it, what was in use stays: {reason}")
    sha256 = load_profile(profile, profile_roots(config.engine.models)).sha256
    if health.get("profile") == profile and unit.runs(sha256, stop):
        say(f"the running unit (process {health['pid']}) shows {sha256[:SHORT]}")
    else:
        shown = (unit.health() or health).get("profile") or "no profile"
        say(f"the running unit (process {health['pid']}) has read its files again, and enhances by {shown}")


def run_list(args: argparse.Namespace, config: Config) -> int:
    _read_as_owner(config)
    for line in _listed(config):
        say(line)
    return 0


def _listed(config: Config) -> Iterator[str]:
    roots = profile_roots(config.engine.models)
    store = ModelStore(roots[0]) if config.engine.models else None
    for name in profile_names(roots):
        try:
            profile = load_profile(name, roots)
            description = f"version {profile.manifest['version']}, sha256 {profile.sha256[:SHORT]}, in {profile.folder}"
            description += f", {vouched(profile, config.engine.keys)}"
        except ModelError as error:
            description = f"not to be used: {error}"
        yield f"{name}: {description}{', configured' if name == config.engine.profile else ''}"
        if store is None or not (previous := _previous(store, name)):
            continue
        yield f"  previous: {previous}"


def _previous(store: ModelStore, profile: str) -> str:
    """The version before the one in use, as a person reads it; empty where none was installed."""
    try:
        name = store.in_use(profile)
        if not name:
            return ""
        previous = store.previous_of(name)
        if not previous:
            return "the shipped profile" if profile in profile_names() else "none"
        contents = store.checked(previous)
    except EdgeError as error:
        return f"damaged: {error}"
    return f"version {contents.version}, sha256 {contents.model_sha256[:SHORT]}, in {store.folder(previous)}"


def _read_as_owner(config: Config) -> None:
    if config.engine.models:
        become_owner_of(Path(config.engine.models))


def run_show(args: argparse.Namespace, config: Config) -> int:
    shown = find_shown(args.profile, config, lambda: _read_as_owner(config))
    if args.json:
        say(*shown.json().splitlines())
        return 0
    say(*shown.lines())
    is_installed = bool(config.engine.models) and args.profile in profile_names(profile_roots(config.engine.models))
    if is_installed and (previous := _previous(ModelStore(Path(config.engine.models)), args.profile)):
        say(f"previous: {previous}")
    return 0


def _store(config: Config) -> ModelStore:
    if not config.engine.models:
        raise UsageError(
            "engine.models is empty, so this unit has no folder for profiles of its own; set it in the configuration, "
            'for example engine.models = "/var/lib/edge-enhance/models"'
        )
    return ModelStore(Path(config.engine.models))


def main(argv: Sequence[str] | None = None) -> int:
    def run(args: argparse.Namespace) -> int:
        os.umask(0o022)  # whoever installs, the service reads
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # what was begun is taken back, as by Ctrl-C
        return int(args.run(args, load_config(args.config, {}).config))

    return run_command(parser(), run, argv)


if __name__ == "__main__":
    sys.exit(main())
