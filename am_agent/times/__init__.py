"""The times that a text names in English. Knows text and the calendar; nothing of episodes, files or SQL."""

from am_agent.times.phrases import Period, Times, Unread, holds_time, times_in, years_in

__all__ = ["Period", "Times", "Unread", "holds_time", "times_in", "years_in"]
