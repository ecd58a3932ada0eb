"""Prefixes that are followed: objects come, each is read once."""

import json
import os
import time

from harness import Pipeline, wait_for
from store import environment, step


def lines_of(folder, name='out'):
  rows = []
  base = os.path.join(folder, name)
  for file in sorted(os.listdir(base)) if os.path.isdir(base) else []:
    if not file.startswith('.'):
      with open(os.path.join(base, file), encoding='utf-8') as text:
        rows += [json.loads(line) for line in text]
  return rows


class Watching(Pipeline):
  """A pipeline of the bucket's."""

  def __init__(self, folder, s3, steps):
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment(s3))
    try:
      super().__init__(folder, steps)
    finally:
      os.environ.clear()
      os.environ.update(before)


def test_only_new_objects(folder, s3):
  s3.put('watched/0.json', '{"id": 0}\n')
  s3.put('watched/skip.txt', 'nothing\n')
  steps = [step('ReadFromJson', path=f's3://{s3.bucket}/watched/*.json', watch=True),
           step('WriteToJson', path='out/', roll={'every': '100ms'})]
  with Watching(folder, s3, steps):
    wait_for(lambda: len(lines_of(folder)) == 1)
    for i in range(1, 6):
      s3.put(f'watched/{i}.json', f'{{"id": {i}}}\n')
    wait_for(lambda: len(lines_of(folder)) == 6)
    s3.put('watched/3.json', '{"id": 33}\n')  # another version is another object
    s3.delete('watched/1.json')
    wait_for(lambda: len(lines_of(folder)) == 7)
    time.sleep(1.5)
  assert sorted(row['id'] for row in lines_of(folder)) == [0, 1, 2, 3, 4, 5, 33]


def poll(s3, seen):
  """Reads what is new below to/: each object is whole and stays what it is. How many lines there are."""
  for key in s3.keys('to/'):
    body = s3.get(key)
    assert body.endswith(b'\n') and seen.setdefault(key, body) == body, key
  return sum(body.count(b'\n') for body in seen.values())


def test_from_prefix_to_prefix(folder, s3):
  """Objects come and go on, whole: who polls the other prefix never sees a part of one."""
  steps = [step('ReadFromJson', path=f's3://{s3.bucket}/from/*.json', watch=True),
           step('WriteToJson', path=f's3://{s3.bucket}/to/', roll={'every': '300ms'})]
  s3.put('from/0.json', '{"id": 0}\n')
  seen = {}
  with Watching(folder, s3, steps):
    wait_for(lambda: s3.keys('to/'))
    for i in range(1, 20):
      s3.put(f'from/{i}.json', ''.join(f'{{"id": {i * 1000 + k}}}\n' for k in range(500)))
      poll(s3, seen)
    wait_for(lambda: poll(s3, seen) == 1 + 19 * 500)
  rows = [json.loads(line) for body in seen.values() for line in body.splitlines()]
  assert sorted(row['id'] for row in rows) == [0] + [i * 1000 + k for i in range(1, 20) for k in range(500)]
  assert s3.uploads('to/') == []
