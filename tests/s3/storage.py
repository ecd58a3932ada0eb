"""Reading and writing: every format there and back, names, prefixes with many objects, objects of all sizes."""

import concurrent.futures
import os
import shutil

from store import REFUSED, environment, make_rows, read_back, rows_of, run, step, write_pipeline

FORMATS = (('Csv', 'csv', {}), ('Json', 'json', {}), ('Parquet', 'parquet', {}), ('Csv', 'csv.gz', {}),
           ('Json', 'json.zst', {}))


def test_every_format_there_and_back(folder, s3):
  env = environment(s3)
  make_rows(folder, 30_000)
  for kind, extension, config in FORMATS:
    path = f's3://{s3.bucket}/formats/one.{extension}'
    run(folder, [step('ReadFromJson', path='rows.json'), step('WriteTo' + kind, path=path, **config)], env)
    rows = read_back(folder, env, 'ReadFrom' + kind, path)
    assert sorted(row['id'] for row in rows) == list(range(30_000)), extension
    assert all(row['text'] == f'row {row["id"]} ' for row in rows), extension
  path = f's3://{s3.bucket}/formats/t.txt'
  run(folder, [step('ReadFromText', path='rows.json'), step('WriteToText', path=path)], env)
  with open(os.path.join(folder, 'rows.json'), 'rb') as file:
    assert s3.get('formats/t.txt') == file.read()


def test_objects_of_all_sizes(folder, s3):
  """Nothing, less and more than one request holds, several parts: the bytes are those of the same run into a file."""
  env = environment(s3)
  for count, width in ((0, 0), (1, 0), (400, 1), (2_000, 2), (60_000, 30), (200_000, 30)):
    make_rows(folder, count, width=width)
    there = f's3://{s3.bucket}/sizes/{count}.txt'
    run(folder, [step('ReadFromText', path='rows.json'), step('WriteToText', path=there)], env)
    with open(os.path.join(folder, 'rows.json'), 'rb') as file:
      expected = file.read()
    assert s3.get(f'sizes/{count}.txt') == expected, count
    run(folder, [step('ReadFromText', path=there), step('WriteToText', path='back.txt')], env)
    with open(os.path.join(folder, 'back.txt'), 'rb') as file:
      assert file.read() == expected, count
  assert not s3.uploads('sizes/')
  return f'the largest has {len(expected) >> 20} MiB'


def test_shards_and_partitions(folder, s3):
  env = environment(s3)
  make_rows(folder, 1000)
  base = f's3://{s3.bucket}/parts'
  modulo = step('MapToFields', append=True, fields={'day': 'mod(id, 5)'})
  run(folder, [step('ReadFromJson', path='rows.json'), modulo,
               step('WriteToParquet', path=base + '/by_day/', partition_by=['day'])], env)
  keys = s3.keys('parts/by_day/')
  assert len(keys) == 5 and keys[0].startswith('parts/by_day/day=0/part-'), keys
  run(folder, [step('ReadFromJson', path='rows.json'), step('WriteToCsv', path=base + '/shards/', num_shards=3)], env)
  assert len(s3.keys('parts/shards/')) == 3
  assert len(read_back(folder, env, 'ReadFromCsv', base + '/shards')) == 1000
  assert len(read_back(folder, env, 'ReadFromParquet', base + '/by_day/*/*.parquet')) == 1000


def test_globs_are_those_of_files(folder, s3):
  """The same names as files and as objects, and the same patterns: the same choice."""
  env = environment(s3)
  names = ['a.csv', 'b.csv', 'a.txt', '.h.csv', '_u.csv', 'd/a.csv', 'd/e/a.csv', 'd/e/f/x.csv', 'd/.g/a.csv',
           'd2/a.csv', 'x y.csv', 'é+&%.csv', 'q[1].csv', 'a..b.csv']
  for name in names:
    path = os.path.join(folder, 'tree', name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
      file.write('n\n1\n')
    s3.put('tree/' + name, 'n\n1\n')
  patterns = ['*.csv', '**/*.csv', '**/a.csv', 'd/**', 'd*/a.csv', '?.csv', '[ab].csv', '{a,b}.csv', 'd/*/a.csv', '',
              '**/x.csv', '.*.csv', 'd', '*/*/*.csv', 'q[1].csv', 'x y.csv', 'a*.csv', '[!a].csv', 'd/{a,e/a}.csv']
  for pattern in patterns:
    local = read_back(folder, env, 'ReadFromCsv', os.path.join(folder, 'tree', pattern), filename_column='f')
    remote = read_back(folder, env, 'ReadFromCsv', f's3://{s3.bucket}/tree/{pattern}', filename_column='f')
    expected = [row['f'].replace(folder + '/', f's3://{s3.bucket}/') for row in local]
    assert [row['f'] for row in remote] == expected, f'{pattern}: {[row["f"] for row in remote]} and not {expected}'
  shutil.rmtree(os.path.join(folder, 'tree'))


def test_ten_thousand_objects(folder, s3):
  env = environment(s3)

  def fill(worker):
    client = s3.clone()
    for i in range(worker, 10_000, 8):
      client.put(f'many/{i:05d}.json', f'{{"id":{i}}}\n')

  with concurrent.futures.ThreadPoolExecutor(8) as pool:
    list(pool.map(fill, range(8)))
  out, _ = run(folder, [step('ReadFromJson', path=f's3://{s3.bucket}/many/*.json'), step('WriteToJson', path='-')], env,
               seconds=300)
  assert [row['id'] for row in rows_of(out)] == list(range(10_000))


def test_a_prefix_is_a_folder(folder, s3):
  env = environment(s3)
  for key in ('folder/a.json', 'folder/b/c.json', 'folder2/d.json'):
    s3.put(key, f'{{"key": "{key}"}}\n')
  base = f's3://{s3.bucket}/folder'
  for path in (base, base + '/'):
    assert [row['key'] for row in read_back(folder, env, 'ReadFromJson', path)] == ['folder/a.json', 'folder/b/c.json']


def test_parquet_reads_only_what_it_needs(folder, s3):
  """A column of a wide file: far fewer bytes than the file has come over the wire."""
  from fault_proxy import TcpProxy
  make_rows(folder, 100_000, width=20)
  path = f's3://{s3.bucket}/wide.parquet'
  run(folder, [step('ReadFromJson', path='rows.json'), step('WriteToParquet', path=path)], environment(s3))
  size = int(s3.head('wide.parquet')['Content-Length'])
  with TcpProxy(s3.port) as proxy:
    rows = read_back(folder, environment(s3, proxy.port), 'ReadFromParquet', path, columns=['id'])
    came = proxy.bytes['response']
  assert len(rows) == 100_000 and came < size / 3, f'{came} of {size} bytes'
  return f'{came >> 10} KiB of {size >> 10} KiB'


def test_errors_say_what_to_do(folder, s3):
  env = environment(s3)
  cases = [
      (f's3://{s3.bucket}/nothing.csv', env, 'there is no object'),
      (f's3://{s3.bucket}/nothing/*.csv', env, 'no file matches'),
      ('s3://no-such-bucket-here/a.csv', env, 'NoSuchBucket'),
      ('s3:///a.csv', env, 's3://BUCKET/KEY'),
      ('gs://bucket/a.csv', env, 's3://bucket/key'),
      (f's3://{s3.bucket}/a.csv', environment(s3, AWS_SECRET_ACCESS_KEY='wrong'), 'secret access key'),
      (f's3://{s3.bucket}/a.csv', environment(s3, AWS_ACCESS_KEY_ID=None), 'no AWS credentials'),
  ]
  s3.put('a.csv', 'x\n1\n')
  for path, case_env, words in cases:
    write_pipeline(folder, [])
    _, said = run(folder, [step('ReadFromCsv', path=path), step('Print')], case_env, expected=REFUSED)
    assert words in said and 'p.yaml:' in said, f'{path}: {said}'
    assert 'weirtestsecret' not in said and 'wrong' not in said.replace('wrong with', '')
  steps = [step('Create', elements=[{'a': 1}]), step('WriteToJson', path='s3://no-such-bucket-here/a.json')]
  _, said = run(folder, steps, env, expected=1)
  assert 'NoSuchBucket' in said and 'create the bucket' in said, said
