"""WriteToKafka: keys, headers, topics, values, and what brokers refuse."""

import json
import os
import subprocess
import time

import harness
import kit


def rows_of(values):
  return harness.step('Create', elements=values)


def test_records(folder):
  """Values, keys, headers and topics as the row says."""
  name, other = kit.topic(4), kit.topic()
  rows = [{'id': i, 'who': None if i == 3 else f'w{i % 5}', 'to': other if i % 10 == 0 else None} for i in range(100)]
  kit.run(folder, [rows_of(rows), kit.write(name, key='who', topic_of='to', fields=['id'],
                                            headers={'half': 'id / 2', 'who': 'who'})])
  found = kit.consume(name)
  assert sorted(json.loads(m.value())['id'] for m in found) == [i for i in range(100) if i % 10]
  assert sorted(row['id'] for row in kit.rows(other)) == list(range(0, 100, 10))
  partition_of = {}
  for m in found:
    row = rows[json.loads(m.value())['id']]
    assert m.key() == (row['who'].encode() if row['who'] else None), m.key()
    headers = dict(m.headers())
    assert headers.get('who') == m.key() and float(headers['half']) == row['id'] / 2, headers
    assert list(json.loads(m.value())) == ['id']
    if m.key():
      assert partition_of.setdefault(m.key(), m.partition()) == m.partition()
  import confluent_kafka  # Java's clients and this one agree on murmur2: a key has one partition whoever writes it
  kit.produce(name, [({'id': 1000}, b'w1', None, 0)], **{'partitioner': 'murmur2_random'})
  assert confluent_kafka and [m.partition() for m in kit.consume(name) if b'1000' in m.value()] == [partition_of[b'w1']]


def test_text_and_tombstones(folder):
  name = kit.topic()
  rows = [{'k': 'a', 'v': 'één'}, {'k': 'b', 'v': None}, {'k': 'c', 'v': ''}]
  kit.run(folder, [rows_of(rows), kit.write(name, key='k', fields='v', format='text')])
  assert [(m.key(), m.value()) for m in kit.consume(name)] == [(b'a', 'één'.encode()), (b'b', None), (b'c', b'')]


def test_timestamps(folder):
  name = kit.topic()
  kit.produce(name, [({'id': 1}, None, None, 1700000000123)])
  copy = kit.topic()
  kit.run(folder, [kit.read(name, stop_at='end'), kit.write(copy, timestamp='event_time')])
  assert [m.timestamp()[1] for m in kit.consume(copy)] == [1700000000123]


def test_refused_rows(folder):
  """A row that is too long for the topic, though not for the client, takes none of its batch with it."""
  name = kit.topic(max_message_bytes=2000)
  rows = [{'id': i, 'x': 'y' * (5000 if i in (7, 13) else 10)} for i in range(100)]
  with open(os.path.join(folder, 'q.yaml'), 'w', encoding='utf-8') as file:
    json.dump({'pipeline': {'transforms': [
        {**rows_of(rows), 'name': 'In'},
        {**kit.write(name, compression='none'), 'name': 'Out', 'input': 'In'},
        {'type': 'WriteToJson', 'name': 'Bad', 'input': 'Out.bad', 'config': {'path': 'bad.json', 'num_shards': 1}}]}}, file)
  text = open(os.path.join(folder, 'q.yaml'), encoding='utf-8').read().replace('"compression"', '"error_handling": {"output": "bad"}, "compression"')
  open(os.path.join(folder, 'q.yaml'), 'w', encoding='utf-8').write(text)
  done = subprocess.run([harness.WEIR, 'run', 'q.yaml', '-q'], cwd=folder, capture_output=True, text=True, timeout=60)
  assert done.returncode == 0, done.stderr
  assert sorted(row['id'] for row in kit.rows(name)) == [i for i in range(100) if i not in (7, 13)]
  assert [row['element']['id'] for row in harness.read_rows(folder, 'bad.json')] == [7, 13]


def test_broker_crashes(folder):
  """A broker that is killed while rows go out: every row arrives, and none twice while the run lasts."""
  source, name = kit.topic(3), kit.topic(3)
  kit.produce(source, [{'id': i} for i in range(50000)])
  with harness.Pipeline(folder, [kit.read(source), kit.write(name, retry={'delay': '100ms'})]) as run:
    harness.wait_for(lambda: sum(kit.ends(name).values()) > 0, 30, 'the first rows')
    kit.broker.crash('kafka')
    time.sleep(1)
    kit.broker.up('kafka')
    kit.produce(source, [{'id': i} for i in range(50000, 60000)])
    harness.wait_for(lambda: sum(kit.ends(name).values()) >= 60000, 60, 'all rows')
    assert run.process.poll() is None
  assert sorted(row['id'] for row in kit.rows(name)) == list(range(60000))


def test_mistakes(folder):
  _, err = kit.run(folder, [rows_of([{'id': 1}]), kit.write('t', format='text')], expected=78)
  assert 'one field of text' in err, err
  _, err = kit.run(folder, [rows_of([{'id': 1}]), kit.write('t', key='nothing')], expected=78)
  assert 'nothing' in err, err
  steps = [rows_of([{'id': 1}]), kit.write('t', timeout='1s', retry={'max': '1s'})]
  steps[1]['config']['bootstrap_servers'] = '127.0.0.1:9'
  _, err = kit.run(folder, steps, expected=1)
  assert '127.0.0.1:9' in err, err
