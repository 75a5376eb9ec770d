"""The times a text names: a table of phrases as people write them, what is no time, and laws for any text."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.errors import InvalidTime
from am_agent.times import Period, Times, Unread, holds_time, times_in, years_in

WEDNESDAY = datetime(2023, 5, 10, 12, tzinfo=UTC)
ENDS = {"-": datetime.min.replace(tzinfo=UTC), "+": datetime.max.replace(tzinfo=UTC)}

# The phrase, as it is reported; its first day, or - for no beginning; the day after its last, or + for no end.
RELATIVE = [
    ("today", "2023-05-10", "2023-05-11"),
    ("tonight", "2023-05-10", "2023-05-11"),
    ("this morning", "2023-05-10", "2023-05-11"),
    ("yesterday", "2023-05-09", "2023-05-10"),
    ("last night", "2023-05-09", "2023-05-10"),
    ("the day before yesterday", "2023-05-08", "2023-05-09"),
    ("tomorrow", "2023-05-11", "2023-05-12"),
    ("the day after tomorrow", "2023-05-12", "2023-05-13"),
    ("this week", "2023-05-08", "2023-05-15"),
    ("last week", "2023-05-01", "2023-05-08"),
    ("previous week", "2023-05-01", "2023-05-08"),
    ("the week before last", "2023-04-24", "2023-05-01"),
    ("next week", "2023-05-15", "2023-05-22"),
    ("early next week", "2023-05-15", "2023-05-17"),
    ("the past week", "2023-05-03", "2023-05-11"),
    ("in the last week", "2023-05-03", "2023-05-11"),
    ("this weekend", "2023-05-13", "2023-05-15"),
    ("last weekend", "2023-05-06", "2023-05-08"),
    ("over the weekend", "2023-05-06", "2023-05-08"),
    ("next weekend", "2023-05-20", "2023-05-22"),
    ("this month", "2023-05-01", "2023-06-01"),
    ("last month", "2023-04-01", "2023-05-01"),
    ("the end of last month", "2023-04-21", "2023-05-01"),
    ("next month", "2023-06-01", "2023-07-01"),
    ("this year", "2023-01-01", "2024-01-01"),
    ("last year", "2022-01-01", "2023-01-01"),
    ("in the past year", "2022-05-10", "2023-05-11"),
    ("next year", "2024-01-01", "2025-01-01"),
    ("earlier this year", "2023-01-01", "2023-05-11"),
    ("later this month", "2023-05-10", "2023-06-01"),
    ("on Tuesday", "2023-05-09", "2023-05-10"),
    ("on Wednesday", "2023-05-03", "2023-05-04"),
    ("Thursday", "2023-05-04", "2023-05-05"),
    ("on Sat", "2023-05-06", "2023-05-07"),
    ("last Tuesday", "2023-05-09", "2023-05-10"),
    ("next Wednesday", "2023-05-17", "2023-05-18"),
    ("this Friday", "2023-05-12", "2023-05-13"),
    ("in May", "2023-05-01", "2023-06-01"),
    ("in march", "2023-03-01", "2023-04-01"),
    ("in June", "2022-06-01", "2022-07-01"),
    ("in Sept", "2022-09-01", "2022-10-01"),
    ("last May", "2022-05-01", "2022-06-01"),
    ("this may", "2023-05-01", "2023-06-01"),
    ("next May", "2024-05-01", "2024-06-01"),
    ("mid-May", "2023-05-11", "2023-05-21"),
    ("May 8", "2023-05-08", "2023-05-09"),
    ("on may 8", "2023-05-08", "2023-05-09"),
    ("the 8th of May", "2023-05-08", "2023-05-09"),
    ("on 12 May", "2022-05-12", "2022-05-13"),
    ("29 February", "2020-02-29", "2020-03-01"),
    ("Tuesday May 2", "2023-05-02", "2023-05-03"),
    ("5/8", "2023-05-08", "2023-05-09"),
    ("on 13/5", "2022-05-13", "2022-05-14"),
    ("on 8/10", "2022-08-10", "2022-08-11"),
    ("3 hours ago", "2023-05-09", "2023-05-11"),
    ("3 days ago", "2023-05-07", "2023-05-08"),
    ("10 days ago", "2023-04-30", "2023-05-01"),
    ("a couple of days ago", "2023-05-07", "2023-05-10"),
    ("two weeks ago", "2023-04-23", "2023-04-30"),
    ("a few weeks ago", "2023-03-26", "2023-04-30"),
    ("a month ago", "2023-03-18", "2023-05-15"),
    ("two months ago", "2023-02-15", "2023-04-15"),
    ("two years ago", "2020-10-01", "2022-04-01"),
    ("a decade ago", "2011-01-01", "2016-01-01"),
    ("two weeks from now", "2023-05-21", "2023-05-28"),
    ("in the last 3 months", "2023-02-10", "2023-05-11"),
    ("over the past few weeks", "2023-03-29", "2023-05-11"),
    ("in the next two weeks", "2023-05-10", "2023-05-25"),
    ("last summer", "2022-06-01", "2022-09-01"),
    ("in spring", "2023-03-01", "2023-06-01"),
    ("this winter", "2022-12-01", "2023-03-01"),
    ("next autumn", "2023-09-01", "2023-12-01"),
    ("on Monday last week", "2023-05-01", "2023-05-02"),
    ("last week on Tuesday", "2023-05-02", "2023-05-03"),
    ("Friday of this week", "2023-05-12", "2023-05-13"),
    ("Sunday next week", "2023-05-21", "2023-05-22"),
    ("two weeks ago on Monday", "2023-04-24", "2023-04-25"),
    ("May last year", "2022-05-01", "2022-06-01"),
    ("in March of last year", "2022-03-01", "2022-04-01"),
    ("last year in June", "2022-06-01", "2022-07-01"),
    ("in summer last year", "2022-06-01", "2022-09-01"),
    ("on May 8 last year", "2022-05-08", "2022-05-09"),
    ("since Monday", "2023-05-08", "+"),
    ("from Monday to Friday last week", "2023-05-01", "2023-05-06"),
    ("since june", "2022-06-01", "+"),
    ("until last week", "-", "2023-05-08"),
    ("from Monday to Friday", "2023-05-01", "2023-05-06"),
    ("from yesterday until tomorrow", "2023-05-09", "2023-05-12"),
    ("between May 3 and May 10", "2023-05-03", "2023-05-11"),
    ("3-10 May", "2023-05-03", "2023-05-11"),
    ("5/1 - 5/8", "2023-05-01", "2023-05-09"),
]
ABSOLUTE = [
    ("2023-05-08", "2023-05-08", "2023-05-09"),
    ("2023-05-08T09:30:00Z", "2023-05-08", "2023-05-09"),
    ("8 May 2023", "2023-05-08", "2023-05-09"),
    ("the 8th of May, 2023", "2023-05-08", "2023-05-09"),
    ("May 8th, 2023", "2023-05-08", "2023-05-09"),
    ("may 8 2023", "2023-05-08", "2023-05-09"),
    ("Sept. 5, 2022", "2022-09-05", "2022-09-06"),
    ("on Monday, 8 May 2023", "2023-05-08", "2023-05-09"),
    ("5/8/2023", "2023-05-08", "2023-05-09"),
    ("25/12/2022", "2022-12-25", "2022-12-26"),
    ("12/31/99", "1999-12-31", "2000-01-01"),
    ("in May 2023", "2023-05-01", "2023-06-01"),
    ("2023-05", "2023-05-01", "2023-06-01"),
    ("early May 2023", "2023-05-01", "2023-05-11"),
    ("winter of 1941", "1941-12-01", "1942-03-01"),
    ("in the summer of 2022", "2022-06-01", "2022-09-01"),
    ("1995", "1995-01-01", "1996-01-01"),
    ("in 1995", "1995-01-01", "1996-01-01"),
    ("in late 1995", "1995-09-01", "1996-01-01"),
    ("in AD 1066", "1066-01-01", "1067-01-01"),
    ("1990s", "1990-01-01", "2000-01-01"),
    ("the nineties", "1990-01-01", "2000-01-01"),
    ("the '90s", "1990-01-01", "2000-01-01"),
    ("early 1990s", "1990-01-01", "1994-01-01"),
    ("mid-1990s", "1994-01-01", "1997-01-01"),
    ("late 1980s", "1987-01-01", "1990-01-01"),
    ("the 19th century", "1801-01-01", "1901-01-01"),
    ("from 1995 to 1999", "1995-01-01", "2000-01-01"),
    ("between 1995 and 1999", "1995-01-01", "2000-01-01"),
    ("1995-1999", "1995-01-01", "2000-01-01"),
    ("1995–99", "1995-01-01", "2000-01-01"),
    ("2003-05", "2003-01-01", "2006-01-01"),
    ("from Jan 1978 to Mar 1979", "1978-01-01", "1979-04-01"),
    ("from November to February 1979", "1978-11-01", "1979-03-01"),
    ("from May 2021 to July", "2021-05-01", "2021-08-01"),
    ("between 3 and 10 May 2023", "2023-05-03", "2023-05-11"),
    ("from the 3rd to the 10th of May 2023", "2023-05-03", "2023-05-11"),
    ("May 3-10, 2022", "2022-05-03", "2022-05-11"),
    ("May 5, 1821 – June 3, 1850", "1821-05-05", "1850-06-04"),
    ("1/1/2020-2/1/2020", "2020-01-01", "2020-02-02"),
    ("late 1990s to early 2000s", "1997-01-01", "2004-01-01"),
    ("since 1990", "1990-01-01", "+"),
    ("from 1990 onwards", "1990-01-01", "+"),
    ("1990–present", "1990-01-01", "+"),
    ("after 1990", "1991-01-01", "+"),
    ("before 1990", "-", "1990-01-01"),
    ("until 1990", "-", "1991-01-01"),
    ("by 1990", "-", "1991-01-01"),
]
NO_TIME = [
    "May I ask you something?",
    "You may march on, and may I come too?",
    "March on Rome",
    "this may be wrong",
    "What comes next may surprise you",
    "an august body",
    "I sat down in the sun for a second",
    "June and April said hi to Jan; in short, May, June",
    "In a recently built house",
    "every Tuesday",
    "Friday Night Lights",
    "Call me at 5 pm",
    "1500 people and 2000 young people",
    "He made 2000 runs in 1500 theaters",
    "It costs 1500 dollars, $1999 or €1999",
    "1,500 or 15000 or 2500",
    "1500-2000 words",
    "a 2000-year-old tree",
    "the 1500 m race",
    "call 1995",
    "room 1812",
    "version 2.0.1999",
    "555-1995, (202) 555 1999 and +1 202-555-1995",
    "1234 5678 1234 5678",
    "at 1930",
    "1200 BC",
    "3/4 cup, 1/2 of it, 24/7, and 8/10 from me",
    "half a year ago",
    "in the past, the last one, next to this",
]
UNREAD = [
    ("31 February 2023", "there is no such date"),
    ("February 30", "there is no such date"),
    ("2023-13-45", "there is no such date"),
    ("13/45/2023", "there is no such date"),
    ("the 45th of May", "there is no such date"),
    ("May 45, 2023", "there is no such date"),
    ("10-3 May 2023", "it ends before it starts"),
    ("from 1999 to 1995", "it ends before it starts"),
    ("5000 years ago", "it lies outside the calendar"),
]


def _day(written: str) -> datetime:
    return ENDS.get(written) or datetime.fromisoformat(written).replace(tzinfo=UTC)


@pytest.mark.parametrize("sentence", ["{}", "What did Ann say {}?", "(Tell me: {}, please.)"])
@pytest.mark.parametrize(
    ("phrase", "start", "end", "relative"),
    [(*row, True) for row in RELATIVE] + [(*row, False) for row in ABSOLUTE],
)
def test_a_phrase_is_read(phrase: str, start: str, end: str, relative: bool, sentence: str) -> None:
    """Alone and in a sentence, as it stands there."""
    text = sentence.format(phrase)
    assert holds_time(text)
    assert times_in(text, WEDNESDAY) == Times((Period(phrase, _day(start), _day(end), relative),))


@pytest.mark.parametrize("text", NO_TIME)
def test_what_is_no_time(text: str) -> None:
    assert times_in(text, WEDNESDAY) == Times()
    assert years_in(text) == []


@pytest.mark.parametrize(("phrase", "reason"), UNREAD)
def test_what_looks_like_a_time_is_reported_with_the_reason(phrase: str, reason: str) -> None:
    assert times_in(f"What happened {phrase}?", WEDNESDAY) == Times((), (Unread(phrase, reason),))
    assert years_in(phrase) == []


def test_several_times_come_in_the_order_of_the_text() -> None:
    times = times_in("Since 1990 I wait; on 31 June 2020 and last week I did not, in May and June I did.", WEDNESDAY)
    assert [each.phrase for each in times.periods] == ["Since 1990", "last week", "in May", "June"]
    assert [each.phrase for each in times.unread] == ["31 June 2020"]


def test_the_zone_of_now_decides_the_day() -> None:
    """Late in the evening in New York it is tomorrow in UTC; the days are New York's."""
    evening = datetime(2023, 5, 9, 22, tzinfo=ZoneInfo("America/New_York"))
    (today,) = times_in("today", evening).periods
    assert (today.start, today.end) == (datetime(2023, 5, 9, 4, tzinfo=UTC), datetime(2023, 5, 10, 4, tzinfo=UTC))
    assert today.start.tzinfo is today.end.tzinfo is UTC
    (winter,) = times_in("1 January 2023", evening).periods
    assert winter.start == datetime(2023, 1, 1, 5, tzinfo=UTC)


def test_a_day_that_a_zone_left_out_has_no_period() -> None:
    """Samoa had no 30 December 2011."""
    times = times_in("30 December 2011", datetime(2023, 5, 10, tzinfo=ZoneInfo("Pacific/Apia")))
    assert times == Times((), (Unread("30 December 2011", "it lies outside the calendar"),))


def test_now_needs_a_zone() -> None:
    with pytest.raises(InvalidTime, match="time zone"):
        times_in("today", datetime(2023, 5, 10))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("He was born on 12 January 1950.", [(1950, 1950)]),
        ("in March 1998", [(1998, 1998)]),
        ("5/8/2023 and 2021-01-02", [(2023, 2023), (2021, 2021)]),
        ("from 1995 to 1999", [(1995, 1999)]),
        ("from Jan 1978 to Mar 1979", [(1978, 1979)]),
        ("from January to March 1979", [(1979, 1979)]),
        ("World War II (1939–1945)", [(1939, 1945)]),
        ("the 1990s, the mid-1990s and the '60s", [(1990, 1999), (1994, 1996), (1960, 1969)]),
        ("in the eighties", [(1980, 1989)]),
        ("since 1990", [(1990, 9999)]),
        ("from 1990 onwards", [(1990, 9999)]),
        ("from 1990 until today", [(1990, 9999)]),
        ("after 1990", [(1991, 9999)]),
        ("until 1990", [(0, 1990)]),
        ("before 1990", [(0, 1989)]),
        ("the 18th century", [(1701, 1800)]),
        ("In 1995 people voted, in 1996 they did not.", [(1995, 1995), (1996, 1996)]),
        ("last year, in May, two weeks ago", []),
        ("She likes tea.", []),
    ],
)
def test_years_of_a_passage(text: str, years: list[tuple[int, int]]) -> None:
    assert years_in(text) == years


MOMENTS = st.datetimes(
    timezones=st.timezones() | st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))
)
PIECES = st.sampled_from(
    [phrase for phrase, *_ in RELATIVE + ABSOLUTE + UNREAD]
    + ["from", "to", "and", "between", "since", "-", "–", ",", "early", "end of", "the", "99999 years ago", "in May"]
    + ["4000 decades from now", "0000-00-00", "9999", "2100s", "next", "last", "ſunday", "frıday", "\u212a", "\ud800"]
)
TEXTS = st.text() | st.lists(PIECES | st.text(max_size=3)).map(" ".join)


@given(TEXTS, MOMENTS)
def test_any_text_at_any_moment(text: str, now: datetime) -> None:
    """Nothing raises; periods are not empty, and their words and those unread stand in the text in order."""
    times = times_in(text, now)
    assert all(each.start < each.end and each.start.tzinfo is each.end.tzinfo is UTC for each in times.periods)
    for phrases in ([each.phrase for each in times.periods], [each.phrase for each in times.unread]):
        position = 0
        for phrase in phrases:
            position = text.index(phrase, position) + len(phrase)
    assert holds_time(text) or times == Times()
    assert all(0 <= first <= last <= 9999 for first, last in years_in(text))


@given(
    st.sampled_from(["today", "yesterday", "last week", "next week", "last weekend", "this Friday", "10 days ago"])
    | st.sampled_from(["on Tuesday", "last Monday", "next Sunday", "two weeks ago", "from Monday to Friday"])
    | st.sampled_from(["the past two weeks", "since Thursday", "the day after tomorrow", "the week before last"]),
    st.datetimes(timezones=st.just(UTC)).filter(lambda now: 1000 <= now.year < 9000),
    st.integers(-5000, 5000).map(lambda weeks: timedelta(weeks=weeks)),
)
def test_whole_weeks_later_the_same_words_mean_whole_weeks_later(phrase: str, now: datetime, later: timedelta) -> None:
    (before,), (after,) = times_in(phrase, now).periods, times_in(phrase, now + later).periods
    assert after.start == before.start + later
    assert after.end == (before.end if before.end == ENDS["+"] else before.end + later)


@given(st.dates(date(1, 1, 2), date(9999, 12, 30)), MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)))
def test_dates_of_iso_8601_are_read_back(written: date, now: datetime) -> None:
    (period,) = times_in(f"What happened on {written.isoformat()}?", now).periods
    assert (period.start.date(), period.end - period.start) == (written, timedelta(days=1))
    assert not period.relative
    assert years_in(written.isoformat()) == [(written.year, written.year)]


@given(
    st.dates(date(1000, 1, 1), date(2100, 12, 31)), st.sampled_from(["{:%-d %B %Y}", "{:%B %-d, %Y}", "{:%-m/%-d/%Y}"])
)
def test_every_way_to_write_a_date_means_the_same(written: date, form: str) -> None:
    (period,), (iso,) = (times_in(text, WEDNESDAY).periods for text in (form.format(written), written.isoformat()))
    assert (period.start, period.end) == (iso.start, iso.end)


@given(st.lists(st.text("bghkqrvxz", min_size=1) | st.sampled_from(["second", "recently", "soon", "then", "when"])))
def test_words_without_a_word_of_time_hold_none(words: list[str]) -> None:
    text = " ".join(words)
    assert not holds_time(text)
    assert times_in(text, WEDNESDAY) == Times()
    assert years_in(text) == []
