"""mode: snapshot on file sources: what has changed between two readings comes as rows with weights."""

import json
import os
import subprocess

from harness import WEIR, Stream, place, step, wait_for


def snapshot(fmt='Csv', **config):
  return step(f'ReadFrom{fmt}', **{'path': 'in', 'mode': 'snapshot', 'every': '100ms', **config})


def changing(folder, read):
  return Stream(folder, [read, step('ToChanges', form='weight')])


def state(rows):
  """The rows that the changes so far add up to, with how often each is there."""
  sums = {}
  for row in list(rows):
    key = (row['account'], row['balance'])
    sums[key] = sums.get(key, 0) + row['weight']
  return {key: weight for key, weight in sums.items() if weight != 0}


def wait_state(stream, expected):
  wait_for(lambda: state(stream.rows) == expected, lambda: f'{expected}, not {stream.rows}')


def test_changes_of_a_file_that_is_replaced(folder):
  os.makedirs(f'{folder}/in')
  place(f'{folder}/in', 'a.csv', 'account,balance\na,10\nb,20\n')
  with changing(folder, snapshot()) as stream:
    wait_state(stream, {('a', 10): 1, ('b', 20): 1})
    place(f'{folder}/in', 'a.csv', 'account,balance\na,10\nb,25\nc,1\n')
    wait_state(stream, {('a', 10): 1, ('b', 25): 1, ('c', 1): 1})
    assert len(stream.rows) == 5, 'only what has changed comes again'
    place(f'{folder}/in', 'more.csv', 'account,balance\na,10\na,7\n')  # a row that is there twice counts twice
    wait_state(stream, {('a', 10): 2, ('a', 7): 1, ('b', 25): 1, ('c', 1): 1})
    os.remove(f'{folder}/in/more.csv')
    wait_state(stream, {('a', 10): 1, ('b', 25): 1, ('c', 1): 1})


def test_explain_says_that_they_are_changes(folder):
  os.makedirs(f'{folder}/in')
  place(f'{folder}/in', 'a.json', '{"id": 1}\n{"id": 2}\n{"id": 2}\n')
  explained = subprocess.run([WEIR, 'explain', '-'], cwd=folder, capture_output=True, text=True, check=True, input=json.dumps(
      {'pipeline': {'type': 'chain', 'transforms': [snapshot('Json', schema={'id': 'integer'}), step('Filter', keep='id > 0')]}}))
  assert 'changes, unbounded' in explained.stdout, explained.stdout
  assert 'state: the rows of the last reading' in explained.stdout, explained.stdout


def test_a_reading_that_fails_counts_for_nothing(folder):
  os.makedirs(f'{folder}/in')
  place(f'{folder}/in', 'a.csv', 'account,balance\na,10\n')
  steps = [{'name': 'Read', **snapshot(schema={'account': 'string', 'balance': 'integer'})},
           {'type': 'Print', 'name': 'Bad', 'input': 'Read.errors', 'config': {'format': 'json', 'limit': 0}}]
  with Stream(folder, steps, chain=False) as stream:
    place(f'{folder}/in', 'b.csv', 'something,else\n1,2\n')
    wait_for(lambda: any('b.csv' in row['element'] for row in stream.rows), lambda: f'an error row: {stream.rows}')


def test_files_that_did_not_change_are_not_read_again(folder):
  os.makedirs(f'{folder}/in')
  place(f'{folder}/in', 'a.csv', 'account,balance\na,10\nb,x\n')
  steps = [{'name': 'Read', **snapshot(schema={'account': 'string', 'balance': 'integer'})},
           {'type': 'Print', 'name': 'Bad', 'input': 'Read.errors', 'config': {'format': 'json', 'limit': 0}}]
  with Stream(folder, steps, '--until', '2s', chain=False) as stream:
    stream.end()
  assert len(stream.rows) == 1, stream.rows
