"""File sinks of input that never ends: files that are whole appear while the run goes on, and nothing is lost."""

import os
import re
import signal
import time

from harness import Pipeline, free_port, post, read_rows, step, wait_for

NAME = re.compile(r'part-\d{8}T\d{6}Z-\d+-\d+\.')


def generate(**config):
  return step('Generate', rate=5000, fields={'id': {'kind': 'sequence'}, 'key': {'kind': 'choice', 'values': ['a', 'b', 'c']}}, **config)


def listener(port):
  return step('ReadFromHttp', listen=f'127.0.0.1:{port}', schema={'id': 'integer', 'name': 'string'})


def shown(folder, path='out'):
  found = []
  for at, _, names in os.walk(os.path.join(folder, path)):
    found += [os.path.join(at, name) for name in names if not name.startswith('.')]
  return sorted(found)


def hidden(folder, path='out'):
  return [name for _, _, names in os.walk(os.path.join(folder, path)) for name in names if name.startswith('.')]


def test_files_appear_by_rows_and_when_drained(folder):
  port = free_port()
  write = step('WriteToJson', path='out/', roll={'rows': 10, 'every': '1h'})
  with Pipeline(folder, [listener(port), write], port=port):
    assert post(port, [{'id': i} for i in range(25)])[0] == 202
    wait_for(lambda: len(shown(folder)) == 2, what='two files')
    assert len(hidden(folder)) == 1, 'the third is still written aside'
  files = shown(folder)
  assert len(files) == 3 and not hidden(folder) and all(NAME.match(os.path.basename(name)) for name in files), files
  assert sorted(row['id'] for row in read_rows(folder, 'out')) == list(range(25))


def test_files_appear_by_time_in_every_format(folder):
  for kind, extension in (('Json', 'json'), ('Csv', 'csv'), ('Parquet', 'parquet'), ('Text', 'txt')):
    config = {'path': f'{kind}/', 'roll': {'every': '200ms'}}
    steps = [step('Generate', rate=500, fields={'line': {'kind': 'choice', 'values': ['x', 'y']}} if kind == 'Text' else
                  {'id': {'kind': 'sequence'}}), step(f'WriteTo{kind}', **config)]
    with Pipeline(folder, steps):
      wait_for(lambda kind=kind: len(shown(folder, kind)) >= 3, what=f'three files of {kind}')
    assert not hidden(folder, kind)


def test_rows_of_all_lanes_arrive_once(folder):
  with Pipeline(folder, [generate(rows=20000), step('WriteToJson', path='out/', roll={'bytes': '20KiB'})], '--lanes', '3') as run:
    run.end()
  assert len(shown(folder)) > 3
  assert sorted(row['id'] for row in read_rows(folder, 'out')) == list(range(20000))


def test_partitions_roll_too(folder):
  write = step('WriteToJson', path='out/', partition_by='key', roll={'every': '300ms'})
  with Pipeline(folder, [generate(), write]):
    wait_for(lambda: len({os.path.dirname(name) for name in shown(folder)}) == 3, what='three partitions')
  assert not hidden(folder)


def test_bounded_rows_appear_together(folder):
  steps = [step('Create', elements=[{'id': i} for i in range(100)]), step('WriteToJson', path='out/', roll={'rows': 30})]
  Pipeline(folder, steps, '--lanes', '1').end()
  assert len(shown(folder)) == 4 and len(read_rows(folder, 'out')) == 100
  bad = [{'type': 'Create', 'config': {'elements': [{'id': 1}, {'id': 0}]}}, step('WriteToJson', path='bad/', roll={'rows': 1})]
  bad.insert(1, step('MapToFields', fields={'x': '1 % id'}))
  Pipeline(folder, bad).end(1)
  assert not shown(folder, 'bad') and not hidden(folder, 'bad')


def test_what_had_rolled_stays_when_the_run_is_killed(folder):
  with Pipeline(folder, [generate(), step('WriteToJson', path='out/', roll={'every': '200ms'})]) as run:
    wait_for(lambda: len(shown(folder)) >= 2, what='two files')
    run.process.send_signal(signal.SIGKILL)
    run.end(-signal.SIGKILL)
  assert read_rows_of(shown(folder)), 'each shown file is whole'


def read_rows_of(paths):
  rows = []
  for path in paths:
    with open(path, encoding='utf-8') as file:
      text = file.read()
    assert text.endswith('}\n'), path
    rows += text.splitlines()
  return rows


def test_standard_output_shows_rows_at_once(folder):
  for sink in (step('WriteToJson', path='-'), step('Print', format='json'), step('Print')):
    port = free_port()
    with Pipeline(folder, [listener(port), sink], port=port) as run:
      assert post(port, {'id': 4711})[0] == 202
      os.set_blocking(run.process.stdout.fileno(), False)
      text = wait_for(lambda run=run: run.process.stdout.read(), what='a row on standard output')
      assert b'4711' in text, text
      os.set_blocking(run.process.stdout.fileno(), True)


def test_a_terminal_shows_the_newest_rows_in_place(folder):
  primary, secondary = os.openpty()
  port = free_port()
  run = Pipeline(folder, [listener(port), step('Print', limit=3)], port=port, stdout=secondary)
  os.close(secondary)
  with run:
    for i in range(3):
      assert post(port, [{'id': 10 * i}, {'id': 10 * i + 1}])[0] == 202
      time.sleep(0.4)
    text = os.read(primary, 65536).decode()
  os.close(primary)
  last = text.rsplit('\033[J', 1)[1]
  assert '(6 rows so far)' in last and '20' in last and '21' in last and '11' in last and ' 10 ' not in last, repr(text)
  assert '\033[6A' in text, 'it goes back over the table before'
