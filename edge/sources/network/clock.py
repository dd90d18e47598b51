"""When a picture was taken, from the camera's clock and its arrival. No clock of its own: times are given to it."""

from __future__ import annotations

from edge.sources.judgement import LATE_NS, OLDEST_STAMP_NS

_WINDOW_NS = 30_000_000_000
_JUMP_NS = 10_000_000_000
_NUM_STANDING = 3
_USUAL_STEP_NS = 33_000_000
_PAUSE_NS = 250_000_000
_CATCHES_UP_BELOW = 0.6
_SATURATED_FROM = 0.9
_SATURATED_FOR_NS = 3_000_000_000


class CameraClock:
    """Tells by how much a picture came late, from two facts; the larger one counts.

    How much longer it took than the promptest picture of the last half minute: a backlog shows even where the clocks of
    camera and unit have nothing to do with each other. And where the camera tells the time of day of its pictures (RTCP
    sender reports, RFC 3550 section 6.4.1), how long ago that was; a time of day from the future or of more than ten
    seconds ago means that its clock is wrong, and is not used.

    Args:
        trusts_time_of_day: else the first fact alone counts.

    Attributes:
        has_just_jumped: the camera's time was set before the last picture.
        uses_time_of_day: the last picture came with a time of day that can be true.
    """

    def __init__(self, *, trusts_time_of_day: bool = True) -> None:
        self._trusts = trusts_time_of_day
        self._last_media_ns: int | None = None
        self._last_arrived_ns = 0
        self._promptest_ns: list[int] = []
        self._window_began_ns = 0
        self._off_ns: int | None = None
        self.uses_time_of_day = False
        self._num_standing = 0
        self._lag_ns = 0
        self.has_just_jumped = False

    def words(self) -> str:
        """What tells the age, for a person."""
        if self._num_standing >= _NUM_STANDING:
            return "arrival (the camera's own time stands still)"
        if self.uses_time_of_day:
            return "camera's time of day"
        if self._off_ns is None or not self._trusts:
            return "arrival"
        way = "ahead of" if self._off_ns < 0 else "behind"
        return f"arrival (the camera's clock is {abs(self._off_ns) / 1e9:.1f} s {way} this one; set both by NTP)"

    def lag_ns(self, media_ns: int, arrived_ns: int, time_of_day_ns: int | None = None, now_ns: int = 0) -> int:
        """How long ago a picture was taken when it arrived, as far as can be told; 0 to 10 s.

        Args:
            media_ns: the camera's own time of the picture, from any origin.
            arrived_ns: on the clock of `time.monotonic_ns()`.
            time_of_day_ns: when the camera says that it took it, since 1970; None where it says nothing.
            now_ns: this machine's time of day at the arrival, since 1970.
        """
        lag_ns = self._behind_promptest(media_ns, arrived_ns)
        if self._num_standing >= _NUM_STANDING:
            return 0
        if time_of_day_ns is not None and not self.has_just_jumped:
            off_ns = now_ns - time_of_day_ns
            self._off_ns = off_ns
            self.uses_time_of_day = self._trusts and -LATE_NS < off_ns <= OLDEST_STAMP_NS
            if self.uses_time_of_day:
                lag_ns = max(lag_ns, off_ns)
        return min(lag_ns, OLDEST_STAMP_NS)

    def _behind_promptest(self, media_ns: int, arrived_ns: int) -> int:
        offset_ns = arrived_ns - media_ns
        self._num_standing = self._num_standing + 1 if media_ns == self._last_media_ns else 0
        self.has_just_jumped = self._has_jumped(media_ns, arrived_ns)
        if self.has_just_jumped:  # what was late before is so still
            self._promptest_ns = [offset_ns - self._lag_ns]
        self._last_media_ns, self._last_arrived_ns = media_ns, arrived_ns
        if not self._promptest_ns or arrived_ns - self._window_began_ns > _WINDOW_NS:
            # The one before counts too: clocks drift, but not by much in a minute.
            self._promptest_ns = [*self._promptest_ns[-1:], offset_ns]
            self._window_began_ns = arrived_ns
        self._promptest_ns[-1] = min(self._promptest_ns[-1], offset_ns)
        self._lag_ns = offset_ns - min(self._promptest_ns)
        return self._lag_ns

    def _has_jumped(self, media_ns: int, arrived_ns: int) -> bool:
        """Whether the camera's clock was set; one that stands still while time passes is a backlog instead."""
        if self._last_media_ns is None:
            return False
        step_ns = media_ns - self._last_media_ns
        passed_ns = arrived_ns - self._last_arrived_ns
        return step_ns < -1_000_000_000 or step_ns > passed_ns + _JUMP_NS


class Cadence:
    """How far apart a camera's pictures usually are, by its own time, and whether one came after a pause.

    The numbers of H.264's pictures count to 16 and begin anew: a camera that drops so many leaves no gap in them.
    """

    def __init__(self) -> None:
        self._usual_ns = _USUAL_STEP_NS

    def has_paused(self, step_ns: int) -> bool:
        """Whether a picture comes later than six usual steps, and a quarter of a second, after the one before."""
        has_paused = step_ns > max(_PAUSE_NS, 6 * self._usual_ns)
        if step_ns > 0:
            self._usual_ns += (min(step_ns, 8 * self._usual_ns) - self._usual_ns) // 16
        return has_paused


class ArrivalClock:
    """When a picture was taken at the latest, where nothing but its bytes tells.

    It was taken before its first byte was sent. After a pause those that were held back come first, faster than they
    were taken: each is taken for as old as it can be, one step after the one before it, until they come at their usual
    pace.
    """

    def __init__(self) -> None:
        self._last_arrived_ns: int | None = None
        self._taken_ns = 0
        self._step_ns = _USUAL_STEP_NS
        self._catches_up = False
        self._busy = 0.0
        self._idle_ns: int | None = None

    def taken_ns(self, began_ns: int, arrived_ns: int) -> int:
        """Args: when its first and its last byte came."""
        last_ns, self._last_arrived_ns = self._last_arrived_ns, arrived_ns
        if last_ns is None:
            self._taken_ns = self._idle_ns = began_ns
            return began_ns
        step_ns = max(1, arrived_ns - last_ns)
        self._weigh((arrived_ns - began_ns) / step_ns, arrived_ns)
        if step_ns > max(_PAUSE_NS, 4 * self._step_ns):
            self._catches_up = True
        elif not self._catches_up or step_ns > _CATCHES_UP_BELOW * self._step_ns:
            self._catches_up = False
            self._step_ns += (step_ns - self._step_ns) // 16
        self._taken_ns = min(began_ns, self._taken_ns + self._step_ns) if self._catches_up else began_ns
        return self._taken_ns

    def is_saturated(self, now_ns: int) -> bool:
        """Whether bytes came without a pause for three seconds: pictures queue on the way, nobody knows how many."""
        return self._idle_ns is not None and now_ns - self._idle_ns > _SATURATED_FOR_NS

    def _weigh(self, busy: float, arrived_ns: int) -> None:
        self._busy += (min(1.0, busy) - self._busy) / 8
        if self._busy < _SATURATED_FROM:
            self._idle_ns = arrived_ns
