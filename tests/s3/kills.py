"""Durable runs that are killed again and again while they write objects: each row is there once, and whoever looks on
never sees a part of an object, nor one that changes."""

import json
import os
import random
import signal
import subprocess
import threading
import time

import servers
from fault_proxy import Answer, HttpProxy
from s3 import S3
from store import WEIR, environment, step, write_pipeline

KILLS = 22
ROWS_PER_FILE = 400
POINTS = ('objects.upload.before', 'objects.complete.before', 'objects.complete.after', 'files.prepare.after',
          'files.commit.before', 'files.commit.between', 'files.commit.after')


class Onlooker:
  """Reads everything below a prefix again and again."""

  def __init__(self, s3, prefix):
    self.s3, self.prefix, self.seen, self.wrong, self.looks = s3.clone(), prefix, {}, [], 0
    self.stop = threading.Event()
    self.thread = threading.Thread(target=self.work, daemon=True)

  def __enter__(self):
    self.thread.start()
    return self

  def __exit__(self, *_):
    self.stop.set()
    self.thread.join()

  def work(self):
    while not self.stop.is_set():
      self.look()
      time.sleep(0.05)

  def look(self):
    self.looks += 1
    keys = self.s3.keys(self.prefix)
    self.wrong += [f'{key} is gone' for key in self.seen if key not in keys]
    for key in keys:
      if key in self.seen and self.looks % 10:
        continue  # what is there is read again now and then
      body = self.s3.get(key)
      if not body.endswith(b'\n'):
        self.wrong.append(f'{key} is a part')
      if self.seen.setdefault(key, body) != body:
        self.wrong.append(f'{key} has changed')

  def ids(self):
    return [json.loads(line)['id'] for body in list(self.seen.values()) for line in body.splitlines()]


class Killed:
  """A durable run of p.yaml that is started, killed, and at last drained."""

  def __init__(self, folder, s3, seed):
    self.folder, self.env, self.random, self.kills = folder, environment(s3), random.Random(seed), 0

  def start(self, **env):
    lanes = str(self.random.choice((1, 2, 3)))
    command = [WEIR, 'run', 'p.yaml', '-q', '--state', 'state', '--epoch', '80ms', '--lanes', lanes]
    return subprocess.Popen(command, cwd=self.folder, env={**self.env, **env}, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)

  def kill_at_random(self):
    process = self.start()
    # Some of the kills hit the recovery of the one before.
    time.sleep(self.random.uniform(0.02, 0.12) if self.random.random() < 0.2 else self.random.uniform(0.15, 0.8))
    assert process.poll() is None, process.communicate()[1].decode()
    process.kill()
    process.communicate()
    self.kills += 1

  def kill_at(self, point):
    process = self.start(WEIR_KILL_AT=f'{point}:{self.random.choice((1, 2, 3))}')
    try:
      said = process.communicate(timeout=4)[1].decode()
      assert process.returncode == 137, f'{point}: exit status {process.returncode}: {said}'
      self.kills += 1
      return True
    except subprocess.TimeoutExpired:  # there was not enough to write
      process.kill()
      process.communicate()
      self.kills += 1
      return False

  def finish(self, done):
    """Runs until `done()`, then drains."""
    process = self.start()
    end = time.monotonic() + 60
    while not done():
      assert process.poll() is None, process.communicate()[1].decode()
      assert time.monotonic() < end, 'the rows did not come'
      time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, f'exit status {process.returncode}: {said.decode()}'


def body_of(number):
  return ''.join(f'{{"id": {number * ROWS_PER_FILE + i}, "pad": "{"x" * 100}"}}\n' for i in range(ROWS_PER_FILE))


def killed_copy(folder, s3, name, source, add):
  """`add(number)` brings the next input; it goes on while the run is killed."""
  seed = int(os.environ.get('WEIR_TEST_SEED') or (20261121 if os.environ.get('CI') else random.SystemRandom().randrange(1 << 30)))
  steps = [source, step('WriteToJson', path=f's3://{s3.bucket}/{name}/', roll={'every': '250ms', 'bytes': '100kB'})]
  write_pipeline(folder, steps)
  run = Killed(folder, s3, seed)
  files = 0
  hit = set()
  try:
    with Onlooker(s3, name + '/') as onlooker:
      for i in range(KILLS + len(POINTS)):
        for _ in range(4):
          add(files)
          files += 1
        if i < KILLS:
          run.kill_at_random()
        elif run.kill_at(POINTS[i - KILLS]):
          hit.add(POINTS[i - KILLS])
      run.finish(lambda: len(onlooker.ids()) >= files * ROWS_PER_FILE)
    onlooker.looks = -1  # everything is read once more
    onlooker.look()
    assert not onlooker.wrong, onlooker.wrong[:5]
    assert s3.uploads(name + '/') == [], 'uploads were left'
    ids = sorted(onlooker.ids())
    expected = list(range(files * ROWS_PER_FILE))
    missing, twice = len(set(expected) - set(ids)), len(ids) - len(set(ids))
    assert ids == expected, f'{missing} rows are missing, {twice} are there twice'
  except AssertionError as error:
    raise AssertionError(f'seed {seed}: {error}') from error
  return (f'seed {seed}: {run.kills} kills, {len(hit)} of them at named points; {len(ids)} rows once each in '
          f'{len(onlooker.seen)} objects')


def test_from_files(folder, s3):
  os.mkdir(os.path.join(folder, 'in'))

  def add(number):
    with open(os.path.join(folder, 'in', f'.{number}'), 'w', encoding='utf-8') as file:
      file.write(body_of(number))
    os.rename(os.path.join(folder, 'in', f'.{number}'), os.path.join(folder, 'in', f'{number}.json'))

  return killed_copy(folder, s3, 'kills-files', step('ReadFromJson', path='in/*.json', watch=True, settle='0s'), add)


def test_from_objects(folder, s3):
  source = step('ReadFromJson', path=f's3://{s3.bucket}/kills-from/*.json', watch=True)
  return killed_copy(folder, s3, 'kills-objects', source,
                     lambda number: s3.put(f'kills-from/{number}.json', body_of(number)))


def test_bounded_input_into_one_object(folder, s3):
  """Nothing is there until everything is, however often it begins again."""
  seed = int(os.environ.get('WEIR_TEST_SEED') or (20261121 if os.environ.get('CI') else random.SystemRandom().randrange(1 << 30)))
  rng = random.Random(seed)
  with open(os.path.join(folder, 'rows.json'), 'w', encoding='utf-8') as file:
    for number in range(1500):
      file.write(body_of(number))
  write_pipeline(folder, [step('ReadFromJson', path='rows.json'),
                          step('WriteToJson', path=f's3://{s3.bucket}/kills-one/all.json')])
  run = Killed(folder, s3, seed)
  kills = 0
  for _ in range(200):
    process = run.start(**({'WEIR_KILL_AT': rng.choice(POINTS[:3]) + ':1'} if kills >= KILLS else {}))
    try:
      process.wait(timeout=rng.uniform(0.03, 0.25) if kills < KILLS else 60)
    except subprocess.TimeoutExpired:
      assert s3.keys('kills-one/') in ([], ['kills-one/all.json'])
      process.kill()
    said = process.communicate()[1].decode()
    if process.returncode == 0:
      break
    assert process.returncode in (-9, 137), f'seed {seed}: {process.returncode}: {said}'
    kills += 1
  ids = [json.loads(line)['id'] for line in s3.get('kills-one/all.json').splitlines()]
  assert sorted(ids) == list(range(1500 * ROWS_PER_FILE)), f'seed {seed}'
  assert process.returncode == 0, f'seed {seed}: it did not end'
  return f'seed {seed}: {kills} kills'


def test_a_store_that_is_killed(folder, s3):
  """The server dies in the middle, five times, and comes back with its data: the run waits and goes on."""
  with servers.running('s3') as server:
    own = S3(int(server.env['WEIR_TEST_S3_ENDPOINT'].rsplit(':', 1)[1]), s3.access_key, s3.secret_key, s3.region, 'own')
    own.make_bucket()
    sink = step('WriteToJson', path='s3://own/to/', roll={'every': '250ms', 'bytes': '100kB'})
    write_pipeline(folder, [step('ReadFromJson', path='s3://own/from/*.json', watch=True), sink])
    run = Killed(folder, own, 0)
    process = run.start()
    for i in range(30):
      own.put(f'from/{i}.json', body_of(i))
      if i % 6 == 3:
        server.crash('s3')
        time.sleep(0.3)
        server.up('s3')
    end = time.monotonic() + 60
    ids = []
    while len(ids) < 30 * ROWS_PER_FILE and time.monotonic() < end:
      assert process.poll() is None, process.communicate()[1].decode()
      time.sleep(0.2)
      ids = [json.loads(line)['id'] for key in own.keys('to/') for line in own.get(key).splitlines()]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said.decode()
    assert sorted(ids) == list(range(30 * ROWS_PER_FILE)), f'{len(ids)} rows, {len(set(ids))} different ones'


def test_a_store_that_stays_away(folder, s3):
  """The run ends and says why; nothing is passed over: the next one reads what was still to be read."""
  for i in range(12):
    s3.put(f'away-from/{i:02d}.json', body_of(i))
  source = step('ReadFromJson', path=f's3://{s3.bucket}/away-from/*.json', watch=True)
  write_pipeline(folder, [source, step('WriteToJson', path='out/', roll={'every': '200ms'})])
  run = Killed(folder, s3, 0)
  asked = []

  def rule(request):
    if request.method == 'GET' and request.path.endswith('.json'):
      asked.append(request.path)
      return Answer(503) if len(asked) > 6 else None
    return None

  with HttpProxy(s3.port, rule) as proxy:
    process = run.start(AWS_ENDPOINT_URL=f'http://127.0.0.1:{proxy.port}')
    _, said = process.communicate(timeout=200)
  assert process.returncode == 1 and b'the store answers 503' in said and b'tried' in said, said

  def ids():
    rows = []
    for name in os.listdir(os.path.join(folder, 'out')):
      if not name.startswith('.'):
        with open(os.path.join(folder, 'out', name), encoding='utf-8') as file:
          rows += [json.loads(line)['id'] for line in file]
    return sorted(rows)

  run.finish(lambda: len(ids()) >= 12 * ROWS_PER_FILE)
  assert ids() == list(range(12 * ROWS_PER_FILE))
