"""What the tests of Kafka share: topics, another client, and steps that read and write them."""

import itertools
import json
import os
import subprocess
import time

import confluent_kafka
import confluent_kafka.admin
import harness

broker = None   # servers.Running
admin = None
address = ''
_numbers = itertools.count(1)


def connect():
  global admin, address
  address = broker.env['WEIR_TEST_KAFKA']
  admin = confluent_kafka.admin.AdminClient({'bootstrap.servers': address})


def topic(partitions=1, name='t', **config):
  """A new topic."""
  name = f'{name}{next(_numbers)}'
  settings = {key.replace('_', '.'): str(value) for key, value in config.items()}
  new = confluent_kafka.admin.NewTopic(name, partitions, 1, config=settings)
  for future in admin.create_topics([new]).values():
    future.result(30)
  return name


def add_partitions(name, total):
  for future in admin.create_partitions([confluent_kafka.admin.NewPartitions(name, total)]).values():
    future.result(30)


def forget(name, partition, before):
  """Deletes the records of a partition before an offset, as retention does."""
  there = [confluent_kafka.TopicPartition(name, partition, before)]
  for future in admin.delete_records(there).values():
    future.result(30)


def produce(name, values, partition=None, **settings):
  """Values are bytes, or made JSON; a tuple is (value, key, headers, timestamp in ms)."""
  producer = confluent_kafka.Producer({'bootstrap.servers': address, 'linger.ms': 5, **settings})
  where = {} if partition is None else {'partition': partition}
  for value in values:
    value, key, headers, at = value if isinstance(value, tuple) else (value, None, None, 0)
    value = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    while True:
      try:
        producer.produce(name, value, key, headers=headers, timestamp=at or 0, **where)
        break
      except BufferError:
        producer.poll(0.1)
  assert producer.flush(30) == 0


def ends(name):
  """{partition: end offset} for readers of committed records."""
  reader = confluent_kafka.Consumer({'bootstrap.servers': address, 'group.id': 'ends'})
  try:
    partitions = reader.list_topics(name, 10).topics[name].partitions
    return {p: reader.get_watermark_offsets(confluent_kafka.TopicPartition(name, p), 10)[1] for p in partitions}
  finally:
    reader.close()


def consume(name, level='read_committed'):
  """All messages that are there now, by partition and offset."""
  reader = confluent_kafka.Consumer({'bootstrap.servers': address, 'group.id': 'check', 'enable.auto.commit': False,
                                     'isolation.level': level, 'enable.partition.eof': True,
                                     'auto.offset.reset': 'earliest'})
  try:
    partitions = reader.list_topics(name, 10).topics[name].partitions
    reader.assign([confluent_kafka.TopicPartition(name, p, confluent_kafka.OFFSET_BEGINNING) for p in partitions])
    open_ones, found, until = set(partitions), [], time.monotonic() + 60
    while open_ones:
      assert time.monotonic() < until, f'{name} does not come to its end'
      for message in reader.consume(1000, 0.2):
        if message.error():
          assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
          open_ones.discard(message.partition())
        else:
          found.append(message)
    return sorted(found, key=lambda m: (m.partition(), m.offset()))
  finally:
    reader.close()


def rows(name):
  return [json.loads(message.value()) for message in consume(name)]


def read(name, **config):
  config = {'schema': {'id': 'integer'}, **config}
  return harness.step('ReadFromKafka', bootstrap_servers=address, topic=name,
                      **{key: value for key, value in config.items() if value is not None})


def write(name, **config):
  return harness.step('WriteToKafka', bootstrap_servers=address, topic=name, **config)


def run(folder, steps, *arguments, expected=0, seconds=60):
  """Runs a chain of steps to its end; (stdout, stderr)."""
  with open(os.path.join(folder, 'p.yaml'), 'w', encoding='utf-8') as file:
    json.dump({'pipeline': {'type': 'chain', 'transforms': steps}}, file)
  done = subprocess.run([harness.WEIR, 'run', 'p.yaml', '-q', *arguments], cwd=folder, capture_output=True, text=True,
                        timeout=seconds)
  assert done.returncode == expected, f'exit status {done.returncode}: {done.stderr}'
  return done.stdout, done.stderr


def run_rows(folder, steps, *arguments):
  """Runs a chain that ends here in JSON; its rows."""
  run(folder, [*steps, harness.step('WriteToJson', path='out.json', num_shards=1)], *arguments)
  return harness.read_rows(folder)
