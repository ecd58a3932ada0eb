"""WriteToSqlite and ReadFromSqlite."""

import os

from kit import Killed, errors_of, rows_of, run, sqlite, step


def create(elements):
  return step('Create', elements=elements)


def write(folder, **config):
  return step('WriteToSqlite', path=os.path.join(folder, 'd.db'), table='t', **config)


def read(folder, **config):
  return step('ReadFromSqlite', path=os.path.join(folder, 'd.db'), **config)


def test_every_type_comes_back(folder):
  rows = [{'i': 9007199254740993, 'x': 0.1, 's': 'ä\u0000b', 'b': True, 'n': None},
          {'i': -1, 'x': -2.5, 's': '', 'b': False, 'n': 'text'}]
  run(folder, [create(rows), write(folder)])
  assert rows_of(folder, [read(folder, table='t')]) == rows
  assert rows_of(folder, [read(folder, query='SELECT i + 1 AS j FROM t ORDER BY i')]) == [{'j': 0}, {'j': 9007199254740994}]


def test_a_key_makes_rows_replace_each_other(folder):
  run(folder, [create([{'id': 1, 'v': 'a'}, {'id': 2, 'v': 'b'}, {'id': 1, 'v': 'c'}]), write(folder, key='id')])
  run(folder, [create([{'id': 2, 'v': 'd'}]), write(folder, key='id')])
  assert sqlite(folder + '/d.db', 'SELECT id, v FROM t ORDER BY id') == [(1, 'c'), (2, 'd')]


def test_schema_drift(folder):
  rows = [create([{'id': 1, 'v': 'a'}])]
  sqlite(folder + '/d.db', 'CREATE TABLE t (v TEXT, extra INTEGER DEFAULT 7)')
  _, error = run(folder, rows + [write(folder)], expected=1)
  assert "no column 'id'" in error and 'schema_drift: add' in error, error
  run(folder, rows + [write(folder, schema_drift='add')])
  assert sqlite(folder + '/d.db', 'SELECT v, extra, id FROM t') == [('a', 7, 1)], 'by name, not by place'
  _, error = run(folder, [create([{'id': 'x'}]), write(folder)], expected=1)
  assert 'holds values of type integer' in error, error
  run(folder, [create([{'id': '12'}]), write(folder, schema_drift='cast')])
  assert sqlite(folder + '/d.db', 'SELECT id FROM t WHERE v IS NULL') == [(12,)]


def test_poison_rows_end_the_run_or_go_to_the_errors(folder):
  sqlite(folder + '/d.db', 'CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER CHECK (v < 10))')
  rows = create([{'id': 1, 'v': 1}, {'id': 2, 'v': 99}, {'id': 3, 'v': 3}])
  _, error = run(folder, [rows, write(folder)], expected=1)
  assert 'CHECK constraint' in error, error
  sqlite(folder + '/d.db', 'DELETE FROM t')
  refused = errors_of(folder, rows, write(folder))
  assert [error['element']['id'] for error in refused] == [2], refused
  assert sqlite(folder + '/d.db', 'SELECT id FROM t ORDER BY id') == [(1,), (3,)]


def test_table_to_table_killed_again_and_again(folder):
  count = 400_000
  path = os.path.join(folder, 's.db')
  sqlite(path, 'CREATE TABLE s (id INTEGER PRIMARY KEY, v TEXT)')
  sqlite(path, f"INSERT INTO s WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count - 1}) "
               "SELECT i, 'row ' || i FROM n")
  killed = Killed(folder, [step('ReadFromSqlite', path=path, table='s'), write(folder, rate_limit=60_000)])
  while killed.kills < 20 and killed.kill_after(0.05, 0.4):
    pass
  killed.finish()
  found = sqlite(folder + '/d.db', 'SELECT count(*), count(DISTINCT id), sum(id) FROM t')
  assert found == [(count, count, count * (count - 1) // 2)], f'seed {killed.seed}: {found}'
  return f'{killed.kills} kills, seed {killed.seed}'


def test_killed_again_and_again(folder):
  count = 400_000
  rows = step('Generate', rows=count, fields={'id': {'kind': 'sequence'}, 'v': {'kind': 'text', 'length': 20}})
  killed = Killed(folder, [rows, write(folder, rate_limit=200_000)])
  while killed.kills < 20 and killed.kill_after(0.05, 0.5):
    pass
  killed.finish()
  found = sqlite(folder + '/d.db', 'SELECT count(*), count(DISTINCT id), sum(id) FROM t')
  assert found == [(count, count, count * (count - 1) // 2)], f'seed {killed.seed}: {found}'
  return f'{killed.kills} kills, seed {killed.seed}'
