"""Transcripts: a grid over windows, triggers and accumulation, and random ones."""

import datetime

from model import Model

WINDOWS = {
    'fixed': {'type': 'fixed', 'size': 60},
    'sliding': {'type': 'sliding', 'size': 60, 'period': 30},
    'sessions': {'type': 'sessions', 'gap': 60},
    'global': {'type': 'global'},
    'calendar': {'type': 'fixed', 'size': '1d', 'timezone': 'America/New_York'},
}
# Stories are told in minutes; in days of a calendar each of their seconds is so many.
STRETCH = {'calendar': 1440}
# They begin here, so that one of days runs into the night in which clocks go forward.
ORIGIN = {'calendar': 9849600}  # 1970-04-25: in New York the next day has 23 hours
TRIGGERS = {
    'default': 'default',
    'early_count': {'early': {'count': 2}, 'late': {'count': 1}},
    'early_time': {'early': {'every': 10}, 'late': {'every': 10}},
    'early_only': {'early': {'count': 2}},
    'late_only': {'late': {'count': 2}},
    'once': {'after_count': 3},
    'repeat_count': {'repeat': {'after_count': 2}},
    'repeat_time': {'repeat': {'processing_time': 20}},
    'repeat_any': {'repeat': {'any': [{'after_count': 3}, {'processing_time': 15}]}},
    'repeat_all': {'repeat': {'all': [{'after_count': 2}, {'processing_time': 15}]}},
    'each': {'each': [{'after_count': 1}, {'after_count': 2}, {'repeat': {'after_count': 3}}]},
}
MODES = ('discarding', 'accumulating', 'retracting')
STORY = (  # one of everything: early, on time, late, too late, two keys
    ('input', 'a', 10, 5), ('input', 'a', 20, 7), ('input', 'b', 30, 1), ('expect',), ('advance', 10), ('expect',),
    ('input', 'a', 50, 2), ('advance', 5), ('expect',), ('watermark', 61), ('expect',), ('input', 'a', 70, 3),
    ('watermark', 125), ('expect',), ('input', 'a', 40, 11), ('expect',), ('input', 'b', 55, 4), ('input', 'b', 56, 6),
    ('advance', 20), ('expect',), ('watermark', 170), ('expect',), ('input', 'a', 90, 1), ('watermark', 300), ('expect',),
    ('input', 'b', 15, 100), ('expect',),
)


def random_story(random, merges):
  """Event times wander about a watermark that goes on; sessions are told apart so that none merge, unless asked for."""
  story, base, watermark = [], 0, 0
  for _ in range(random.randint(4, 14)):
    kind = random.random()
    if kind < 0.6:
      for _ in range(random.randint(1, 5)):
        at = base + random.randint(0, 59) if merges else base + random.choice((0, 10, 20, 30))
        if random.random() < 0.2:
          at = max(0, at - random.randint(0, 3) * (60 if merges else 300))
        story.append(('input', random.choice('abc'), at, random.randint(-9, 9)))
    elif kind < 0.75:
      story.append(('advance', random.randint(1, 25)))
    else:
      step = random.randint(0, 80) if merges else random.choice((100, 300))
      base += step
      watermark = max(watermark, base + random.randint(-40, 20) if merges else base - random.choice((100, 10)))
      story.append(('watermark', watermark))
    story.append(('expect',))
  return story


def stretch(story, window):
  """A story in the measure of its windows."""
  factor, origin = STRETCH.get(window, 1), ORIGIN.get(window, 0)
  out = []
  for event in story:
    if event[0] == 'input':
      _, key, at, amount = event
      event = ('input', key, origin + at * factor, amount)
    elif event[0] == 'watermark':
      event = ('watermark', max(0, origin + event[1] * factor))
    out.append(event)
  return out


def rfc(seconds):
  return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).isoformat() + 'Z'


def late_row(windowing, key, at, amount, end, late_by):
  row = {'element': {'k': key, 'amount': amount}, 'event_time': rfc(at)}
  if windowing['type'] not in ('global', 'count'):
    row['window_end'] = rfc(end)
  if late_by is not None:
    row['late_by'] = late_by
  return {'row': row}


def test_of(name, windowing, story):
  """The test block of a story; what is expected is what the model says."""
  model, transcript, rows = Model(windowing), [], []

  def flush():
    if rows:
      transcript.append({'input': {'step': 'In', 'rows': list(rows)}})
      rows.clear()

  for event in story:
    if event[0] == 'input':
      _, key, at, amount = event
      rows.append({'at': at, 'row': {'k': key, 'amount': amount}})
      model.input(key, at, amount)
      continue
    flush()
    if event[0] == 'watermark':
      transcript.append({'watermark': event[1]})
      model.set_watermark(event[1])
    elif event[0] == 'advance':
      transcript.append({'processing_time': event[1]})
      model.advance(event[1])
    else:
      out, late = model.take()
      for item in out:
        if windowing['type'] in ('global', 'count'):
          item.pop('window', None)
        else:
          item['window'] = [rfc(t) for t in item['window']]
      transcript.append({'expect': {'step': 'Sums', 'rows': out}})
      transcript.append({'expect': {'step': 'Sums.late', 'rows': [late_row(windowing, *row) for row in late]}})
  flush()
  return {'name': name, 'transcript': transcript}


def pipeline_of(windowing, tests):
  return {
      'pipeline': {'transforms': [
          {'type': 'Create', 'name': 'In', 'config': {'elements': [{'k': 'a', 'amount': 1}]}},
          {'type': 'Combine', 'name': 'Sums', 'input': 'In', 'windowing': windowing, 'config': {
              'group_by': 'k', 'combine': {'total': {'value': 'amount', 'fn': 'sum'},
                                           'n': {'value': 'amount', 'fn': 'count'}}}},
          {'type': 'MapToFields', 'name': 'Late', 'input': 'Sums.late', 'config': {'fields': {'late_by': 'late_by'}}},
      ]},
      'tests': tests,
  }


def files(random, stories):
  """(name, pipeline file) for every cell of the grid; each with the story of everything and some random ones."""
  for window, windowing in WINDOWS.items():
    for trigger, spec in TRIGGERS.items():
      if window == 'global' and trigger in ('default', 'early_only', 'late_only'):
        continue  # an endless global window needs a trigger of its own
      for mode in MODES:
        for lateness in (0, 120):
          full = dict(windowing, trigger=spec, accumulation=mode,
                      allowed_lateness=lateness * STRETCH.get(window, 1))
          name = f'{window}_{trigger}_{mode}_{lateness}'
          tests = []
          if window != 'sessions':
            tests.append(test_of('one of everything', full, stretch(STORY, window)))
          tests += [test_of(f'random {n}', full, stretch(random_story(random, window != 'sessions'), window))
                    for n in range(stories)]
          yield name, pipeline_of(full, tests)
  for size in (1, 2, 5):
    windowing = {'type': 'count', 'size': size}
    tests = [test_of(f'random {n}', windowing, random_story(random, True)) for n in range(stories)]
    yield f'count_{size}', pipeline_of(windowing, tests)
