"""A page of a picture file: the pair of it as it is and enhanced, lossless, at 1920x1080."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.basics.folders import read_plain
from edge.batch.checks import is_flat, refuse_flat, refuse_unsound_png
from edge.batch.kinds.kind import Made, Options, Piece, Work, made_content
from edge.pictures.files import PICTURE_SUFFIXES
from edge.pictures.geometry import fit_to_frame, is_cropped
from edge.pictures.image import Mode
from edge.pictures.marks import mark_text, png_bytes
from edge.pictures.reading.picture_file import (
    DamagedPicture,
    Picture,
    PictureFile,
    PictureRefused,
    is_picture,
    num_pages_of,
)
from edge.pictures.reading.refusals import MAX_FILE_BYTES, Refused, refuse_file_size
from edge.pictures.view_names import view_name
from edge.saving.sidecar import SourceFile


class PictureKind:
    """Implements `edge.batch.kinds.kind.Kind`."""

    name = "picture"
    page_letter = "p"
    suffixes = PICTURE_SUFFIXES

    def begins(self, path: Path) -> bool:
        return is_picture(path)

    def num_pages(self, path: Path) -> int:
        return num_pages_of(path)

    def num_frames(self, path: Path) -> int:
        return 1

    def outputs(self, name: str, options: Options, naming: Callable[[str, Mode, str], str]) -> tuple[str, ...]:
        return naming(name, "raw", ".png"), naming(name, "enhanced", ".png")

    def make(self, piece: Piece, work: Work) -> Made:
        source, file = work.kept((piece.path, piece.content is None), lambda: _opened(piece))
        picture = _page(file, piece)
        raw = fit_to_frame(picture.image)
        encoding = work.beside(lambda: png_bytes(raw, mark_text("raw")))
        enhanced = work.enhance(raw)
        refuse_flat(str(piece.path), raw, enhanced)
        enhanced_png, raw_png = png_bytes(enhanced, work.mark), encoding()
        raw_name, enhanced_name = self.outputs(piece.name, piece.options, view_name)
        for content in (raw_png, enhanced_png):
            refuse_unsound_png(str(piece.path), content)
        work.did_frame()
        files = (
            made_content(raw_name, "raw", raw_png, is_flat=is_flat(raw)),
            made_content(enhanced_name, "enhanced", enhanced_png, is_flat=is_flat(enhanced)),
        )
        size_px = picture.image.shape[1], picture.image.shape[0]
        changes = (*picture.changes, "cropped") if is_cropped(*size_px) else picture.changes
        told = f"{piece.path}: damaged, what could be read of it is enhanced: {picture.damage}"
        return work.made(
            source, size_px, files, changes, warnings=(told,) if picture.damage else (), picture=picture.record()
        )


def _opened(piece: Piece) -> tuple[SourceFile, PictureFile]:
    """The original, read once: its hash is of the bytes that are decoded."""
    content = _content(piece.path) if piece.content is None else piece.content
    source = SourceFile(piece.origin, hashlib.sha256(content).hexdigest(), len(content))
    return source, PictureFile(content, str(piece.path))


def _content(path: Path) -> bytes:
    try:
        refuse_file_size(path.stat().st_size)
        return read_plain(path, MAX_FILE_BYTES)
    except Refused as error:
        raise PictureRefused(f"{path}: {error}") from error
    except OSError as error:
        raise InputOutputError(f"{path}: cannot read the picture: {error.strerror or error}") from error


def _page(file: PictureFile, piece: Piece) -> Picture:
    try:
        return file.page(piece.page, keep_damaged=piece.options.keep_damaged)
    except DamagedPicture as error:
        hint = "" if piece.options.keep_damaged else ", or take what can be read of it with --keep-damaged"
        raise DamagedPicture(f"{error}{hint}") from error
