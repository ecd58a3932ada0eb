"""Durable runs: killed, taken up again, with brokers that crash and topics that forget, and each record once."""

import json
import os
import random
import signal
import subprocess
import time

import harness
import kit

KILLS = int(os.environ.get('WEIR_TEST_KILLS', '20'))
SEED = int(os.environ.get('WEIR_TEST_SEED', time.time_ns() % 1_000_000))
KILL_POINTS = ('epoch.captured', 'epoch.recorded', 'epoch.sink_committed')


def start(folder, steps, *options, env=None):
  """`weir run` of a chain of steps with its state in `folder`; its log is appended to run.log."""
  os.makedirs(folder, exist_ok=True)
  with open(os.path.join(folder, 'p.yaml'), 'w', encoding='utf-8') as file:
    json.dump({'pipeline': {'type': 'chain', 'transforms': steps}}, file)
  with open(os.path.join(folder, 'run.log'), 'ab') as log:
    return subprocess.Popen([harness.WEIR, 'run', 'p.yaml', '-q', '--state', 'state', *options], cwd=folder,
                            stdout=log, stderr=log, env=os.environ | (env or {}))


def log_of(folder):
  with open(os.path.join(folder, 'run.log'), encoding='utf-8', errors='replace') as file:
    return file.read()[-2000:]


def end(run, folder, how=signal.SIGINT, seconds=60):
  run.send_signal(how)
  status = run.wait(seconds)
  assert status in (0, 130), f'exit status {status}: {log_of(folder)}'


def check_once(name, total):
  ids = sorted(row['id'] for row in kit.rows(name))
  assert ids == list(range(total)), f'{len(ids)} records, {len(set(ids))} of them different, of {total}'


def test_kills(folder):
  """Kafka to Kafka, killed again and again at any moment, also while it recovers; brokers crash between."""
  chance = random.Random(SEED)
  source, out = kit.topic(3), kit.topic(2)
  steps = [kit.read(source), kit.write(out, key='id')]
  sent, begin = 0, time.monotonic()
  for kill in range(KILLS):
    kit.produce(source, [{'id': i} for i in range(sent, sent + 5000)])
    sent += 5000
    env = {}
    if kill % 4 == 3:  # at a named moment: between the record and the transaction, and about it
      env = {'WEIR_KILL_AT': f'{chance.choice(KILL_POINTS)}:{chance.randint(1, 3)}'}
    run = start(folder, steps, env=env)
    if kill == KILLS // 2:
      time.sleep(1)
      kit.broker.crash('kafka')
      kit.broker.up('kafka')
    # One in five dies while it recovers.
    wait = chance.uniform(0.02, 0.4) if chance.random() < 0.2 else chance.uniform(0.5, 3)
    try:
      status = run.wait(5 if env else wait)
      assert status in (137, -9), f'kill {kill}: exit status {status}: {log_of(folder)}'
    except subprocess.TimeoutExpired:
      run.kill()
      run.wait()
  run = start(folder, steps)
  try:
    harness.wait_for(lambda: len(kit.consume(out)) >= sent or run.poll() is not None, 90, f'all {sent} records')
    end(run, folder)
  finally:
    run.kill()
  check_once(out, sent)
  return f'{KILLS} kills in {time.monotonic() - begin:.0f} s, {sent} records, each once; seed {SEED}'


def test_resume_from_position(folder):
  """It goes on where its own last epoch stands, whatever the group says."""
  source, out = kit.topic(2), kit.topic()
  kit.produce(source, [{'id': i} for i in range(100)])
  steps = [kit.read(source, group=source, start='latest', start_offsets={'0': 0, '1': 0}), kit.write(out)]
  run = start(folder, steps)
  try:
    harness.wait_for(lambda: len(kit.consume(out)) == 100, 60, 'the first records')
    end(run, folder)
    kit.produce(source, [{'id': i} for i in range(100, 150)])
    run = start(folder, steps)
    harness.wait_for(lambda: len(kit.consume(out)) >= 150, 60, 'the others')
    end(run, folder)
  finally:
    run.kill()
  check_once(out, 150)


def test_gap(folder):
  """Records that were to be read next and are gone: an error with place and remedy, unless gaps are allowed."""
  source, out = kit.topic(), kit.topic()
  kit.produce(source, [{'id': i} for i in range(100)])
  steps = [kit.read(source), kit.write(out)]
  run = start(folder, steps)
  try:
    harness.wait_for(lambda: len(kit.consume(out)) == 100, 60, 'the first records')
    end(run, folder)
    kit.produce(source, [{'id': i} for i in range(100, 300)])
    kit.forget(source, 0, 200)
    run = start(folder, steps)
    assert run.wait(60) == 1, log_of(folder)
    log = log_of(folder)
    assert f'{source}[0]' in log and 'to read is 100' in log and 'allow_gaps' in log, log
    run = start(folder, [kit.read(source, allow_gaps=True), kit.write(out)])
    harness.wait_for(lambda: len(kit.consume(out)) >= 200, 60, 'what is left')
    end(run, folder)
  finally:
    run.kill()
  ids = sorted(row['id'] for row in kit.rows(out))
  assert ids == [*range(100), *range(200, 300)], ids


def test_broker_is_away(folder):
  """While the broker of the target is away epochs go on; when it is back everything arrives once."""
  source, out = kit.topic(), kit.topic()
  kit.produce(source, [{'id': i} for i in range(20000)])
  steps = [kit.read(source), kit.write(out, retry={'delay': '100ms'})]
  run = start(folder, steps)
  try:
    harness.wait_for(lambda: len(kit.consume(out)) > 0, 60, 'the first records')
    for i in range(3):
      kit.broker.crash('kafka')
      time.sleep(0.5)
      kit.broker.up('kafka')
      kit.produce(source, [{'id': j} for j in range(20000 + 1000 * i, 21000 + 1000 * i)])
    harness.wait_for(lambda: len(kit.consume(out)) >= 23000 or run.poll() is not None, 90, 'all records')
    assert run.poll() is None, log_of(folder)
    end(run, folder)
  finally:
    run.kill()
  check_once(out, 23000)


def test_two_at_once(folder):
  """A second run with a copy of the state is fenced or refused: it adds nothing twice."""
  source, out = kit.topic(), kit.topic()
  kit.produce(source, [{'id': i} for i in range(1000)])
  steps = [kit.read(source), kit.write(out)]
  run = start(folder, steps)
  try:
    harness.wait_for(lambda: len(kit.consume(out)) == 1000, 60, 'the first records')
    other = os.path.join(folder, 'other')
    subprocess.run(['cp', '-r', os.path.join(folder, 'state'), other], check=True)
    second = subprocess.Popen([harness.WEIR, 'run', 'p.yaml', '-q', '--state', 'other'], cwd=folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
      time.sleep(2)
      kit.produce(source, [{'id': i} for i in range(1000, 2000)])
      harness.wait_for(lambda: run.poll() is not None or second.poll() is not None, 60, 'the end of one of them')
    finally:
      second.kill()
      second.wait()
  finally:
    run.kill()
    run.wait()
  ids = [row['id'] for row in kit.rows(out)]
  assert len(ids) == len(set(ids)), f'{len(ids)} records, {len(set(ids))} of them different'


def copier(folder, number, name, out):
  """A member of the group `name`, which copies what it reads."""
  return start(os.path.join(folder, str(number)), [kit.read(name, group=name), kit.write(out, key='id')])


def test_rebalance(folder):
  """Members of a group come, go and are killed: every partition has a reader, and each record arrives once."""
  name, out = kit.topic(6), kit.topic(2)
  sent = 0

  def feed(count, times=1, pause=0.0):
    nonlocal sent
    for _ in range(times):
      kit.produce(name, [{'id': i} for i in range(sent, sent + count)])
      sent += count
      time.sleep(pause)

  feed(5000)
  members = [copier(folder, 1, name, out)]
  try:
    harness.wait_for(lambda: sum(kit.ends(out).values()) > 4000, 60, 'the first member')
    members.append(copier(folder, 2, name, out))
    feed(1000, 8, 0.5)
    for i, member in enumerate(members):
      assert member.poll() is None, f'member {i + 1} ended with {member.returncode}: {log_of(os.path.join(folder, str(i + 1)))}'
    end(members.pop(), os.path.join(folder, '2'))
    feed(1000, 3, 0.5)
    members.append(copier(folder, 2, name, out))
    feed(1000, 3, 0.5)
    members[1].kill()
    members[1].wait()
    members[1] = copier(folder, 2, name, out)
    feed(1000, 3, 0.5)
    harness.wait_for(lambda: len(kit.consume(out)) >= sent, 90, 'all records')
    for i, member in enumerate(members):
      end(member, os.path.join(folder, str(i + 1)))
  finally:
    for member in members:
      member.kill()
  check_once(out, sent)
