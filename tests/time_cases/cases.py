"""The cases: every window with triggers that never finish and every accumulation, each with the rows that its groups must
have in the end, computed row by row."""

import dataclasses
import datetime
import random

START = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
LATENESS_S = 60  # rows are never later than this
WINDOWS = {
    'fixed': '{type: fixed, size: 60s',
    'fixed_offset': '{type: fixed, size: 60s, offset: 7s',
    'sliding': '{type: sliding, size: 60s, period: 20s',
    'sliding_uneven': '{type: sliding, size: 50s, period: 35s',
    'sliding_gaps': '{type: sliding, size: 20s, period: 30s',
    'sessions': '{type: sessions, gap: 12s',
    'global': '{type: global',
}
TRIGGERS = {
    'default': '',
    'early_count': ', trigger: {early: {count: 3}, late: {count: 1}}',
    'early_every': ', trigger: {early: {every: 3ms}, late: {count: 1}}',
    'late_count': ', trigger: {late: {count: 2}}',
    'late_every': ', trigger: {late: {every: 3ms}}',
    'early_late': ', trigger: {early: {count: 1}, late: {count: 3}}',
    'each_row': ', trigger: {repeat: {after_count: 1}}',
    'by_fours': ', trigger: {repeat: {after_count: 4}}',
    'any': ', trigger: {repeat: {any: [{after_count: 5}, {processing_time: 2ms}]}}',
    'all': ', trigger: {repeat: {all: [{after_count: 2}, {processing_time: 1ms}]}}',
}
ACCUMULATIONS = ('discarding', 'accumulating', 'retracting')


@dataclasses.dataclass(frozen=True)
class Case:
  window: str
  trigger: str
  accumulation: str

  @property
  def name(self):
    return f'{self.window}_{self.trigger}_{self.accumulation}'

  @property
  def windowing(self):
    # With a trigger of its own a global window of a stream speaks before its end; without one it never would.
    return (f'{WINDOWS[self.window]}, allowed_lateness: {LATENESS_S}s, accumulation: {self.accumulation}'
            f'{TRIGGERS[self.trigger]}}}')

  @property
  def moves_windows(self):
    """Panes of a session that grew later bear a window that is no more; only retractions take them back."""
    return self.window == 'sessions' and self.accumulation != 'retracting'


def all_cases():
  return [Case(w, t, a) for w in WINDOWS for t in TRIGGERS for a in ACCUMULATIONS
          if not (w == 'global' and t in ('default', 'early_every', 'late_count', 'late_every'))]


def make_rows(seed, count=150):
  """Rows in the order of event time: seconds since START, key, value; keys and values may be null."""
  rng = random.Random(seed)
  at, rows = 0.0, []
  for _ in range(count):
    at += rng.choice([0, 0.25, 1, 2, 3, 5, 14])
    rows.append({'at': at, 'k': rng.choice(['a', 'b', 'c', None]), 'v': rng.choice([None, *range(-50, 50)])})
  return rows


def shuffled(rows, seed):
  """No row is later than LATENESS_S after a newer one."""
  rng = random.Random(seed)
  return sorted(rows, key=lambda row: row['at'] + rng.uniform(0, LATENESS_S * 0.9))


def windows_of(kind, at):
  if kind == 'global':
    return [(None, None)]
  size, period, offset = {'fixed': (60, 60, 0), 'fixed_offset': (60, 60, 7), 'sliding': (60, 20, 0),
                          'sliding_uneven': (50, 35, 0), 'sliding_gaps': (20, 30, 0)}[kind]
  epoch = START.timestamp()
  absolute = epoch + at
  start = absolute - (absolute - offset) % period
  out = []
  while start + size > absolute:
    out.append((start - epoch, start - epoch + size))
    start -= period
  return out


def sessions_of(rows, gap=12):
  """(rows, window) of each session of rows of one key, which are in the order of time."""
  current = []
  for row in rows:
    if current and row['at'] >= current[-1]['at'] + gap:
      yield current, (current[0]['at'], current[-1]['at'] + gap)
      current = []
    current.append(row)
  if current:
    yield current, (current[0]['at'], current[-1]['at'] + gap)


def expected(kind, rows):
  """{(key, window): {total, n, low, high}} of all rows."""
  groups = {}
  if kind == 'sessions':
    for key in {row['k'] for row in rows}:
      for members, window in sessions_of([row for row in rows if row['k'] == key]):
        groups[key, window] = members
  else:
    for row in rows:
      for window in windows_of(kind, row['at']):
        groups.setdefault((row['k'], window), []).append(row)
  return {group: summary(members) for group, members in groups.items()}


def summary(rows):
  values = [row['v'] for row in rows if row['v'] is not None]
  return {'total': sum(values) if values else None, 'n': len(rows), 'low': min(values, default=None),
          'high': max(values, default=None)}
