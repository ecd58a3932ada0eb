"""When windows close: a split that is idle, one that is slow, one that restarts."""

import json
import os
import threading
import time

from harness import Stream, append, step, wait_for


def row(minute, second, kind):
  return json.dumps({'at': f'2026-03-01T10:{minute:02}:{second:02}Z', 'kind': kind})


def counts(idle_timeout):
  read = step('ReadFromJson', path='logs/*.log', tail=True, schema={'at': 'timestamp', 'kind': 'string'}, event_time='at',
              watermark={'out_of_orderness': '5s', 'idle_timeout': idle_timeout})
  return [{'name': 'Read', **read},
          {'type': 'Combine', 'name': 'C', 'input': 'Read', 'windowing': {'type': 'fixed', 'size': '1m'},
           'config': {'group_by': [], 'combine': {'n': {'value': 'kind', 'fn': 'count'},
                                                  'first': {'value': 'at', 'fn': 'min'}}}},
          {'type': 'Print', 'input': 'C', 'config': {'format': 'json'}},
          {'type': 'Print', 'name': 'L', 'input': 'C.late', 'config': {'format': 'json'}}]


class Slow:
  """Keeps a log alive: a row now and then, each a moment later in event time."""

  def __init__(self, folder):
    self.folder, self.minute, self.ended, self.written = folder, 0, False, 0
    self.thread = threading.Thread(target=self.run)
    self.thread.start()

  def run(self):
    while not self.ended:
      append(self.folder, 'logs/slow.log', row(self.minute, 30, 'slow'))
      self.written += 1
      time.sleep(0.1)

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.ended = True
    self.thread.join()


def test_an_idle_split_steps_aside_a_slow_one_does_not_one_that_restarts_joins_again(folder):
  os.makedirs(f'{folder}/logs')
  append(folder, 'logs/idle.log', row(0, 1, 'idle'))
  append(folder, 'logs/restarts.log', row(0, 10, 'restarts'), row(2, 0, 'restarts'))
  with Slow(folder) as slow, Stream(folder, counts('3s'), chain=False) as stream:
    time.sleep(5)
    assert stream.rows == [], 'the slow split is in the first minute: its window is open although others are ahead'
    slow.minute = 1  # the idle split has stepped aside, restarts is at 2: the window closes
    first = stream.wait_rows(1)[0]
    assert first['first'] == '2026-03-01T10:00:01Z' and first['n'] >= 3, first

    os.remove(f'{folder}/logs/restarts.log')  # its process ended
    slow.minute = 5
    wait_for(lambda: len(stream.rows) >= 3, lambda: f'windows without the split that is gone: {stream.rows}')
    assert [r['first'] for r in stream.rows[1:3]] == ['2026-03-01T10:01:30Z', '2026-03-01T10:02:00Z']

    append(folder, 'logs/restarts.log', row(5, 10, 'restarts'))  # it is back, behind the slow one, but on time
    time.sleep(2.5)  # the folder is listed once per second
    slow.minute = 7
    append(folder, 'logs/restarts.log', row(7, 0, 'restarts'))
    fifth = stream.wait_rows(4)[3]
    assert fifth['first'] == '2026-03-01T10:05:10Z', stream.rows

    append(folder, 'logs/idle.log', row(2, 10, 'idle'))  # long after its window
    late = stream.wait_rows(5)[4]
    assert late['element']['kind'] == 'idle' and late['late_by'] > 0, late


def test_without_an_idle_timeout_a_silent_split_holds_every_window(folder):
  os.makedirs(f'{folder}/logs')
  append(folder, 'logs/idle.log', row(0, 1, 'idle'))
  append(folder, 'logs/busy.log', row(0, 10, 'busy'), row(9, 0, 'busy'))
  with Stream(folder, counts('0s'), chain=False) as stream:
    time.sleep(2)
    assert stream.rows == []
    append(folder, 'logs/idle.log', row(3, 0, 'idle'))
    assert stream.wait_rows(1)[0]['n'] == 2
  assert len(stream.rows) == 1, 'windows that are open when the run is drained are not given'


def test_close_windows(folder):
  os.makedirs(f'{folder}/logs')
  append(folder, 'logs/a.log', row(0, 1, 'a'), row(9, 0, 'a'))
  with Stream(folder, counts('0s'), '--close-windows', chain=False) as stream:
    stream.wait_rows(1)
  assert [r['n'] for r in stream.rows] == [1, 1]
