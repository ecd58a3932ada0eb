"""Generate and ReadFromNexmark at a rate, without an end; a sink that is slower than its source."""

import time

from harness import Stream, step

FIELDS = {'id': {'kind': 'sequence'}}


def test_rows_come_while_the_run_goes_on_and_none_is_lost_when_it_is_drained(folder):
  with Stream(folder, [step('Generate', rate=500, fields=FIELDS)]) as stream:
    stream.wait_rows(200)
    assert stream.process.poll() is None
  assert sorted(row['id'] for row in stream.rows) == list(range(len(stream.rows)))


def test_limit_ends_an_endless_source(folder):
  stream = Stream(folder, [step('Generate', fields=FIELDS)], '--limit', '100000', '--lanes', '1')
  stream.end(seconds=60)
  assert [row['id'] for row in stream.rows] == list(range(100000))


def test_until_drains(folder):
  stream = Stream(folder, [step('Generate', rate=1000, fields=FIELDS)], '--until', '1s')
  stream.end()
  assert stream.rows


def test_rows_get_the_time_at_which_they_are_made(folder):
  window = step('ExtractWindowingInfo', fields=['timestamp'])
  with Stream(folder, [step('Generate', rate=100, fields=FIELDS), window]) as stream:
    stream.wait_rows(20)
  times = [row['timestamp'] for row in sorted(stream.rows, key=lambda row: row['id'])]
  today = time.strftime('%Y-%m-%d', time.gmtime())
  assert times[0][:10] <= today <= times[-1][:10] or times[-1][:10] == today, times


def test_nexmark_at_a_rate(folder):
  read = step('ReadFromNexmark', event_type='bid', rate=20000)
  count = {**step('Combine', group_by=[], combine={'n': {'value': 'price', 'fn': 'count'}}),
           'windowing': {'type': 'fixed', 'size': '1s'}}
  with Stream(folder, [read, count]) as stream:
    assert stream.wait_rows(2)[:2] == [{'n': 9200}, {'n': 9200}]


def test_a_slow_sink_holds_a_fast_source_back(folder):
  """Nobody takes the rows for a while: the source stops, memory does not grow, and nothing is lost."""
  fields = {'id': {'kind': 'sequence'}, 'text': {'kind': 'text', 'length': 200}}
  with Stream(folder, [step('Generate', fields=fields)], '--memory', '256MiB') as stream:
    stream.wait_rows(1000)
    stream.taking.clear()
    for _ in range(6):
      time.sleep(0.5)
      assert stream.memory_bytes() < 282 << 20, stream.memory_bytes()
    taken = len(stream.rows)
    stream.taking.set()
    stream.wait_rows(taken + 1000)
  ids = sorted(row['id'] for row in stream.rows)
  assert ids == list(range(len(ids))), 'every row that was made came out once'
