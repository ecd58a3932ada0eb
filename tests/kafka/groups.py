"""Consumer groups: who reads what, and what the group is told."""

import json
import os
import subprocess

import confluent_kafka
import harness
import kit


def committed(name, group, partitions):
  reader = confluent_kafka.Consumer({'bootstrap.servers': kit.address, 'group.id': group})
  try:
    return [t.offset for t in reader.committed([confluent_kafka.TopicPartition(name, p) for p in range(partitions)], 10)]
  finally:
    reader.close()


def test_goes_on(folder):
  """Without a state folder a run goes on where the group stands; the group is told at the end, of what has arrived."""
  name = kit.topic(2)
  kit.produce(name, [{'id': i} for i in range(10)])
  steps = [kit.read(name, stop_at='end', group=name)]
  assert len(kit.run_rows(folder, steps)) == 10
  assert sum(committed(name, name, 2)) == 10
  kit.produce(name, [{'id': i} for i in range(10, 15)])
  assert sorted(row['id'] for row in kit.run_rows(folder, steps)) == list(range(10, 15))
  # A run that fails tells the group nothing.
  kit.produce(name, [b'no json'])
  kit.run(folder, [*steps, harness.step('WriteToJson', path='out.json')], expected=1)
  assert sum(committed(name, name, 2)) == 15


def test_drained_run(folder):
  name = kit.topic(2)
  kit.produce(name, [{'id': i} for i in range(1000)])
  steps = [kit.read(name, group=name), harness.step('WriteToJson', path='out/', roll={'every': '100ms'})]
  with harness.Pipeline(folder, steps):
    harness.wait_for(lambda: os.path.isdir(os.path.join(folder, 'out')) and len(harness.read_rows(folder, 'out')) == 1000, 30)
  assert sum(committed(name, name, 2)) == 1000


def test_stranger(folder):
  """A group whose members do not rebalance cooperatively is refused with what to do."""
  name = kit.topic()
  other = confluent_kafka.Consumer({'bootstrap.servers': kit.address, 'group.id': name,
                                    'partition.assignment.strategy': 'range'})
  other.subscribe([name])
  try:
    harness.wait_for(lambda: other.poll(0.2) is None and other.assignment(), 30, 'a member')
    steps = [kit.read(name, group=name), harness.step('WriteToJson', path='out/', roll={'every': '1s'})]
    with open(os.path.join(folder, 'p.yaml'), 'w', encoding='utf-8') as file:
      json.dump({'pipeline': {'type': 'chain', 'transforms': steps}}, file)
    done = subprocess.run([harness.WEIR, 'run', 'p.yaml', '-q'], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and 'a group of its own' in done.stderr, done.stderr
  finally:
    other.close()
