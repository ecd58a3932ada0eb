"""tail: true: files that grow, across rotation and truncation; standard input as it comes."""

import json
import os
import random
import subprocess
import time

from harness import Stream, append, place, step, wait_for


def tail(**config):
  return step('ReadFromText', **{'path': 'app.log', 'tail': True, **config})


def lines(rows):
  return [row['line'] for row in rows]


def test_partial_lines_are_waited_for(folder):
  with Stream(folder, [tail()]) as stream:
    append(folder, 'app.log', 'one', 'tw', end='')
    assert lines(stream.wait_rows(1)) == ['one']
    time.sleep(0.3)
    assert lines(stream.rows) == ['one']
    append(folder, 'app.log', 'o', 'three')
    assert lines(stream.wait_rows(3)) == ['one', 'two', 'three']


def test_rename_and_a_new_file(folder):
  with Stream(folder, [tail()]) as stream:
    append(folder, 'app.log', 'one')
    stream.wait_rows(1)
    os.rename(f'{folder}/app.log', f'{folder}/app.log.1')
    append(folder, 'app.log.1', 'two, still to the old file')
    append(folder, 'app.log', 'three')
    stream.wait_rows(3)
    append(folder, 'app.log', 'four')
    stream.wait_rows(4)
    os.rename(f'{folder}/app.log', f'{folder}/app.log.1')
    append(folder, 'app.log', 'five')
    stream.wait_rows(5)
  assert lines(stream.rows) == ['one', 'two, still to the old file', 'three', 'four', 'five']


def test_a_rotated_file_that_the_glob_matches_too_is_not_read_again(folder):
  with Stream(folder, [tail(path='*.log*')]) as stream:
    append(folder, 'app.log', 'one')
    stream.wait_rows(1)
    for number in range(2, 5):
      for old in (2, 1):
        if os.path.exists(f'{folder}/app.log.{old}'):
          os.rename(f'{folder}/app.log.{old}', f'{folder}/app.log.{old + 1}')
      os.rename(f'{folder}/app.log', f'{folder}/app.log.1')
      append(folder, 'app.log', str(number))
      stream.wait_rows(number)
      time.sleep(1.5)  # the old file is quiet, and listed by its new name
  assert lines(stream.rows) == ['one', '2', '3', '4']


def test_truncation_in_place(folder):
  with Stream(folder, [tail()]) as stream:
    append(folder, 'app.log', 'one', 'two')
    stream.wait_rows(2)
    with open(f'{folder}/app.log', 'w', encoding='utf-8') as file:  # shorter
      file.write('3\n')
    stream.wait_rows(3)
    with open(f'{folder}/app.log', 'w', encoding='utf-8') as file:  # longer at once: known by its first bytes
      file.write('four and more\nfive\n')
    stream.wait_rows(5)
  assert lines(stream.rows) == ['one', 'two', '3', 'four and more', 'five']


def test_a_file_that_is_removed_and_comes_again(folder):
  with Stream(folder, [tail()]) as stream:
    append(folder, 'app.log', 'one', 'no line break', end='')
    stream.wait_rows(1)
    os.remove(f'{folder}/app.log')
    assert lines(stream.wait_rows(2)) == ['one', 'no line break']
    append(folder, 'app.log', 'two')
    stream.wait_rows(3)
  assert lines(stream.rows) == ['one', 'no line break', 'two']


def test_from_the_end(folder):
  append(folder, 'app.log', 'old', 'old', 'hal', end='')
  with Stream(folder, [tail(path='*.log', **{'from': 'end'})]) as stream:
    time.sleep(1)
    append(folder, 'app.log', 'f', 'new')
    append(folder, 'late.log', 'a file that came later is read whole')
    stream.wait_rows(3)
  assert sorted(lines(stream.rows)) == ['a file that came later is read whole', 'half', 'new']


def test_csv_waits_for_its_header_and_a_bad_record_is_an_error(folder):
  steps = [{'name': 'Read', **step('ReadFromCsv', path='a.csv', tail=True, schema={'id': 'integer'})},
           {'type': 'Print', 'input': 'Read', 'config': {'format': 'json'}},
           {'type': 'Print', 'name': 'Bad', 'input': 'Read.errors', 'config': {'format': 'json'}}]
  with Stream(folder, steps, chain=False) as stream:
    append(folder, 'a.csv', 'name,i', end='')
    time.sleep(0.3)
    append(folder, 'a.csv', 'd', 'x,1', 'y,two', 'z,3')
    stream.wait_rows(3)
  assert [row for row in stream.rows if 'id' in row] == [{'id': 1}, {'id': 3}]
  bad = next(row for row in stream.rows if 'msg' in row)
  assert 'a.csv:3' in bad['msg'] and bad['element'] == 'y,two', bad


def test_a_fast_writer_loses_nothing(folder):
  count, parts = 200_000, 20
  with Stream(folder, [tail()], '--limit', str(count)) as stream:
    for part in range(parts):
      append(folder, 'app.log', *(f'line {part} {n}' for n in range(count // parts)))
    stream.end(seconds=60)
  expected = [f'line {part} {n}' for part in range(parts) for n in range(count // parts)]
  assert lines(stream.rows) == expected


def test_standard_input_line_by_line(folder):
  read = step('ReadFromJson', path='-', tail=True, schema={'id': 'integer'})
  with Stream(folder, [read], stdin=subprocess.PIPE) as stream:
    for number in range(1, 4):
      stream.process.stdin.write(f'{{"id": {number}}}\n'.encode())
      stream.process.stdin.flush()
      assert stream.wait_rows(number)[-1] == {'id': number}
    stream.process.stdin.write(b'{"id": 4}')
    stream.process.stdin.close()
    stream.end()
  assert stream.rows[3:] == [{'id': 4}]


def test_the_end_of_standard_input_closes_windows(folder):
  read = step('ReadFromJson', path='-', tail=True, schema={'at': 'timestamp'}, event_time='at')
  count = {**step('Combine', group_by=[], combine={'n': {'value': 'at', 'fn': 'count'}}),
           'windowing': {'type': 'fixed', 'size': '1h'}}
  stream = Stream(folder, [read, count], stdin=subprocess.PIPE)
  stream.process.stdin.write(b'{"at": "2026-03-01T00:10:00Z"}\n{"at": "2026-03-01T02:10:00Z"}\n')
  stream.process.stdin.flush()
  wait_for(lambda: stream.rows == [{'n': 1}], lambda: f'the first window, not {stream.rows}')
  stream.process.stdin.close()
  stream.end()
  assert stream.rows == [{'n': 1}, {'n': 1}]


def test_a_file_that_grows_in_many_pieces_of_a_line(folder):
  place(folder, 'app.log', '')
  with Stream(folder, [tail()]) as stream:
    text = 'a line that comes letter by letter\n'
    for letter in text:
      append(folder, 'app.log', letter, end='')
    stream.wait_rows(1)
  assert lines(stream.rows) == [text.rstrip()]


def append_in_pieces(folder, name, text):
  """Appends in pieces of random sizes, so that records and quoted line breaks are cut anywhere. Gives the seed."""
  seed = random.randrange(1 << 32)
  pick = random.Random(seed)
  data = text.encode()
  while data:
    size = min(len(data), pick.choice((1, 2, 3, 7, 50, 400)))
    with open(f'{folder}/{name}', 'ab') as file:
      file.write(data[:size])
    data = data[size:]
    if pick.random() < 0.3:
      time.sleep(0.004)
  return seed


def test_csv_with_quoted_line_breaks_in_random_pieces(folder):
  texts = [f'row {n}\nhas "two" lines, ä' if n % 3 else f'row {n}' for n in range(300)]
  text = 'id,text\n' + ''.join('{},"{}"\n'.format(n, t.replace('"', '""')) for n, t in enumerate(texts))
  read = step('ReadFromCsv', path='a.csv', tail=True, schema={'id': 'integer', 'text': 'string'})
  with Stream(folder, [read]) as stream:
    seed = append_in_pieces(folder, 'a.csv', text)
    stream.wait_rows(len(texts))
  assert [row['text'] for row in stream.rows] == texts, f'seed {seed}'


def test_json_lines_and_an_array_in_random_pieces(folder):
  rows = [{'id': n, 'text': 'x' * (n % 90) + '{"ü'} for n in range(300)]
  array = '[\n' + ',\n'.join(json.dumps(row, indent=1, ensure_ascii=False) for row in rows) + '\n]\n'
  lines_text = ''.join(json.dumps(row, ensure_ascii=False) + '\n' for row in rows)
  for name, text in (('lines.json', lines_text), ('array.json', array)):
    read = step('ReadFromJson', path=name, tail=True, schema={'id': 'integer', 'text': 'string'})
    with Stream(folder, [read]) as stream:
      seed = append_in_pieces(folder, name, text)
      stream.wait_rows(len(rows))
    assert stream.rows == rows, f'{name}, seed {seed}'
