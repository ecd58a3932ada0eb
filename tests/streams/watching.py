"""watch: true on file sources: which files are taken, when, and how often."""

import gzip
import json
import os
import subprocess
import time

from harness import WEIR, Stream, place, step, wait_for

SCHEMA = {'id': 'integer'}


def watch(folder, fmt='Json', **config):
  os.makedirs(os.path.join(folder, 'in'), exist_ok=True)
  return step(f'ReadFrom{fmt}', **{'path': 'in', 'watch': True, 'settle': '300ms', **config})


def ids(rows):
  return [row['id'] for row in rows]


def rows_of(*numbers):
  return ''.join(f'{{"id": {n}}}\n' for n in numbers)


def test_files_that_are_there_come_in_the_order_of_their_change(folder):
  os.makedirs(f'{folder}/in/deep')
  for name, age_s, number in (('a.json', 100, 3), ('b.json', 300, 1), ('deep/c.json', 200, 2)):
    place(f'{folder}/in', name, rows_of(number))
    os.utime(f'{folder}/in/{name}', (time.time() - age_s,) * 2)
  with Stream(folder, [watch(folder, schema=SCHEMA)]) as stream:
    assert ids(stream.wait_rows(3)) == [1, 2, 3]


def test_a_file_that_is_renamed_into_place_is_taken_at_once_and_once(folder):
  with Stream(folder, [watch(folder, schema=SCHEMA, settle='1h')]) as stream:
    time.sleep(0.3)  # nothing there yet
    place(f'{folder}/in', 'a.json', rows_of(1, 2))
    stream.wait_rows(2)
    os.rename(f'{folder}/in/a.json', f'{folder}/in/b.json')  # the same file by another name
    place(f'{folder}/in', 'c.json', rows_of(3))
    stream.wait_rows(3)
  assert ids(stream.rows) == [1, 2, 3]


def test_a_file_that_is_being_written_is_waited_for(folder):
  with Stream(folder, [watch(folder, schema=SCHEMA, settle='700ms')]) as stream:
    with open(f'{folder}/in/a.json', 'w', encoding='utf-8') as file:
      for number in range(10):
        file.write(rows_of(number))
        file.flush()
        time.sleep(0.1)
        assert not stream.rows, 'it is not complete'
    stream.wait_rows(10)
  assert ids(stream.rows) == list(range(10))


def test_a_file_that_is_written_anew_is_read_again(folder):
  with Stream(folder, [watch(folder, schema=SCHEMA)]) as stream:
    place(f'{folder}/in', 'a.json', rows_of(1))
    stream.wait_rows(1)
    place(f'{folder}/in', 'a.json', rows_of(2, 3))
    stream.wait_rows(3)
  assert ids(stream.rows) == [1, 2, 3]


def test_every_format_and_hidden_files_are_left_out(folder):
  for fmt, name, text in (('Csv', 'a.csv', 'id\n7\n'), ('Text', 'a.txt', 'x\n'), ('Json', 'a.json', '{"id": 7}\n')):
    own = f'{folder}/{fmt}'
    os.makedirs(own)
    config = {} if fmt == 'Text' else {'schema': SCHEMA}
    with Stream(own, [watch(own, fmt, **config)]) as stream:
      place(f'{own}/in', f'.{name}', text)
      place(f'{own}/in', f'_{name}', text)
      place(f'{own}/in', name, text)
      assert stream.wait_rows(1) == [{'line': 'x'} if fmt == 'Text' else {'id': 7}]


def test_parquet(folder):
  source = [step('Create', elements=[{'id': 1}, {'id': 2}]), step('WriteToParquet', path='in/a.parquet')]
  with open(f'{folder}/write.yaml', 'w', encoding='utf-8') as file:
    json.dump({'pipeline': {'type': 'chain', 'transforms': source}}, file)
  os.makedirs(f'{folder}/in')
  subprocess.run([WEIR, 'run', 'write.yaml'], cwd=folder, check=True)
  with Stream(folder, [watch(folder, 'Parquet')]) as stream:
    assert ids(stream.wait_rows(2)) == [1, 2]
    subprocess.run([WEIR, 'run', 'write.yaml'], cwd=folder, check=True)  # replaced
    assert ids(stream.wait_rows(4)) == [1, 2, 1, 2]


def test_a_file_that_cannot_be_read_is_an_error_row(folder):
  steps = [{'name': 'Read', **watch(folder, schema=SCHEMA, path='in/*')},
           {'type': 'MapToFields', 'name': 'Errors', 'input': 'Read.errors',
            'config': {'language': 'generic', 'fields': {'element': 'element', 'msg': 'msg'}}},
           {'type': 'Print', 'name': 'Rows', 'input': 'Read', 'config': {'format': 'json'}},
           {'type': 'Print', 'name': 'Bad', 'input': 'Errors', 'config': {'format': 'json'}}]
  with Stream(folder, steps, chain=False) as stream:
    whole = gzip.compress(rows_of(*range(1000)).encode())
    place(f'{folder}/in', 'bad.json.gz', whole[:-20], 'wb')
    stream.wait_rows(1)
    place(f'{folder}/in', 'good.json', rows_of(5000))
    wait_for(lambda: {'id': 5000} in stream.rows, 'the next file')
  errors = [row for row in stream.rows if 'msg' in row]
  assert len(errors) == 1 and errors[0]['element'].endswith('in/bad.json.gz'), errors
  assert 'ends too early' in errors[0]['msg'], errors


def test_without_a_file_the_fields_must_be_given(folder):
  stream = Stream(folder, [watch(folder)])
  stream.end(expected=78)
  assert "give a 'schema'" in stream.err, stream.err


def test_files_that_are_known_hold_the_watermark_unless_they_come_in_order(folder):
  """Two files are found together, the older one holds the newer event times."""
  for order, late in (('event_time', 0), ('order', 1)):
    own = f'{folder}/{order}'
    os.makedirs(f'{own}/in')
    for name, minutes, age_s in (('first.csv', (30, 59), 200), ('second.csv', (5, 61), 100)):
      rows = ''.join(f'2026-03-01T{m // 60:02}:{m % 60:02}:00Z\n' for m in minutes)
      place(f'{own}/in', name, 'at\n' + rows)
      os.utime(f'{own}/in/{name}', (time.time() - age_s,) * 2)
    read = watch(own, 'Csv', schema={'at': 'timestamp'}, event_time='at', watermark={'from': order})
    steps = [{'name': 'Read', **read},
             {'type': 'Combine', 'name': 'C', 'input': 'Read', 'windowing': {'type': 'fixed', 'size': '10m'},
              'config': {'group_by': [], 'combine': {'n': {'value': 'at', 'fn': 'count'}}}},
             {'type': 'Print', 'input': 'C', 'config': {'format': 'json'}},
             {'type': 'Print', 'name': 'L', 'input': 'C.late', 'config': {'format': 'json'}}]
    with Stream(own, steps, chain=False) as stream:
      stream.wait_rows(3)
      place(f'{own}/in', 'third.csv', 'at\n2026-03-01T02:00:00Z\n')
      stream.wait_rows(4)
    assert sum('late_by' in row for row in stream.rows) == late, (order, stream.rows)
