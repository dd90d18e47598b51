"""Stands for a proof on a kernel that lacks Landlock."""

import edge.guard.sandbox as sandbox


def load():
    def refused(reach):
        raise OSError(38, "there is no Landlock")

    sandbox.restrict_files = refused


def lines(argument):
    yield "proven"
