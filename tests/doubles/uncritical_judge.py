"""Plays `OutputJudge` and finds no fault."""


class Uncritical:
    def fault(self, raw, made):
        return ""

    def forget(self):
        pass

    def look_through(self, correction, is_known):
        pass
