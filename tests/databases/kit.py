"""What the tests of databases share: pipelines, SQL by psql and sqlite3, runs that are killed."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import traceback

WEIR = os.environ.get('WEIR', 'weir')
FILTER = os.environ.get('WEIR_TEST_FILTER', '')


def step(kind, **config):
  return {'type': kind, 'config': config}


def write_pipeline(folder, steps, name='p.yaml', **more):
  """A chain of steps as a file."""
  path = os.path.join(folder, name)
  with open(path, 'w', encoding='utf-8') as file:
    json.dump({'pipeline': {'type': 'chain', 'transforms': steps}, **more}, file)
  return path


def run(folder, steps, *options, expected=0, env=None, seconds=120):
  """Runs a chain of steps to its end; returns (stdout, stderr)."""
  path = write_pipeline(folder, steps)
  done = subprocess.run([WEIR, 'run', path, '-q', *options], cwd=folder, capture_output=True, text=True,
                        timeout=seconds, env=env, check=False)
  assert done.returncode == expected, f'exit status {done.returncode}: {done.stderr}'
  return done.stdout, done.stderr


def rows_of(folder, steps, *options):
  """What a chain of steps gives, as dictionaries."""
  out, _ = run(folder, steps + [step('Print', format='json', limit=0)], *options)
  return [json.loads(line) for line in out.splitlines()]


def errors_of(folder, source, sink):
  """What a sink refuses of the rows of a source, as dictionaries {element, msg, stack}."""
  path = os.path.join(folder, 'p.yaml')
  sink = dict(sink, config=dict(sink['config'], error_handling={'output': 'bad'}))
  steps = [dict(source, name='rows'), dict(sink, name='sink', input='rows'),
           dict(step('Print', format='json', limit=0), input='sink.bad')]
  with open(path, 'w', encoding='utf-8') as file:
    json.dump({'pipeline': {'transforms': steps}}, file)
  done = subprocess.run([WEIR, 'run', path, '-q'], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
  assert done.returncode == 0, done.stderr
  return [json.loads(line) for line in done.stdout.splitlines()]


def sqlite(path, sql):
  with sqlite3.connect(path) as connection:
    return connection.execute(sql).fetchall()


class Postgres:
  """A server's database, by psql."""

  def __init__(self, url):
    self.url = url

  def __call__(self, sql):
    """Rows as lists of text; null as None."""
    done = subprocess.run(['psql', self.url, '-XqAt', '-F', '\x1f', '-P', 'null=\\N', '-v', 'ON_ERROR_STOP=1', '-c', sql],
                          capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [[None if cell == '\\N' else cell for cell in line.split('\x1f')] for line in done.stdout.splitlines()]


def wait_for(condition, seconds=30, what='it'):
  end = time.monotonic() + seconds
  while True:
    value = condition()
    if value:
      return value
    assert time.monotonic() < end, f'{what} did not happen within {seconds} s'
    time.sleep(0.02)


class Killed:
  """A durable run that is killed at random moments and started again."""

  def __init__(self, folder, steps, *options, seed=None):
    self.folder, self.options = folder, options
    self.seed = int.from_bytes(os.urandom(4), 'big') if seed is None else seed
    self.random = random.Random(self.seed)
    self.path = write_pipeline(folder, steps)
    self.kills = 0
    self.process = None
    self.is_over = False

  def start(self):
    self.process = subprocess.Popen(
        [WEIR, 'run', self.path, '-q', '--state', os.path.join(self.folder, 'state'), '--epoch', '100ms', *self.options],
        cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

  def kill_after(self, least_s, most_s):
    """False: it ended before."""
    if self.process is None:
      self.start()
    try:
      self.process.wait(self.random.uniform(least_s, most_s))
    except subprocess.TimeoutExpired:
      self.process.kill()
      self.process.communicate()
      self.process = None
      self.kills += 1
      return True
    self.ended(0)
    return False

  def ended(self, expected):
    self.is_over = True
    error = self.process.communicate()[1].decode()
    assert self.process.returncode == expected, f'seed {self.seed}: exit status {self.process.returncode}: {error}'

  def finish(self, seconds=120):
    if self.is_over:
      return
    if self.process is None:
      self.start()
    try:
      self.process.wait(seconds)
    except subprocess.TimeoutExpired:
      self.process.kill()
      raise AssertionError(f'seed {self.seed}: no end: {self.process.communicate()[1].decode()}') from None
    self.ended(0)

  def drain(self):
    if self.process is None:
      self.start()
      time.sleep(1)
    self.process.send_signal(signal.SIGINT)
    self.finish()


def run_tests(tests, make_folder):
  """Runs (name, function) pairs; prints `ok NAME` or `not ok NAME`. The exit status."""
  failed = 0
  for name, test in tests:
    if FILTER not in name:
      continue
    with make_folder() as folder:
      try:
        note = test(folder)
        print(f'ok {name}', flush=True)
        if note:
          print(f'# {note}', flush=True)
      except Exception as error:  # every kind of failure is a failed test
        failed += 1
        where = traceback.extract_tb(sys.exc_info()[2])[-1]
        print(f'not ok {name} - {where.name}:{where.lineno} {str(error)[:300]!r}')
        print('\n'.join('# ' + line for line in traceback.format_exc().splitlines()), flush=True)
  return 1 if failed else 0
