"""event_time: what can be one, what happens to rows without, mistakes in the settings."""

import json
import subprocess

from harness import WEIR, Stream, append, place, step

TIMES = step('ExtractWindowingInfo', fields=['timestamp'])


def run(folder, read, *options):
  stream = Stream(folder, [{'name': 'Read', **read}, {'name': 'Times', 'input': 'Read', **TIMES},
                           {'type': 'Print', 'name': 'Good', 'input': 'Times', 'config': {'format': 'json', 'limit': 0}},
                           {'type': 'Print', 'name': 'Bad', 'input': 'Read.errors', 'config': {'format': 'json', 'limit': 0}}],
                  *options, chain=False)
  stream.end()
  return ([row['timestamp'] for row in stream.rows if 'timestamp' in row], [row for row in stream.rows if 'msg' in row])


def test_what_can_be_an_event_time(folder):
  cases = {'timestamp': ('"2026-03-01T00:00:01.5Z"', '2026-03-01T00:00:01.5Z'), 'date': ('"2026-03-01"', '2026-03-01T00:00:00Z'),
           'integer': ('1772323201', '2026-03-01T00:00:01Z'), 'number': ('1772323201.25', '2026-03-01T00:00:01.25Z'),
           'string': ('"2026-03-01T01:00:01+01:00"', '2026-03-01T00:00:01Z')}
  for kind, (value, expected) in cases.items():
    place(folder, f'{kind}.json', f'{{"at": {value}, "n": 1}}\n')
    read = step('ReadFromJson', path=f'{kind}.json', schema={'at': kind, 'n': 'integer'}, event_time='at')
    good, bad = run(folder, read)
    assert (good, bad) == ([expected], []), (kind, good, bad)


def test_rows_without_an_event_time_are_errors(folder):
  place(folder, 'a.json', '{"at": "2026-03-01T00:00:01Z"}\n{"at": null}\n{"at": "soon"}\n{}\n{"at": "2026-03-01T00:00:02Z"}\n')
  read = step('ReadFromJson', path='a.json', schema={'at': 'string'}, event_time='at')
  for options in ((), ('--lanes', '3'), ('--split-rows', '1', '--batch-rows', '1')):
    good, bad = run(folder, read, *options)
    assert sorted(good) == ['2026-03-01T00:00:01Z', '2026-03-01T00:00:02Z'], good
    assert sorted(row['msg'] for row in bad) == ['the event time is no time, or out of range'] + ['the event time is null'] * 2, bad


def test_a_filter_behind_the_source_sees_only_rows_with_a_time(folder):
  place(folder, 'a.csv', 'at,n\n2026-03-01,1\n,2\n2026-03-02,3\n')
  read = step('ReadFromCsv', path='a.csv', schema={'at': 'date', 'n': 'integer'}, event_time='at')
  steps = [{'name': 'Read', **read}, {'type': 'Filter', 'input': 'Read', 'config': {'keep': 'n != 2'}},
           {'type': 'Print', 'input': 'Filter', 'config': {'format': 'json'}},
           {'type': 'Print', 'name': 'Bad', 'input': 'Read.errors', 'config': {'format': 'json'}}]
  stream = Stream(folder, steps, chain=False)
  stream.end()
  assert [row['n'] for row in stream.rows if 'n' in row] == [1, 3]
  assert len([row for row in stream.rows if 'msg' in row]) == 1, 'also where the filter would drop it'


def test_the_column_of_the_time_is_read_though_nobody_asks_for_it(folder):
  place(folder, 'a.csv', 'at,n,x\n2026-03-01T00:00:01Z,1,2\n2026-03-01T02:00:01Z,1,2\n')
  read = step('ReadFromCsv', path='a.csv', event_time='at', schema={'at': 'timestamp', 'n': 'integer', 'x': 'integer'})
  count = {**step('Combine', group_by=[], combine={'s': {'value': 'n', 'fn': 'sum'}}), 'windowing': {'type': 'fixed', 'size': '1h'}}
  stream = Stream(folder, [read, count])
  stream.end()
  assert stream.rows == [{'s': 1}, {'s': 1}], stream.rows


def mistake(folder, **config):
  read = step('ReadFromJson', path='a.json', schema={'at': 'timestamp', 'ok': 'boolean'}, **config)
  done = subprocess.run([WEIR, 'validate', '-'], cwd=folder, capture_output=True, text=True, check=False,
                        input=json.dumps({'pipeline': {'type': 'chain', 'transforms': [read, step('Print')]}}))
  return done.stdout + done.stderr


def test_mistakes_in_the_settings(folder):
  append(folder, 'a.json', '{"at": "2026-03-01T00:00:01Z", "ok": true}')
  assert "unknown field 'att'" in mistake(folder, event_time='att')
  assert "'ok' cannot be the event time" in mistake(folder, event_time='ok')
  assert 'needs rows with event times' in mistake(folder, tail=True, watermark={'from': 'order'})
  assert 'exclude each other' in mistake(folder, tail=True, watch=True)
  assert "'watermark.from' must be" in mistake(folder, event_time='at', tail=True, watermark={'from': 'nowhere'})
