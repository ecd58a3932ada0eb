"""Suite: random queries, run by Weir and by DuckDB on the same Parquet files. Prints its seed; takes --seed and --queries."""

import argparse
import json
import math
import os
import random as random_module
import subprocess
import tempfile

import duckdb

from queries import TABLES, Query, make_tables

WEIR = os.environ.get('WEIR', 'weir')
BATCH = 40  # queries in one pipeline: one process, tables read by all


def pipeline_of(queries, folder):
  used = {i for q in queries for step in q.steps for i in inputs_of(step)} | {q.name for q in queries}
  steps = [{'type': 'ReadFromParquet', 'name': t, 'config': {'path': f'{folder}/{t}.parquet'}} for t in TABLES if t in used]
  for query in queries:
    steps += query.steps
    steps.append({'type': 'WriteToParquet', 'name': f'out_{query.prefix}', 'input': query.name,
                  'config': {'path': f'{folder}/{query.prefix}.parquet'}})
  return {'pipeline': {'transforms': steps}}


def inputs_of(step):
  value = step['input']
  return [value] if isinstance(value, str) else list(value.values()) if isinstance(value, dict) else value


def run_weir(queries, folder, lanes):
  """What Weir said when it failed, or None. JSON is YAML."""
  path = f'{folder}/pipeline.yaml'
  with open(path, 'w', encoding='utf-8') as out:
    json.dump(pipeline_of(queries, folder), out, ensure_ascii=False, indent=1)
  done = subprocess.run([WEIR, 'run', '--lanes', str(lanes), path], capture_output=True, text=True, timeout=120, check=False)
  return None if done.returncode == 0 else f'exit status {done.returncode}: {done.stderr[-2000:]}'


def normal(value):
  if isinstance(value, float):
    if math.isnan(value):
      return 'NaN'
    return 0.0 if value == 0 else float(f'{value:.11g}')
  if hasattr(value, 'isoformat'):
    return value.timestamp() if hasattr(value, 'timestamp') else value.isoformat()
  return value


def answer_of(connection, sql):
  """Names and rows of a query. DuckDB's optimiser fails on a few valid ones (2.0.0: a constant replace() in a CASE of a
  filter that moves: BindBuiltinScalarFunction); those are asked again without it."""
  def ask():
    result = connection.execute(sql)
    return [d[0] for d in result.description], result.fetchall()
  try:
    return ask()
  except duckdb.InvalidInputException:
    connection.execute('PRAGMA disable_optimizer')
    try:
      return ask()
    finally:
      connection.execute('PRAGMA enable_optimizer')


def rows_of(connection, sql):
  names, rows = answer_of(connection, sql)
  return names, [tuple(normal(v) for v in row) for row in rows]


def key_of(row):
  return tuple((v is None, str(type(v)), str(v)) for v in row)


def in_order(rows, names, order):
  """Whether rows follow the keys of Sort: nulls last in both directions."""
  for a, b in zip(rows, rows[1:]):
    for name, down in order:
      x, y = a[names.index(name)], b[names.index(name)]
      if x == y:
        continue
      if x is None or (y is not None and ((x < y) if down else (x > y))):
        return f'{a} before {b}'
      break
  return None


def problem_of(connection, query, folder):
  path = f'{folder}/{query.prefix}.parquet'
  try:
    names, expected = rows_of(connection, query.sql())
  except duckdb.Error as error:
    return f'DuckDB: {error}'
  if not os.path.exists(path):
    return f'no file was written; {len(expected)} rows expected'
  columns = ', '.join(f'"{n}"' for n in names)
  try:
    _, actual = rows_of(connection, f"SELECT {columns} FROM read_parquet('{path}')")
  except duckdb.Error as error:
    return f'{error}'
  os.remove(path)
  if query.order:
    wrong = in_order(actual, names, query.order)
    if wrong:
      return 'not sorted: ' + wrong
  want, have = sorted(expected, key=key_of), sorted(actual, key=key_of)
  if want == have:
    return None
  missing = [r for r in want if r not in have][:3] if len(want) < 5000 else []
  extra = [r for r in have if r not in want][:3] if len(have) < 5000 else []
  return f'{len(want)} rows expected, {len(have)} came; missing {missing}, extra {extra}'


def check(connection, queries, folder, lanes):
  """Prints the failures of these queries; how many passed."""
  said = run_weir(queries, folder, lanes)
  if said is not None and len(queries) > 1:
    return sum(check(connection, [query], folder, lanes) for query in queries)
  passed = 0
  for query in queries:
    problem = said or problem_of(connection, query, folder)
    if problem is None:
      passed += 1
      continue
    print(f'not ok query {query.prefix} -', problem.replace('\n', ' ')[:600])
    print('#', json.dumps(query.steps, ensure_ascii=False))
    print('#', query.sql())
  return passed


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(4), 'little'))
  parser.add_argument('--queries', type=int, default=1200)
  parser.add_argument('--keep', help='folder for the files of the run')
  parser.add_argument('--kinds', help='only steps of these kinds, as filter,sort')
  arguments = parser.parse_args()
  if arguments.kinds:
    Query.KINDS = arguments.kinds.split(',')
  print('seed', arguments.seed, flush=True)
  random = random_module.Random(arguments.seed)
  with tempfile.TemporaryDirectory(prefix='weir-sql-') as temporary:
    folder = arguments.keep or temporary
    os.makedirs(folder, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET threads = 2")
    make_tables(connection, random, folder)
    passed = 0
    for first in range(0, arguments.queries, BATCH):
      queries = [Query(random, f'q{n}') for n in range(first, min(first + BATCH, arguments.queries))]
      passed += check(connection, queries, folder, lanes=1 + first // BATCH % 3)
    name = f'{passed} of {arguments.queries} random queries agree with DuckDB (seed {arguments.seed})'
    print('ok' if passed == arguments.queries else 'not ok', name, *([] if passed == arguments.queries else ['- see above']))


if __name__ == '__main__':
  main()
