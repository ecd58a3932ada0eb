"""WriteToPostgres and ReadFromPostgres against a real server."""

import os
import subprocess
import threading
import time

from kit import WEIR, Killed, errors_of, rows_of, run, step, wait_for, write_pipeline

EVERY_TYPE = '''
DROP TYPE IF EXISTS mood CASCADE; CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE all_types (id int PRIMARY KEY, a smallint, b bigint, c real, d double precision, e numeric(20, 4), f numeric,
  g text, h varchar(5), i char(3), j bytea, k date, l timestamp, m timestamptz, n jsonb, o json, p uuid, q int[], r text[],
  s numeric(5, 2)[], u mood, v inet, w interval, x bool);
INSERT INTO all_types VALUES (1, -5, 9007199254740993, 1.5, 'NaN', 12345.6789, 1e40, 'x', 'yy', 'z', '\\x00ff',
  '1999-12-31', '2001-02-03 04:05:06.789', '2026-03-01 00:00:00+02', '{"a": [1, null]}', '[1]',
  '00112233-4455-6677-8899-aabbccddeeff', '{1,null,3}', '{"a b",c}', '{1.50,-0.01}', 'ok', '10.0.0.1', '1 day', true),
  (3, 1, 1, 'infinity', '-infinity', -0.0001, 'NaN', '', '', '', '', '0001-01-01', '0001-01-01', '9999-12-31', 'null',
  'null', null, '{}', '{}', '{}', 'sad', '::1', '-1 s', false);
INSERT INTO all_types (id) VALUES (2);
INSERT INTO all_types (id, e, s) SELECT n, n / 100.0 * (CASE n % 2 WHEN 0 THEN 1 ELSE -1 END), ARRAY[n % 100 / 100.0]
  FROM generate_series(10, 20000) n;
'''


def read(database, **config):
  return step('ReadFromPostgres', url=database.url, **config)


def write(database, **config):
  return step('WriteToPostgres', url=database.url, **config)


def create(elements):
  return step('Create', elements=elements)


def test_every_type_goes_through(_, database, folder):
  database(EVERY_TYPE + 'CREATE TABLE all_copy (LIKE all_types INCLUDING ALL);')
  run(folder, [read(database, table='all_types'), write(database, table='all_copy')])
  assert database('SELECT t::text FROM all_types t EXCEPT ALL SELECT t::text FROM all_copy t') == []
  assert database('SELECT count(*) FROM all_copy') == [['19994']]


def test_a_table_is_made_and_read_by_lanes(_, database, folder):
  made = step('Generate', rows=300_000, fields={'id': {'kind': 'sequence'}, 'v': {'kind': 'number'}})
  run(folder, [made, write(database, table='public.made', key='id')])
  database('ANALYZE made')
  total = step('Combine', group_by=[], combine={'n': {'value': 'id', 'fn': 'count'}, 's': {'value': 'id', 'fn': 'sum'}})
  for config in ({'table': 'public.made'}, {'query': 'SELECT * FROM made'}, {'table': 'made', 'split_by': 'id'}):
    rows = rows_of(folder, [read(database, **config), total], '--lanes', '3')
    assert rows == [{'n': 300_000, 's': 300_000 * 299_999 // 2}], rows


def test_by_name_and_schema_drift(_, database, folder):
  database('CREATE TABLE drift (v text, extra int DEFAULT 7)')
  rows = [create([{'id': 1, 'v': 'a'}])]
  _, error = run(folder, rows + [write(database, table='drift')], expected=1)
  assert "no column 'id'" in error and 'schema_drift: add' in error, error
  run(folder, rows + [write(database, table='drift', schema_drift='add')])
  assert database('SELECT v, extra, id FROM drift') == [['a', '7', '1']]
  _, error = run(folder, [create([{'id': 'x'}]), write(database, table='drift')], expected=1)
  assert 'is of type bigint' in error, error
  run(folder, [create([{'id': '12'}]), write(database, table='drift', schema_drift='cast')])
  assert database('SELECT id FROM drift WHERE v IS NULL') == [['12']]


def test_changes_become_upserts_and_deletes(_, database, folder):
  rows = create([{'k': 'a', 'n': 1}, {'k': 'b', 'n': 2}, {'k': 'a', 'n': 3}])
  counts = step('Combine', group_by='k', combine={'n': {'value': 'n', 'fn': 'sum'}})
  run(folder, [rows, counts, write(database, table='sums', key='k')])
  run(folder, [create([{'k': 'b', 'n': 9}]), write(database, table='sums', key='k')])
  assert database('SELECT k, n FROM sums ORDER BY k') == [['a', '4'], ['b', '9']]


def test_poison_rows_go_to_the_errors(_, database, folder):
  database('CREATE TABLE poison (id int PRIMARY KEY, v int CHECK (v < 1000))')
  good = [{'id': n, 'v': n % 1000} for n in range(2000)]
  bad = [{'id': 5, 'v': 5}, {'id': 70_000_000_000, 'v': 7}, {'id': 3000, 'v': 40_000}]
  rows = create(good[:900] + bad[:1] + good[900:1500] + bad[1:] + good[1500:])
  refused = errors_of(folder, rows, write(database, table='poison'))
  assert database('SELECT count(*) FROM poison') == [['2000']]
  assert sorted(error['element']['id'] for error in refused) == [5, 3000, 70_000_000_000], refused
  text = str(refused)
  assert 'duplicate key' in text and 'check constraint' in text and '32 bits' in text, text


def test_a_server_that_crashes_and_comes_back(running, database, folder):
  rows = step('Generate', rows=1_000_000, fields={'id': {'kind': 'sequence'}, 'v': {'kind': 'text', 'length': 30}})
  killed = Killed(folder, [rows, write(database, table='crashed', rate_limit=300_000)])
  killed.start()
  for _ in range(2):
    time.sleep(0.7)
    running.crash('postgres')
    time.sleep(0.3)
    running.up('postgres')
  killed.finish()
  found = database('SELECT count(*), count(DISTINCT id) FROM crashed')
  assert found == [['1000000', '1000000']], found


def test_a_slow_sink_holds_the_source_back(_, database, folder):
  """While another session holds the table, rows wait within bounds; then all of them arrive."""
  database('CREATE TABLE slow (id bigint, v text)')
  lock = threading.Thread(target=database, args=('BEGIN; LOCK TABLE slow; SELECT pg_sleep(3); COMMIT',))
  lock.start()
  time.sleep(0.3)
  rows = step('Generate', rows=3_000_000, fields={'id': {'kind': 'sequence'}, 'v': {'kind': 'text', 'length': 100}})
  path = write_pipeline(folder, [rows, write(database, table='slow')])
  process = subprocess.Popen([WEIR, 'run', path, '-q'], cwd=folder, stderr=subprocess.PIPE)
  time.sleep(2)
  with open(f'/proc/{process.pid}/status', encoding='utf-8') as status:
    peak = int(next(line for line in status if line.startswith('VmHWM')).split()[1]) >> 10
  lock.join()
  assert process.wait(120) == 0, process.stderr.read()
  assert database('SELECT count(*) FROM slow') == [['3000000']]
  assert peak < 500, f'{peak} MiB of 350 MiB of rows were held'
  return f'peak {peak} MiB while the table was locked'


def test_secrets_are_not_printed(_, database, folder):
  url = database.url.replace('weir@', 'weir:s3cret@').replace('/postgres', '/nowhere')
  for config in ({'url': url}, {'url': database.url.replace('/postgres', '/nowhere'), 'password': 's3cret'}):
    steps = [create([{'id': 1}]), step('WriteToPostgres', table='t', **config)]
    _, error = run(folder, steps, expected=1)
    assert 'nowhere' in error and 's3cret' not in error, error
    out = subprocess.run([WEIR, 'explain', 'p.yaml'], cwd=folder, capture_output=True, text=True, check=False)
    assert out.returncode == 0 and 's3cret' not in out.stdout + out.stderr, out


def test_postgres_to_postgres_killed_again_and_again(_, database, folder):
  count = 600_000
  database(f"CREATE TABLE origin (id bigint PRIMARY KEY, v text); INSERT INTO origin SELECT n, 'row ' || n FROM "
           f'generate_series(1, {count}) n; ANALYZE origin')
  killed = Killed(folder, [read(database, table='origin'), write(database, table='target', rate_limit=100_000)])
  while killed.kills < 25 and killed.kill_after(0.02, 0.4):
    pass
  killed.finish()
  found = database('SELECT count(*), count(DISTINCT id), sum(id) FROM target')
  assert found == [[str(count), str(count), str(count * (count + 1) // 2)]], f'seed {killed.seed}: {found}'
  return f'{killed.kills} kills, seed {killed.seed}'


def test_file_to_postgres_killed_again_and_again(_, database, folder):
  count = 400_000
  with open(os.path.join(folder, 'rows.csv'), 'w', encoding='utf-8') as file:
    file.write('id,v\n' + ''.join(f'{n},value {n}\n' for n in range(count)))
  killed = Killed(folder, [step('ReadFromCsv', path='rows.csv'), write(database, table='from_file', rate_limit=200_000)])
  while killed.kills < 25 and killed.kill_after(0.02, 0.4):
    pass
  killed.finish()
  found = database('SELECT count(*), count(DISTINCT id) FROM from_file')
  assert found == [[str(count), str(count)]], f'seed {killed.seed}: {found}'
  return f'{killed.kills} kills, seed {killed.seed}'


def test_a_run_that_begins_anew_writes_anew(_, database, folder):
  for _ in range(2):
    Killed(folder, [create([{'id': 1}]), write(database, table='anew')]).finish()
    subprocess.run(['rm', '-rf', os.path.join(folder, 'state')], check=True)
  assert database('SELECT count(*) FROM anew') == [['2']]


def test_a_server_that_is_away_is_waited_for(running, database, folder):
  running.crash('postgres')
  steps = [create([{'id': 1}]), write(database, table='away', retry={'max': '300ms', 'delay': '50ms'})]
  _, error = run(folder, steps, expected=1)
  assert 'refused' in error, error
  steps = [create([{'id': 1}]), write(database, table='away')]
  process = subprocess.Popen([WEIR, 'run', write_pipeline(folder, steps), '-q'], cwd=folder, stderr=subprocess.PIPE)
  time.sleep(0.5)
  running.up('postgres')
  assert process.wait(60) == 0, process.stderr.read()
  wait_for(lambda: database('SELECT count(*) FROM away') == [['1']], what='the row')
