"""Networks and stores that are ill: the result is that of healthy ones, or a clean error and nothing to be seen."""

import os
import random
import subprocess
import threading
import time

from fault_proxy import Answer, Fault, HttpProxy, TcpProxy
from store import WEIR, environment, make_rows, read_back, run, step, write_pipeline

SLOW_DOWN = b'<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
INTERNAL = b'<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>'


def copy_through(folder, s3, port, name, width=30, count=60_000):
  """Rows into an object of several parts and back, both through `port`."""
  make_rows(folder, count, width=width)
  env = environment(s3, port)
  path = f's3://{s3.bucket}/faults/{name}.txt'
  run(folder, [step('ReadFromText', path='rows.json'), step('WriteToText', path=path)], env, seconds=240)
  run(folder, [step('ReadFromText', path=path), step('WriteToText', path='back.txt')], env, seconds=240)
  with open(os.path.join(folder, 'rows.json'), 'rb') as file:
    expected = file.read()
  with open(os.path.join(folder, 'back.txt'), 'rb') as file:
    assert file.read() == expected, 'what came back is something else'
  assert s3.get(f'faults/{name}.txt') == expected
  keys, uploads = s3.keys('faults/'), s3.uploads('faults/')
  assert keys == [f'faults/{name}.txt'] and not uploads, f'objects {keys}, uploads {uploads}'
  s3.clear('faults/')


class Sometimes:
  """A rule that harms every request with some probability, and counts."""

  def __init__(self, seed, probability, make):
    self.random, self.probability, self.make, self.harmed = random.Random(seed), probability, make, 0
    self.lock = threading.Lock()

  def __call__(self, request):
    with self.lock:
      harm = self.random.random() < self.probability
      self.harmed += harm
    return self.make(request) if harm else None


def harmed_copy(folder, s3, name, make, probability=0.3):
  seed = int(os.environ.get('WEIR_TEST_SEED') or (20261121 if os.environ.get('CI') else random.SystemRandom().randrange(1 << 30)))
  rule = Sometimes(seed, probability, make)
  try:
    with HttpProxy(s3.port, rule) as proxy:
      copy_through(folder, s3, proxy.port, name)
  except Exception as error:
    raise AssertionError(f'seed {seed}: {error}') from error
  return f'seed {seed}: {rule.harmed} of {len(proxy.requests)} requests were harmed'


def test_throttling(folder, s3):
  return harmed_copy(folder, s3, 'throttled', lambda _: Answer(503, SLOW_DOWN))


def test_internal_errors(folder, s3):
  return harmed_copy(folder, s3, 'internal', lambda _: Answer(500, INTERNAL))


def test_requests_that_happened_but_whose_answer_was_lost(folder, s3):
  return harmed_copy(folder, s3, 'lost', lambda _: Answer(after_server=True, drop=True))


def test_resets(folder, s3):
  return harmed_copy(folder, s3, 'reset', lambda _: Answer(drop=True))


def test_bodies_that_are_cut(folder, s3):
  return harmed_copy(folder, s3, 'cut', lambda r: Answer(truncate_to=100) if r.method == 'GET' else None)


def test_answers_200_with_an_error_body(folder, s3):
  """CompleteMultipartUpload answers 200 before it knows: the error is in the body. Heard or not heard by the store."""
  seen = []

  def rule(request):
    if request.method == 'POST' and 'uploadId' in request.path:
      seen.append(request.path)
      if len(seen) < 4:
        return Answer(200, INTERNAL, after_server=len(seen) == 3)
    return None

  with HttpProxy(s3.port, rule) as proxy:
    copy_through(folder, s3, proxy.port, 'liar')
  assert len(seen) >= 4, seen


def test_half_open_connections(folder, s3):
  """A connection on which nothing comes any more is given up; the next one works."""
  with TcpProxy(s3.port, seed=3) as proxy:
    proxy.fault = Fault('half-open', 'response', after_bytes=200_000)
    threading.Timer(1.5, lambda: setattr(proxy, 'fault', None)).start()
    start = time.monotonic()
    copy_through(folder, s3, proxy.port, 'halfopen', count=20_000)
    return f'took {time.monotonic() - start:.0f} s'


def test_slow_and_sliced_networks(folder, s3):
  with TcpProxy(s3.port) as proxy:
    proxy.fault = Fault('latency', seconds=0.01)
    copy_through(folder, s3, proxy.port, 'latency', count=20_000)
    proxy.fault = Fault('slice', slice_bytes=500)
    copy_through(folder, s3, proxy.port, 'sliced', count=5_000)


def test_a_store_that_is_away_for_a_moment(folder, s3):
  with TcpProxy(s3.port) as proxy:
    proxy.down()
    threading.Timer(2, proxy.up).start()
    copy_through(folder, s3, proxy.port, 'away', count=5_000)


def test_objects_that_are_replaced_while_they_are_read(folder, s3):
  """Never bytes of two versions: the run says what happened."""
  line = b'{"v": 1, "pad": "' + b'x' * 1000 + b'"}\n'
  s3.put('replaced.json', line * 40_000)
  state = {'reads': 0}

  def rule(request):
    if request.method == 'GET' and request.path.endswith('/replaced.json'):
      state['reads'] += 1
      if state['reads'] == 3:
        s3.clone().put('replaced.json', line.replace(b'1', b'2') * 40_000)
    return None

  with HttpProxy(s3.port, rule) as proxy:
    steps = [step('ReadFromJson', path=f's3://{s3.bucket}/replaced.json'), step('WriteToJson', path='o.json')]
    _, said = run(folder, steps, environment(s3, proxy.port), expected=1)
  assert 'was replaced while it was read' in said, said
  assert not os.path.exists(os.path.join(folder, 'o.json'))


def test_a_run_that_fails_leaves_nothing(folder, s3):
  make_rows(folder, 60_000, width=30)
  with open(os.path.join(folder, 'rows.json'), 'a', encoding='utf-8') as file:
    file.write('{"id": "no number"}\n')
  steps = [step('ReadFromJson', path='rows.json'), step('WriteToJson', path=f's3://{s3.bucket}/failed/out.json')]
  run(folder, steps, environment(s3), expected=1)
  assert s3.keys('failed/') == [] and s3.uploads('failed/') == []
  make_rows(folder, 60_000, width=30)
  rule = Sometimes(0, 1, lambda r: Answer(403, b'<Error><Code>AccessDenied</Code></Error>')
                   if r.method == 'PUT' and 'partNumber=2' in r.path else None)
  with HttpProxy(s3.port, rule) as proxy:
    _, said = run(folder, steps, environment(s3, proxy.port), expected=1)
  assert 'AccessDenied' in said, said
  assert s3.keys('failed/') == [] and s3.uploads('failed/') == []


def test_readers_never_see_a_part(folder, s3):
  """Killed at random moments while it writes: there is no object, or the whole one."""
  seed = int(os.environ.get('WEIR_TEST_SEED') or (20261121 if os.environ.get('CI') else random.SystemRandom().randrange(1 << 30)))
  rng = random.Random(seed)
  make_rows(folder, 60_000, width=30)
  with open(os.path.join(folder, 'rows.json'), 'rb') as file:
    expected = file.read()
  steps = [step('ReadFromText', path='rows.json'), step('WriteToText', path=f's3://{s3.bucket}/killed/o.txt')]
  write_pipeline(folder, steps)
  whole = 0
  for _ in range(20):
    process = subprocess.Popen([WEIR, 'run', 'p.yaml', '-q'], cwd=folder, env=environment(s3),
                               stderr=subprocess.DEVNULL)
    time.sleep(rng.random() * 0.6)
    process.kill()
    process.wait()
    keys = s3.keys('killed/')
    assert keys in ([], ['killed/o.txt']), f'seed {seed}: {keys}'
    if keys:
      assert s3.get('killed/o.txt') == expected, f'seed {seed}: a part of it'
      whole += 1
      s3.clear('killed/')
  left = s3.uploads('killed/')
  run(folder, steps, environment(s3))
  assert len(read_back(folder, environment(s3), 'ReadFromJson', f's3://{s3.bucket}/killed/o.txt')) == 60_000
  return f'seed {seed}: 20 kills, {whole} had written it; {len(left)} uploads were left'
