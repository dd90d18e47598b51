"""`edge-train prepare`: from a folder of pictures to a manifest, with a person's decision in between."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from edge.basics.errors import ConfigError, UsageError
from trainer.prepare.contact_sheet import Tile, contact_sheets
from trainer.prepare.decision import UNDECIDED, Decision, Row, read_decisions, write_decisions
from trainer.prepare.duplicates import NEAR_DUPLICATE_BITS
from trainer.prepare.groups import HELD_OUT_SHARE, PATIENT, groups_of, patient_of, sides_of
from trainer.prepare.manifest import DOMAINS, SPLITS, Entry, Manifest, write_manifest
from trainer.prepare.scan import MIN_SIZE, Scan, scan_folder

LQ_FOLDERS, HQ_FOLDERS = ("lq", "LQ", "*/lq", "*/LQ"), ("hq", "HQ", "*/hq", "*/HQ")
TABLE = "decision.csv"


Decisions = Mapping[str, Decision]
"""By path."""


def domains_of(paths: Sequence[str], lq: Sequence[str], hq: Sequence[str], decided: Decisions) -> list[str]:
    """Domain of each path: the person's decision, else what its folder or a pattern says, else "unsorted".

    Args:
        lq, hq: folders or globs; `*` also stands for slashes, and a folder stands for all below it.

    Raises:
        ConfigError: a picture is LQ by one pattern and HQ by another, and nobody decided.
    """
    domains = []
    for path in paths:
        by_lq, by_hq = (next((p for p in patterns if _below(path, p)), None) for patterns in (lq, hq))
        by_person = decided.get(path, UNDECIDED).domain
        if not by_person and by_lq and by_hq:
            raise ConfigError(
                f"{path}: LQ by --lq {by_lq} and HQ by --hq {by_hq}; make the patterns exclude each other"
            )
        domains.append(by_person or ("lq" if by_lq else "hq" if by_hq else "unsorted"))
    return domains


def _below(path: str, pattern: str) -> bool:
    pure = PurePosixPath(path)
    folder = pattern.rstrip("/")
    return any(str(part) == folder or fnmatchcase(str(part), folder) for part in (pure, *pure.parents))


def run_prepare(args: argparse.Namespace) -> int:
    """Scan, score and write: the manifest always, the decision table and contact sheets where they are wanted.

    Raises:
        UsageError, ConfigError, InputOutputError: one line each; a decision table that exists is never written over.
    """
    table = _table_of(args)
    decided = read_decisions(args.decision) if args.decision else {}
    scan = scan_folder(args.folder, args.min_size, thumbnails=args.contact_sheet is not None)
    _check_matches(args, scan, decided)
    if args.contact_sheet is not None and table.exists():
        _check_complete(table, scan, decided)
    paths = [picture.path for picture in scan.pictures]
    domains = domains_of(paths, args.lq or LQ_FOLDERS, args.hq or HQ_FOLDERS, decided)
    entries = _entries(scan, domains, decided, args)
    write_manifest(Manifest(args.output, args.folder.resolve(), entries, scan.unreadable))
    if args.contact_sheet is not None or (args.decision is None and "unsorted" in domains):
        _write_table(scan, domains, decided, table, args.contact_sheet)
    for line in _summary(args, entries, table):
        print(line)
    for line in _notes(args, scan, entries, decided):
        print(line, file=sys.stderr)
    return 0


def _entries(scan: Scan, domains: Sequence[str], decided: Decisions, args: argparse.Namespace) -> tuple[Entry, ...]:
    paths, hashes = zip(*((picture.path, picture.phash) for picture in scan.pictures), strict=True)
    decisions = [decided.get(path, UNDECIDED) for path in paths]
    named = [decision.group for decision in decisions]
    groups = groups_of(paths, hashes, args.group_by or PATIENT, args.near_bits, named)
    sides = sides_of(paths, groups, [decision.split for decision in decisions], args.held_out)
    return tuple(
        Entry(
            path=picture.path,
            sha256=picture.sha256,
            width_px=picture.width_px,
            height_px=picture.height_px,
            group=group,
            domain=domain,
            split=side,
            haze=picture.scores.haze,
            focus=picture.scores.focus,
        )
        for picture, group, domain, side in zip(scan.pictures, groups, domains, sides, strict=True)
    )


def _table_of(args: argparse.Namespace) -> Path:
    """Where the decision table goes: not beside decisions that the command does not know, nor sheets among pictures."""
    sheets: Path | None = args.contact_sheet
    table: Path = (args.output.parent if sheets is None else sheets) / TABLE
    if sheets is not None and args.folder.resolve() in (sheets.resolve(), *sheets.resolve().parents):
        raise UsageError(f"--contact-sheet {sheets}: sheets are pictures too; give a folder outside {args.folder}")
    if table.exists() and args.decision is None:
        raise UsageError(f"{table}: may hold decisions; give it with --decision, or remove it to begin again")
    if sheets is not None and table.exists() and args.decision.exists() and not table.samefile(args.decision):
        raise UsageError(f"{table}: may hold decisions and is not --decision {args.decision}; give another folder")
    return table


def _check_matches(args: argparse.Namespace, scan: Scan, decided: Decisions) -> None:
    """A pattern or a table that matches nothing is a slip of the pen."""
    paths = scan.paths
    for option, patterns in (("--lq", args.lq), ("--hq", args.hq)):
        for pattern in patterns or ():
            if not any(_below(path, pattern) for path in paths):
                folders = ", ".join(sorted({path.partition("/")[0] for path in paths if "/" in path})[:8])
                there = f"folders there: {folders}" if folders else "there is no subfolder"
                raise UsageError(f"{option} {pattern}: matches no picture below {args.folder}; {there}")
    if args.group_by is not None and not any(patient_of(path, args.group_by) for path in paths):
        raise UsageError(
            f"--group-by {args.group_by.pattern}: found in no path, such as {paths[0]}; mend the expression"
        )
    if args.decision is not None and not set(decided) & set(paths):
        first = f", such as {next(iter(decided))}," if decided else ""
        raise ConfigError(
            f"{args.decision}: none of its {len(decided)} pictures{first} is in {args.folder}; "
            "give the folder that the table was made for"
        )


def _check_complete(table: Path, scan: Scan, decided: Decisions) -> None:
    new = [picture.path for picture in scan.pictures if picture.path not in decided]
    if new:
        raise UsageError(
            f"{table}: has no line for {len(new)} pictures, such as {new[0]}; give --contact-sheet another folder: "
            f"its {TABLE} will take over what is decided"
        )


def _write_table(scan: Scan, domains: Sequence[str], decided: Decisions, table: Path, sheets: Path | None) -> None:
    ranked = sorted(zip(scan.pictures, domains, strict=True), key=lambda pair: (-pair[0].scores.haze, pair[0].path))
    numbered = [(number, picture, domain) for number, (picture, domain) in enumerate(ranked, start=1)]
    if sheets is not None:
        contact_sheets([Tile(n, p.path, p.scores, domain, p.thumbnail) for n, p, domain in numbered], sheets)
    if not table.exists():
        rows = []
        for number, picture, domain in numbered:
            known = decided.get(picture.path, UNDECIDED)
            decision = replace(known, domain="" if domain == "unsorted" else domain)
            rows.append(Row(number, picture.path, picture.scores, decision))
        write_decisions(rows, table)


def _summary(args: argparse.Namespace, entries: Sequence[Entry], table: Path) -> Iterator[str]:
    counts = Counter((entry.domain, entry.split) for entry in entries)
    yield f"{'domain':10}" + "".join(f"{split:>10}" for split in SPLITS)
    for domain in DOMAINS:
        yield f"{domain:10}" + "".join(f"{counts[domain, split]:10}" for split in SPLITS)
    sizes = Counter(entry.group for entry in entries)
    counted = f"{len(entries)} pictures in {len(sizes)} groups, the largest of {max(sizes.values())}"
    yield f"{args.output}: {counted}"
    num_unsorted = sum(entry.domain == "unsorted" for entry in entries)
    if num_unsorted and args.decision is None:
        yield (
            f"{num_unsorted} pictures are unsorted: write lq or hq into the column domain of {table}, "
            f"then run the same command with --decision {table}"
        )
    elif num_unsorted:
        yield f"{num_unsorted} pictures are unsorted and are not trained on"


def _notes(args: argparse.Namespace, scan: Scan, entries: Sequence[Entry], decided: Decisions) -> Iterator[str]:
    if scan.others:
        counted = ", ".join(f"{suffix} {count}" for suffix, count in sorted(scan.others.items()))
        yield f"files of other kinds, left aside: {counted}"
    gone = sorted(set(decided) - set(scan.paths))
    if gone:
        yield f"{args.decision}: {len(gone)} of its pictures are not in {args.folder}, such as {gone[0]}"
    nameless = [
        entry.path
        for entry in entries
        if not (patient_of(entry.path, args.group_by or PATIENT) or decided.get(entry.path, UNDECIDED).group)
    ]
    if nameless:
        yield (
            f"{len(nameless)} paths name no patient, such as {nameless[0]}: each is taken for a patient of its own; "
            "where a patient has several pictures, give --group-by or fill in the column group of the decision table"
        )
    if len({entry.split for entry in entries}) == 1:
        num_groups = len({entry.group for entry in entries})
        one_sided = f"all pictures are {entries[0].split}: groups: {num_groups}, --held-out {args.held_out}"
        yield f"{one_sided}; give another share"
    yield from (f"{picture.path}: left out: {picture.reason}" for picture in scan.unreadable)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression ({error})") from error
    if pattern.groups != 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected one group in parentheses, which names the patient")
    return pattern


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected WIDTHxHEIGHT in pixels, such as 64x64")
    return int(match.group(1)), int(match.group(2))


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a share from 0 to 1")
    return share


def add_prepare_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `prepare` with the subcommands of `edge-train`."""
    parser = commands.add_parser(
        "prepare",
        help="from a folder of pictures to a training set: rank, sort, split",
        epilog="example: edge-train prepare THROATS -o throats.json --contact-sheet sheets --group-by '(P[0-9]+)'; "
        "sort in sheets/decision.csv; then the same with --decision sheets/decision.csv",
    )
    parser.add_argument("folder", type=Path, help="the pictures, in any subfolders")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the manifest, a JSON file")
    for domain, folders in (("lq", LQ_FOLDERS), ("hq", HQ_FOLDERS)):
        what = f"subfolders or globs of {domain.upper()} pictures (default: subfolders named {folders[0]})"
        parser.add_argument(f"--{domain}", nargs="+", metavar="FOLDER|GLOB", help=what)
    parser.add_argument(
        "--decision", type=Path, metavar="CSV", help="the table that a person filled in: columns domain, group, split"
    )
    what = "regular expression on the relative path whose one group names the patient (default: patient7, case_12, ...)"
    parser.add_argument("--group-by", type=_pattern, metavar="REGEX", help=what)
    what = "share of groups that are held out (default: %(default)s)"
    parser.add_argument("--held-out", type=_share, default=HELD_OUT_SHARE, metavar="SHARE", help=what)
    what = "draw contact sheets there, and put decision.csv beside them"
    parser.add_argument("--contact-sheet", type=Path, metavar="DIR", help=what)
    what = "smaller pictures are left out (default: 64x64)"
    parser.add_argument("--min-size", type=_size, default=MIN_SIZE, metavar="WxH", help=what)
    what = "two pictures this near in perceptual hash are one photo (default: %(default)s of 64)"
    parser.add_argument(
        "--near-bits", type=int, choices=range(65), default=NEAR_DUPLICATE_BITS, metavar="BITS", help=what
    )
    parser.set_defaults(run=run_prepare)
