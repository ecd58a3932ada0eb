"""ReadFromKafka: values, what records carry besides, where it begins, and what it does when something is wrong."""

import json
import os
import time

import harness
import kit


def ids(rows):
  return sorted(row['id'] for row in rows)


def test_values_and_metadata(folder):
  """Every part of a record arrives, whatever the compression."""
  name = kit.topic(2)
  for codec in ('none', 'gzip', 'snappy', 'lz4', 'zstd'):
    sent = [({'id': i, 'text': 'ä\n' * i}, f'k{i}'.encode(), [('a', b'1'), ('b', codec.encode())], 1700000000000 + i)
            for i in range(10)]
    kit.produce(name, sent, **{'compression.codec': codec})
  steps = [kit.read(name, stop_at='end', schema={'id': 'integer', 'text': 'string'},
                    metadata={'key': 'k', 'topic': 't', 'partition': 'p', 'offset': 'o', 'timestamp': 'at',
                              'headers': 'h'})]
  rows = kit.run_rows(folder, steps)
  assert len(rows) == 50, len(rows)
  places = set()
  for row in rows:
    assert row['k'] == f"k{row['id']}" and row['t'] == name and row['text'] == 'ä\n' * row['id'], row
    assert row['at'].startswith('2023-11-14T22:13:20'), row
    assert row['h']['a'] == '1' and row['h']['b'] in ('none', 'gzip', 'snappy', 'lz4', 'zstd'), row
    places.add((row['p'], row['o']))
  assert len(places) == 50 and {p for p, _ in places} == {0, 1}


def test_text_and_bytes(folder):
  name = kit.topic()
  kit.produce(name, [b'one', b'', None, 'zwölf'.encode()])
  rows = kit.run_rows(folder, [kit.read(name, stop_at='end', format='text', schema=None)])
  assert [row['value'] for row in rows] == ['one', '', None, 'zwölf'], rows
  kit.produce(name, [b'\xff\x00'])
  rows = kit.run_rows(folder, [kit.read(name, stop_at='end', format='bytes', schema=None)])
  assert rows[4]['value'] == '/wA=' and rows[2]['value'] is None, rows


def test_poison_rows(folder):
  """Records that are no rows go to the error output with their place, and the others on."""
  name = kit.topic()
  kit.produce(name, [{'id': 1}, b'{"id": ', b'', {'id': 'x'}, None, b'5', b'{"id":\n 2}', b'\xff', {'id': 3}])
  steps = [kit.read(name, stop_at='end', metadata={'offset': 'o'})]
  steps[0]['config']['error_handling'] = {'output': 'bad'}
  with open(os.path.join(folder, 'q.yaml'), 'w', encoding='utf-8') as file:
    json.dump({'pipeline': {'transforms': [
        {**steps[0], 'name': 'In'},
        {'type': 'WriteToJson', 'name': 'A', 'input': 'In', 'config': {'path': 'out.json', 'num_shards': 1}},
        {'type': 'WriteToJson', 'name': 'B', 'input': 'In.bad', 'config': {'path': 'bad.json', 'num_shards': 1}}]}}, file)
  import subprocess
  done = subprocess.run([harness.WEIR, 'run', 'q.yaml', '-q'], cwd=folder, capture_output=True, text=True, timeout=60)
  assert done.returncode == 0, done.stderr
  rows = harness.read_rows(folder)
  assert [(row['id'], row['o']) for row in rows] == [(1, 0), (None, 4), (2, 6), (3, 8)], rows
  bad = harness.read_rows(folder, 'bad.json')
  places = [row['msg'].split(':')[0] for row in bad]
  assert places == [f'{name}[0]@{i}' for i in (1, 2, 3, 5, 7)], bad


def test_start(folder):
  name = kit.topic(2)
  for partition in range(2):
    kit.produce(name, [({'id': 10 * partition + i}, None, None, 1700000000000 + 1000 * i) for i in range(5)], partition)

  def read(**config):
    return ids(kit.run_rows(folder, [kit.read(name, stop_at='end', **config)]))

  assert read() == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
  assert read(start='latest') == []
  assert read(start='2023-11-14T22:13:23Z') == [3, 4, 13, 14]
  assert read(start='2030-01-01') == []
  assert read(start_offsets={'1': 4}) == [0, 1, 2, 3, 4, 14]
  assert read(start_offsets={f'{name}/0': 3, '1': 5}) == [3, 4]


def test_transactions(folder):
  """What was aborted, or is not committed, is not read; a run up to the end comes to it all the same."""
  import confluent_kafka
  name = kit.topic()
  producer = confluent_kafka.Producer({'bootstrap.servers': kit.address, 'transactional.id': name})
  producer.init_transactions(30)
  for i, end in enumerate(('commit', 'abort', 'commit', 'abort')):
    producer.begin_transaction()
    producer.produce(name, json.dumps({'id': i}))
    producer.flush(30)
    producer.commit_transaction(30) if end == 'commit' else producer.abort_transaction(30)
  assert ids(kit.run_rows(folder, [kit.read(name, stop_at='end')])) == [0, 2]


def test_globs_and_new_partitions(folder):
  """Topics and partitions that come later are found, and read from their beginning."""
  first, prefix = kit.topic(name='glob-a'), 'glob-'
  kit.produce(first, [{'id': 1}])
  steps = [kit.read(prefix + '*', discover='200ms', start='latest'), harness.step('WriteToJson', path='out/', roll={'every': '100ms'})]
  with harness.Pipeline(folder, steps) as run:
    time.sleep(2)
    assert run.process.poll() is None, run.process.communicate()
    second = kit.topic(name='glob-b')
    kit.produce(second, [{'id': 2}])
    kit.add_partitions(first, 2)
    kit.produce(first, [{'id': 3}], partition=1)
    harness.wait_for(lambda: os.path.isdir(os.path.join(folder, 'out')) and len(harness.read_rows(folder, 'out')) == 2, 30,
                     'reading what is new')
  assert ids(harness.read_rows(folder, 'out')) == [2, 3], harness.read_rows(folder, 'out')


def test_broker_crashes(folder):
  """A broker that is killed in the midst of reading and comes back: everything arrives, once."""
  name = kit.topic(3)
  kit.produce(name, [{'id': i} for i in range(20000)])
  steps = [kit.read(name), harness.step('WriteToJson', path='out/', roll={'every': '200ms'})]
  with harness.Pipeline(folder, steps) as run:
    harness.wait_for(lambda: os.path.isdir(os.path.join(folder, 'out')), 30, 'the first rows')
    kit.broker.crash('kafka')
    time.sleep(0.5)
    kit.broker.up('kafka')
    kit.produce(name, [{'id': i} for i in range(20000, 40000)])
    harness.wait_for(lambda: len(harness.read_rows(folder, 'out')) >= 40000, 60, 'reading on')
    assert run.process.poll() is None
  assert ids(harness.read_rows(folder, 'out')) == list(range(40000))


def test_slow_steps_wait(folder):
  """Back pressure: what is fetched ahead is bounded however slow the pipeline is."""
  name = kit.topic()
  kit.produce(name, [(b'{"id": %d, "x": "%s"}' % (i, b'y' * 1000)) for i in range(200000)])
  steps = [kit.read(name, max_queue='4MiB', schema={'id': 'integer', 'x': 'string'}),
           harness.step('WriteToHttp', url='http://127.0.0.1:9/nobody', max_retry='1h', batch={'max_records': 10})]
  with harness.Pipeline(folder, steps) as run:
    time.sleep(5)
    peak = run.peak_memory_bytes()
    run.process.kill()
    run.process.communicate()
    run.process.stderr.close()
  assert peak < 180 << 20, f'{peak >> 20} MiB'
  return f'{peak >> 20} MiB at most, of a topic of 200 MB'


def test_mistakes(folder):
  """What is wrong is said before anything runs, with what to do, and without secrets."""
  out = harness.step('WriteToJson', path='out.json')
  _, err = kit.run(folder, [kit.read('nobody-made-this', stop_at='end'), out], expected=1)
  assert "'nobody-made-this'" in err and 'create the topic' in err, err
  steps = [kit.read('t', timeout='1s', stop_at='end'), out]
  steps[0]['config'].update(bootstrap_servers='127.0.0.1:9', sasl={'username': 'u', 'password': 'hush-hush'})
  _, err = kit.run(folder, steps, expected=1)
  assert '127.0.0.1:9' in err and 'hush-hush' not in err, err
  _, err = kit.run(folder, [kit.read('t', options={'no.such.thing': 'hush-hush'}), out], expected=1)
  assert 'no.such.thing' in err and 'hush-hush' not in err, err
  _, err = kit.run(folder, [kit.read('t', options={'group.id': 'x'}), out], expected=78)
  assert "'group.id' is set by the step itself" in err, err
  _, err = kit.run(folder, [kit.read('t', start='yesterday'), out], expected=78)
  assert 'earliest' in err, err
